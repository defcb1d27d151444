//! The guardrail of a call.

use chat::{Error, ErrorKind, Field, GuardrailChoice, GuardrailMode, GuardrailTrace, Result};

use super::request::{Context, Operation};
use super::sampling::invalid;
use crate::guardrail::{Guardrail, GuardrailIdentifier, GuardrailVersion};
use crate::wire::request::GuardrailConfig;

/// Translates the request's own guardrail, where it may bring one, or the model's.
///
/// # Errors
///
/// [`ErrorKind::InvalidRequest`] at the guardrail.
pub(super) fn config<'a>(
    choice: Option<&'a GuardrailChoice>,
    context: Context<'a>,
    operation: Operation,
) -> Result<Option<GuardrailConfig<'a>>> {
    if choice.is_some() && !context.guardrail_override {
        let message = "this model does not let a request bring its own guardrail \
                       (`bedrock_guardrail_override: allowed` in the manifest would)";
        return Err(Error::new(ErrorKind::InvalidRequest, message).at(Field::Guardrail));
    }
    guardrail_config(choice, context.guardrail, operation)
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
