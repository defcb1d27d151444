//! A request of the domain into the body of a call.

use std::borrow::Cow;

use chat::{
    Error, ErrorKind, Field, GuardrailChoice, GuardrailMode, GuardrailTrace, JsonObject, Request, Result,
    Sampling,
};
use serde_json::Value;

use super::messages::conversation;
use crate::family::{Family, SamplingRule, TopK};
use crate::guardrail::{Guardrail, GuardrailIdentifier, GuardrailVersion};
use crate::wire::request::{Body, GuardrailConfig, InferenceConfig};

/// The largest `maxTokens` that the API's integer holds.
const MAX_TOKENS: u32 = i32::MAX.unsigned_abs();

/// The most stop sequences that the API takes.
const MAX_STOP_SEQUENCES: usize = 2500;

/// What a body depends on besides the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// What the model accepts.
    pub(crate) family: &'a Family,
    /// The model's own guardrail.
    pub(crate) guardrail: Option<&'a Guardrail>,
    /// Whether a request may bring a guardrail of its own.
    pub(crate) guardrail_override: bool,
}

/// Which operation a body is for. The bodies differ in one member only: `streamProcessingMode`, and that only
/// where it is not the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// `Converse`.
    Converse,
    /// `ConverseStream`.
    ConverseStream,
}

/// A body, ready to be sent.
#[derive(Debug)]
pub(crate) struct Translated {
    /// The JSON.
    pub(crate) body: Vec<u8>,
    /// What could not be sent as the client wrote it.
    pub(crate) adjusted: Vec<Field>,
}

/// Translates a request.
///
/// # Errors
///
/// [`ErrorKind::InvalidRequest`] and [`ErrorKind::Unsupported`], with the field to blame.
pub(crate) fn request(request: &Request, context: Context<'_>, operation: Operation) -> Result<Translated> {
    // Destructured, so that a new member of the domain cannot be forgotten here. The metadata are the
    // variables of a parameterized prompt, which is rendered by now.
    let Request { system_prompt, messages, sampling, guardrail, metadata: _, additional_fields } = request;
    let conversation = conversation(system_prompt.as_deref(), messages, context.family)?;
    let mut adjusted = conversation.adjusted;
    let choice = match guardrail {
        Some(_) if !context.guardrail_override => {
            let message = "this model does not let a request bring its own guardrail \
                           (`bedrock_guardrail_override: allowed` in the manifest would)";
            return Err(Error::new(ErrorKind::InvalidRequest, message).at(Field::Guardrail));
        }
        choice => choice.as_ref(),
    };
    let (inference_config, top_k) = inference_config(sampling, context.family, &mut adjusted)?;
    let body = Body {
        messages: conversation.turns,
        system: conversation.system,
        inference_config,
        guardrail_config: guardrail_config(choice, context.guardrail, operation)?,
        additional_model_request_fields: additional_fields_with(additional_fields.as_ref(), top_k),
    };
    let body = serde_json::to_vec(&body).map_err(|error| {
        Error::new(ErrorKind::InvalidRequest, format!("the request cannot be written: {error}"))
    })?;
    Ok(Translated { body, adjusted })
}

/// Checks the request defaults of a model, and gives the names of those that its family does not take.
///
/// # Errors
///
/// The name of the parameter to blame, as the manifest spells it, and what is wrong.
pub fn check_sampling(
    sampling: &Sampling,
    family: &Family,
) -> Result<Vec<&'static str>, (&'static str, String)> {
    let mut dropped = Vec::new();
    match inference_config(sampling, family, &mut dropped) {
        Ok(_) => Ok(dropped.iter().map(param_name).collect()),
        Err(error) => Err((error.field().map_or("maxTokens", param_name), error.message().to_owned())),
    }
}

fn param_name(field: &Field) -> &'static str {
    if *field == Field::Temperature {
        "temperature"
    } else if *field == Field::TopP {
        "topP"
    } else if *field == Field::TopK {
        "topK"
    } else if *field == Field::Stop {
        "stopSequences"
    } else {
        "maxTokens"
    }
}

