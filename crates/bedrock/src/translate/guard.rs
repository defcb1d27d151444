//! The guardrail of a call.

use chat::{
    Content, Error, ErrorKind, Field, GuardrailChoice, GuardrailMode, GuardrailTrace, Message, Request,
    Result,
};

use super::request::{Context, Operation};
use super::sampling::invalid;
use crate::guardrail::{Guardrail, GuardrailIdentifier, GuardrailScope, GuardrailVersion};
use crate::wire::request::GuardrailConfig;

/// Translates the request's own guardrail, where it may bring one, or the model's.
///
/// # Errors
///
/// [`ErrorKind::InvalidRequest`] at the guardrail, or at a mark that the model does not let a request set.
pub(super) fn config<'a>(
    request: &'a Request,
    context: Context<'a>,
    operation: Operation,
) -> Result<Option<GuardrailConfig<'a>>> {
    let choice = request.guardrail.as_ref();
    if choice.is_some() && !context.guardrail_override {
        let message = "this model does not let a request bring its own guardrail \
                       (`bedrock_guardrail_override: allowed` in the manifest would)";
        return Err(Error::new(ErrorKind::InvalidRequest, message).at(Field::Guardrail));
    }
    let is_own = choice.is_none() && context.guardrail.is_some();
    if is_own
        && context.guardrail_scope == GuardrailScope::All
        && let Some(mark) = mark(&request.messages)
    {
        let message = "this model's guardrail assesses all of a prompt; send this part as `text` \
                       (`bedrock_guardrail_scope: all` in the manifest)";
        return Err(Error::new(ErrorKind::InvalidRequest, message).at(mark));
    }
    guardrail_config(choice, context.guardrail, operation)
}

/// The first part that is marked for a guardrail: what is not marked would not be assessed.
fn mark(messages: &[Message]) -> Option<Field> {
    messages.iter().enumerate().find_map(|(index, message)| {
        let place = message.parts().iter().position(|part| matches!(part.content, Content::Guarded(_)))?;
        Some(Field::Part(index, place))
    })
}

fn guardrail_config<'a>(
    choice: Option<&'a GuardrailChoice>,
    configured: Option<&'a Guardrail>,
    operation: Operation,
) -> Result<Option<GuardrailConfig<'a>>> {
    let defaults = configured.map(|guardrail| (guardrail.trace, guardrail.stream_mode)).unwrap_or_default();
    let (identifier, version, trace, mode) = match (choice, configured) {
        (Some(choice), _) => {
            let malformed =
                |error: crate::guardrail::GuardrailError| invalid(Field::Guardrail, error.to_string());
            GuardrailIdentifier::parse(&choice.identifier).map_err(malformed)?;
            GuardrailVersion::parse(&choice.version).map_err(malformed)?;
            let trace = choice.trace.unwrap_or(defaults.0);
            let mode = choice.stream_mode.unwrap_or(defaults.1);
            (choice.identifier.as_str(), choice.version.as_str(), trace, mode)
        }
        (None, Some(guardrail)) => {
            (guardrail.identifier.as_str(), guardrail.version.as_str(), defaults.0, defaults.1)
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(GuardrailConfig {
        guardrail_identifier: identifier,
        guardrail_version: version,
        trace: match trace {
            GuardrailTrace::Disabled => None,
            GuardrailTrace::Enabled => Some("enabled"),
            GuardrailTrace::EnabledFull => Some("enabled_full"),
        },
        stream_processing_mode: match (operation, mode) {
            (Operation::ConverseStream, GuardrailMode::Async) => Some("async"),
            (Operation::ConverseStream, GuardrailMode::Sync) | (Operation::Converse, _) => None,
        },
    }))
}
