//! The wire's request into the domain's.

use chat::{
    Attempts, Calls, Effort, GuardrailChoice, JsonSchema, Request, ResponseFormat, Sampling, ServiceTier,
};

use crate::error::{ApiError, Code};
use crate::text::shorten;
use crate::wire::{self, ChatCompletionRequest, Guardrail, Ignored, Refused, Tier};

mod arguments;
mod media;
mod messages;
mod parts;
mod refusal;
mod tools;

use messages::Conversation;
use refusal::{filled, invalid, missing, unsupported, unsupported_value};

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
    /// Whether the client offered functions, and so awaits a function's call in place of tools' calls.
    pub legacy_functions: bool,
    /// What the client's session is called, where it says so.
    pub session: Option<Session>,
    /// The members that were accepted without effect; fit for a header.
    pub ignored: Vec<String>,
    /// The members that had to be changed; fit for a header.
    pub adjusted: Vec<String>,
}

/// What the requests of one conversation, or of one user, have in common.
#[derive(Debug)]
pub struct Session {
    /// The client's word.
    pub key: String,
    /// The member that says it. It stands among the ignored ones, because one model alone has no use for it.
    pub member: &'static str,
}

/// Translates a request.
///
/// # Errors
///
/// A 400 that names the member: one that is missing, out of OpenAI's range, or not served.
pub fn translate(mut wire: ChatCompletionRequest) -> Result<Translated, ApiError> {
    let Some(model) = wire.model.take().filter(|model| !model.is_empty()) else {
        return Err(missing("model"));
    };
    let Some(messages) = wire.messages.take() else { return Err(missing("messages")) };
    if messages.is_empty() {
        let message = "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array with length 0 instead.";
        return Err(ApiError::invalid(message).param("messages").code(Code::EmptyArray));
    }
    if let Some(Refused(name)) = wire.refused {
        return Err(unsupported(name));
    }
    wire.user.as_deref().map_or(Ok(()), fits)?;
    let mut adjusted = Vec::new();
    let sampling = sampling(&mut wire, &mut adjusted)?;
    let offer = tools::offer(&mut wire)?;
    let response_format = wire.response_format.take().map(response_format).transpose()?.unwrap_or_default();
    let reasoning_effort = effort(&mut wire);
    let service_tier = service_tier(wire.service_tier, &mut wire.ignored);
    let mut conversation = Conversation::new(&mut wire.ignored);
    for (index, message) in messages.into_iter().enumerate() {
        conversation.push(index, message)?;
    }
    let request = Request {
        system_prompt: None,
        messages: conversation.messages,
        sampling,
        tools: offer.tools,
        system_tools: offer.system,
        tool_choice: offer.choice,
        parallel_tool_calls: offer.parallel,
        response_format,
        reasoning_effort,
        service_tier,
        latency: wire.performance.map(|performance| performance.latency.0),
        // They come in a header.
        betas: Vec::new(),
        guardrail: wire.guardrail.map(guardrail),
        metadata: wire.metadata,
        additional_fields: wire.additional_fields,
        // A header comes before it, and not every model has a use for it.
        session: None,
        attempts: Attempts::default(),
        calls: Calls::default(),
    };
    Ok(Translated {
        request,
        model,
        stream: wire.stream.unwrap_or(false),
        include_usage: wire.include_usage,
        legacy_functions: offer.legacy,
        session: session(wire.prompt_cache_key, wire.user),
        ignored: wire.ignored.0,
        adjusted,
    })
}

/// Longer than any id of a user; an address, a token or a path of ids fits as well.
const LONGEST_USER: usize = 1024;

/// The largest number of tokens that any model's API takes: its integers have 32 bits.
const MOST_TOKENS: u32 = i32::MAX.unsigned_abs();

fn sampling(wire: &mut ChatCompletionRequest, adjusted: &mut Vec<String>) -> Result<Sampling, ApiError> {
    within("temperature", wire.temperature.map(|value| value.0), 2.0)?;
    within("top_p", wire.top_p.map(|value| value.0), 1.0)?;
    let max_tokens = match (wire.max_completion_tokens, wire.max_tokens) {
        (Some(value), _) => Some(tokens("max_completion_tokens", value.0)?),
        (None, Some(value)) => Some(tokens("max_tokens", value.0)?),
        (None, None) => None,
    };
    let mut stop = wire.stop.take().map(|stop| stop.0);
    let count = stop.as_ref().map(Vec::len);
    // Bedrock takes no empty text, and Claude none of white space alone.
    if let Some(stop) = &mut stop {
        stop.retain(|text| !text.trim().is_empty());
    }
    if stop.as_ref().map(Vec::len) < count {
        adjusted.push("stop".to_owned());
    }
    Ok(Sampling {
        max_tokens,
        temperature: wire.temperature.map(|value| value.0),
        top_p: wire.top_p.map(|value| value.0),
        top_k: wire.top_k.map(|value| value.0),
        stop,
    })
}