/// A number of candidate tokens and where the family takes it.
type PlacedTopK = Option<(TopK, u32)>;

fn inference_config<'a>(
    sampling: &'a Sampling,
    family: &Family,
    adjusted: &mut Vec<Field>,
) -> Result<(InferenceConfig<'a>, PlacedTopK)> {
    let Sampling { max_tokens, temperature, top_p, top_k, stop } = sampling;
    if max_tokens.is_some_and(|max| max == 0 || max > MAX_TOKENS) {
        return Err(invalid(Field::MaxTokens, format!("must be from 1 to {MAX_TOKENS}")));
    }
    in_unit_range(*temperature, Field::Temperature)?;
    in_unit_range(*top_p, Field::TopP)?;
    check_stop(stop, family)?;
    let mut config = InferenceConfig {
        max_tokens: *max_tokens,
        temperature: *temperature,
        top_p: *top_p,
        stop_sequences: stop,
    };
    let mut top_k = *top_k;
    match family.sampling {
        SamplingRule::Both => {}
        SamplingRule::OneOf => {
            if config.temperature.is_some() && config.top_p.take().is_some() {
                adjusted.push(Field::TopP);
            }
        }
        SamplingRule::None => {
            if config.temperature.take().is_some() {
                adjusted.push(Field::Temperature);
            }
            if config.top_p.take().is_some() {
                adjusted.push(Field::TopP);
            }
            if top_k.take().is_some() {
                adjusted.push(Field::TopK);
            }
        }
    }
    match (top_k, family.top_k) {
        (None, _) => Ok((config, None)),
        (Some(_), TopK::None) => Err(Error::new(
            ErrorKind::Unsupported,
            format!("models of the family `{}` have no such parameter", family.name),
        )
        .at(Field::TopK)),
        (Some(value), place) => Ok((config, Some((place, value)))),
    }
}

fn invalid(field: Field, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, message).at(field)
}

fn in_unit_range(value: Option<f64>, field: Field) -> Result<()> {
    match value {
        Some(value) if !(0.0..=1.0).contains(&value) => {
            Err(invalid(field, format!("Amazon Bedrock takes numbers from 0 to 1, not {value}")))
        }
        _ => Ok(()),
    }
}

fn check_stop(stop: &[String], family: &Family) -> Result<()> {
    if stop.is_empty() {
        return Ok(());
    }
    if !family.stop {
        let message = format!("models of the family `{}` take no stop sequences", family.name);
        return Err(Error::new(ErrorKind::Unsupported, message).at(Field::Stop));
    }
    if stop.len() > MAX_STOP_SEQUENCES {
        let message = format!("at most {MAX_STOP_SEQUENCES} stop sequences, not {}", stop.len());
        return Err(invalid(Field::Stop, message));
    }
    Ok(())
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

/// Puts the number of candidate tokens among the additional fields; it wins over a field of the same name.
fn additional_fields_with(fields: Option<&JsonObject>, top_k: PlacedTopK) -> Option<Cow<'_, JsonObject>> {
    let Some((place, value)) = top_k else {
        return fields.map(Cow::Borrowed);
    };
    let mut merged = fields.cloned().unwrap_or_default();
    match place {
        TopK::TopK => drop(merged.insert("top_k".into(), value.into())),
        TopK::K => drop(merged.insert("k".into(), value.into())),
        TopK::InferenceConfig => {
            let entry = merged.entry("inferenceConfig").or_insert_with(|| Value::Object(JsonObject::new()));
            if let Value::Object(inner) = entry {
                inner.insert("topK".into(), value.into());
            } else {
                let inner = JsonObject::from_iter([("topK".to_owned(), Value::from(value))]);
                *entry = Value::Object(inner);
            }
        }
        TopK::None => {}
    }
    Some(Cow::Owned(merged))
}
