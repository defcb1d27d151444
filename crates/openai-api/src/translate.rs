//! The wire's request into the domain's.

use chat::{GuardrailChoice, Message as ChatMessage, Part as ChatPart, Request, Role, Sampling};

use crate::error::ApiError;
use crate::wire::{ChatCompletionRequest, Content, Guardrail, Message, Part, Refused, WireRole};

/// A request that can go to a model.
#[derive(Debug)]
pub struct Translated {
    /// What is asked.
    pub request: Request,
    /// The name of the model that is asked.
    pub model: String,
    /// Whether the answer comes piece by piece.
    pub stream: bool,
    /// Whether a streamed answer ends with what it cost.
    pub include_usage: bool,
    /// The members that were accepted without effect; fit for a header.
    pub ignored: Vec<String>,
}

/// Translates a request.
///
/// # Errors
///
/// A 400 that names the member: one that is missing, out of OpenAI's range, or not served.
pub fn translate(wire: ChatCompletionRequest) -> Result<Translated, ApiError> {
    let Some(model) = wire.model.filter(|model| !model.is_empty()) else {
        return Err(missing("model"));
    };
    let Some(messages) = wire.messages else { return Err(missing("messages")) };
    if messages.is_empty() {
        let message = "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array with length 0 instead.";
        return Err(ApiError::invalid(message).param("messages").code("empty_array"));
    }
    if let Some(Refused(name)) = wire.refused {
        return Err(unsupported(name.to_owned(), &format!("'{name}'")));
    }
    within("temperature", wire.temperature.map(|value| value.0), 2.0)?;
    within("top_p", wire.top_p.map(|value| value.0), 1.0)?;
    let max_tokens = match (wire.max_completion_tokens, wire.max_tokens) {
        (Some(value), _) => Some(at_least_one("max_completion_tokens", value.0)?),
        (None, Some(value)) => Some(at_least_one("max_tokens", value.0)?),
        (None, None) => None,
    };
    let stop = wire.stop.map(|stop| stop.0).unwrap_or_default();
    let request = Request {
        system_prompt: None,
        messages: messages.into_iter().enumerate().map(message).collect::<Result<_, _>>()?,
        sampling: Sampling {
            max_tokens,
            temperature: wire.temperature.map(|value| value.0),
            top_p: wire.top_p.map(|value| value.0),
            top_k: wire.top_k.map(|value| value.0),
            // A stop sequence of nothing but space would end every answer at its first gap.
            stop: stop.into_iter().filter(|text| !text.trim().is_empty()).collect(),
        },
        guardrail: wire.guardrail.map(guardrail),
        metadata: wire.metadata,
        additional_fields: wire.additional_fields,
    };
    let stream = wire.stream.unwrap_or(false);
    Ok(Translated { request, model, stream, include_usage: wire.include_usage, ignored: wire.ignored })
}

fn missing(name: &str) -> ApiError {
    let message = format!("Missing required parameter: '{name}'.");
    ApiError::invalid(message).param(name).code("missing_required_parameter")
}

fn unsupported(param: String, what: &str) -> ApiError {
    ApiError::invalid(format!("Unsupported parameter: {what} is not supported."))
        .param(param)
        .code("unsupported_parameter")
}

fn within(name: &str, value: Option<f64>, max: f64) -> Result<(), ApiError> {
    let Some(value) = value.filter(|value| !(0.0..=max).contains(value)) else { return Ok(()) };
    let (bound, sign, limit, code) = if value < 0.0 {
        ("below minimum", ">=", 0.0, "decimal_below_min_value")
    } else {
        ("above maximum", "<=", max, "decimal_above_max_value")
    };
    let message = format!(
        "Invalid '{name}': decimal {bound} value. Expected a value {sign} {limit}, but got {value} instead."
    );
    Err(ApiError::invalid(message).param(name).code(code))
}

fn at_least_one(name: &str, value: u32) -> Result<u32, ApiError> {
    if value >= 1 {
        return Ok(value);
    }
    let message = format!(
        "Invalid '{name}': integer below minimum value. Expected a value >= 1, but got {value} instead."
    );
    Err(ApiError::invalid(message).param(name).code("integer_below_min_value"))
}

fn message((index, message): (usize, Message)) -> Result<ChatMessage, ApiError> {
    let at = |member: &str| format!("messages[{index}].{member}");
    let role = match message.role {
        WireRole::System | WireRole::Developer => Role::System,
        WireRole::User => Role::User,
        WireRole::Assistant => Role::Assistant,
        WireRole::Tool => return Err(unsupported(at("role"), &format!("'{}' of `tool`", at("role")))),
        WireRole::Function => {
            return Err(unsupported(at("role"), &format!("'{}' of `function`", at("role"))));
        }
    };
    if let Some(name) = message.refused {
        return Err(unsupported(at(name), &format!("'{}'", at(name))));
    }
    let content = match message.content {
        Some(Content::Text(text)) => vec![ChatPart::Text(text)],
        Some(Content::Parts(parts)) => parts
            .into_iter()
            .enumerate()
            .map(|(part, content)| text_of(content, index, part))
            .collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    // An assistant that refused has said so, and nothing else.
    let content = match message.refusal.filter(|_| content.is_empty() && role == Role::Assistant) {
        Some(refusal) => vec![ChatPart::Text(refusal)],
        None => content,
    };
    if content.is_empty() && role != Role::Assistant {
        let param = at("content");
        let text = format!("Invalid '{param}': expected a string or a non-empty array of content parts.");
        return Err(ApiError::invalid(text).param(param));
    }
    Ok(ChatMessage { role, content })
}

fn text_of(part: Part, message: usize, index: usize) -> Result<ChatPart, ApiError> {
    match part {
        Part::Text(text) => Ok(ChatPart::Text(text)),
        Part::Other(kind) => {
            let param = format!("messages[{message}].content[{index}]");
            let what = format!("'{param}' of type `{kind}`");
            Err(unsupported(param, &what))
        }
    }
}

fn guardrail(guardrail: Guardrail) -> GuardrailChoice {
    GuardrailChoice {
        trace: guardrail.trace(),
        stream_mode: guardrail.stream_mode(),
        identifier: guardrail.identifier,
        version: guardrail.version,
    }
}