fn within(name: &str, value: Option<f64>, max: f64) -> Result<(), ApiError> {
    let Some(value) = value.filter(|value| !(0.0..=max).contains(value)) else { return Ok(()) };
    let (bound, sign, limit, code) = if value < 0.0 {
        ("below minimum", ">=", 0.0, Code::DecimalBelowMinValue)
    } else {
        ("above maximum", "<=", max, Code::DecimalAboveMaxValue)
    };
    let message = format!(
        "Invalid '{name}': decimal {bound} value. Expected a value {sign} {limit}, but got {value} instead."
    );
    Err(ApiError::invalid(message).param(name).code(code))
}

fn tokens(name: &str, value: u32) -> Result<u32, ApiError> {
    let (bound, wanted, code) = match value {
        0 => ("below minimum", ">= 1".to_owned(), Code::IntegerBelowMinValue),
        1..=MOST_TOKENS => return Ok(value),
        _ => ("above maximum", format!("<= {MOST_TOKENS}"), Code::IntegerAboveMaxValue),
    };
    let message = format!(
        "Invalid '{name}': integer {bound} value. Expected a value {wanted}, but got {value} instead."
    );
    Err(ApiError::invalid(message).param(name).code(code))
}

fn response_format(wire: wire::ResponseFormat) -> Result<ResponseFormat, ApiError> {
    match wire.kind.as_deref() {
        Some("text") => Ok(ResponseFormat::Text),
        Some("json_object") => Ok(ResponseFormat::JsonObject),
        Some("json_schema") => {
            let schema = wire.json_schema.ok_or_else(|| missing("response_format.json_schema"))?;
            json_schema(schema).map(ResponseFormat::JsonSchema)
        }
        Some(kind) => {
            let what = format!("'response_format' of type `{}`", shorten(kind));
            Err(unsupported_value("response_format.type", &what))
        }
        None => Err(missing("response_format.type")),
    }
}

fn json_schema(wire: wire::JsonSchema) -> Result<JsonSchema, ApiError> {
    let schema = wire.schema.ok_or_else(|| missing("response_format.json_schema.schema"))?;
    Ok(JsonSchema {
        name: filled(wire.name, || "response_format.json_schema.name".to_owned())?,
        description: wire.description.filter(|description| !description.is_empty()),
        schema: schema.0,
        strict: wire.strict,
    })
}

/// The effort, of which the member that OpenAI has for it here counts before the one of its other API.
fn effort(wire: &mut ChatCompletionRequest) -> Option<Effort> {
    let other = wire.reasoning.take().and_then(|reasoning| reasoning.effort);
    if wire.reasoning_effort.is_some() && other.is_some() && wire.reasoning_effort != other {
        wire.ignored.add("reasoning.effort");
    }
    wire.reasoning_effort.or(other).map(|effort| effort.0)
}

fn fits(user: &str) -> Result<(), ApiError> {
    let length = user.chars().count();
    if length <= LONGEST_USER {
        return Ok(());
    }
    let why = format!(
        "string too long. Expected a string with maximum length {LONGEST_USER}, but got a string with length {length} instead"
    );
    Err(invalid("user", &why).code(Code::StringAboveMaxLength))
}

/// The key of a prompt's cache says more about what belongs together than the user does.
fn session(prompt_cache_key: Option<String>, user: Option<String>) -> Option<Session> {
    let of =
        |key: Option<String>, member| key.filter(|key| !key.is_empty()).map(|key| Session { key, member });
    of(prompt_cache_key, "prompt_cache_key").or_else(|| of(user, "user"))
}

fn service_tier(tier: Option<Tier>, ignored: &mut Ignored) -> Option<ServiceTier> {
    match tier? {
        Tier::Auto => None,
        Tier::Known(tier) => Some(tier),
        Tier::Other => {
            ignored.add("service_tier");
            None
        }
    }
}

fn guardrail(guardrail: Guardrail) -> GuardrailChoice {
    GuardrailChoice {
        identifier: guardrail.identifier,
        version: guardrail.version,
        trace: guardrail.trace.map(|trace| trace.0),
        stream_mode: guardrail.stream_mode.map(|mode| mode.0),
    }
}
