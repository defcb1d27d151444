//! What single families of models refuse, and the fields that they alone have.

use serde_json::{Map, Value};

use super::{claude, malformed, unsupported};
use crate::family::Maker;
use crate::reply::Refusal;
use crate::request::{Block, Request, Role};

/// Beginnings of the ids of models that take no system prompt.
const WITHOUT_SYSTEM: &[&str] = &[
    "amazon.titan-text",
    "cohere.command-light-text",
    "cohere.command-text",
    "mistral.mistral-7b",
    "mistral.mixtral",
];

/// Beginnings of the ids of models that let the assistant begin.
const ASSISTANT_FIRST: &[&str] = &["anthropic.", "moonshot.", "moonshotai.", "qwen.", "zai."];

/// The largest `topK` of Nova.
const NOVA_TOP_K: i64 = 128;

pub(super) fn may_start_as_assistant(base: &str) -> bool {
    ASSISTANT_FIRST.iter().any(|prefix| base.starts_with(prefix))
}

/// Checks a request against its model's own limits. A hidden family, whose `base` is empty, has none.
pub(super) fn check(base: &str, request: &Request, body: &Value) -> Result<(), Refusal> {
    if !request.system.is_empty() && WITHOUT_SYSTEM.iter().any(|prefix| base.starts_with(prefix)) {
        return Err(Refusal::validation(
            "This model doesn't support system messages. Try again without a system message or use a model that \
             supports system messages.",
        ));
    }
    match body.get("additionalModelRequestFields") {
        None | Some(Value::Null | Value::Object(_)) => {}
        Some(other) => {
            return Err(malformed("#", &format!("expected type: JSONObject, found: {}", type_of(other))));
        }
    }
    reasoning(request)?;
    match request.family.maker {
        Maker::Claude(..) => claude::check(request, body),
        Maker::Nova => {
            nova(&request.fields)?;
            if request.fields.contains_key("reasoningConfig") {
                return Err(Refusal::validation(
                    "Malformed input request: the provided reasoning config value is invalid, please reformat your \
                     input and try again.",
                ));
            }
            Ok(())
        }
        Maker::Nova2 => {
            nova(&request.fields)?;
            nova_reasoning(&request.fields, body)
        }
        Maker::Moonshot | Maker::Other => Ok(()),
    }
}

/// Reasoning that comes back is the assistant's, and few families take it.
fn reasoning(request: &Request) -> Result<(), Refusal> {
    for message in &request.messages {
        for block in message.of_kind("reasoningContent") {
            if message.role == Role::User {
                return Err(Refusal::validation(
                    "User messages cannot contain reasoning content. Please remove the reasoning content and try \
                     again.",
                ));
            }
            if !request.family.takes_reasoning {
                return Err(unsupported("reasoningContent"));
            }
            if !request.family.is_claude() && is_signed(block) {
                return Err(unsupported("reasoningContent.reasoningText.signature"));
            }
        }
    }
    Ok(())
}

fn is_signed(block: &Block) -> bool {
    block.value.pointer("/reasoningText/signature").is_some_and(|signature| !signature.is_null())
}

/// Keys that Nova does not know it passes over.
fn nova(fields: &Map<String, Value>) -> Result<(), Refusal> {
    let Some(top_k) = fields.get("inferenceConfig").and_then(|config| config.get("topK")) else {
        return Ok(());
    };
    let place = "#/inferenceConfig/topK";
    match top_k.as_i64() {
        None => Err(malformed(place, &format!("expected type: Integer, found: {}", type_of(top_k)))),
        Some(number) if number < 0 => {
            Err(malformed(place, &format!("{number} is not greater or equal to 0")))
        }
        Some(number) if number > NOVA_TOP_K => {
            Err(malformed(place, &format!("{number} is not less or equal to {NOVA_TOP_K}")))
        }
        Some(_) => Ok(()),
    }
}

fn nova_reasoning(fields: &Map<String, Value>, body: &Value) -> Result<(), Refusal> {
    let Some(config) = fields.get("reasoningConfig") else { return Ok(()) };
    let member = |name: &str| config.get(name).and_then(Value::as_str);
    let place = "#/reasoningConfig";
    if !matches!(member("type"), Some("enabled" | "disabled")) {
        return Err(malformed(&format!("{place}/type"), "the value is not one of enabled, disabled"));
    }
    let effort = config.get("maxReasoningEffort");
    if effort.is_some() && !matches!(member("maxReasoningEffort"), Some("low" | "medium" | "high")) {
        let place = format!("{place}/maxReasoningEffort");
        return Err(malformed(&place, "the value is not one of low, medium, high"));
    }
    let set =
        |name: &&str| body.pointer(&format!("/inferenceConfig/{name}")).is_some_and(|value| !value.is_null());
    let high = member("type") == Some("enabled") && member("maxReasoningEffort") == Some("high");
    if high && let Some(name) = ["maxTokens", "temperature", "topP"].iter().find(|name| set(name)) {
        let problem = format!("{name} can't be set when maxReasoningEffort is high");
        return Err(malformed(&format!("#/inferenceConfig/{name}"), &problem));
    }
    Ok(())
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "Null",
        Value::Bool(_) => "Boolean",
        Value::Number(number) if number.is_f64() => "BigDecimal",
        Value::Number(_) => "Integer",
        Value::String(_) => "String",
        Value::Array(_) => "JSONArray",
        Value::Object(_) => "JSONObject",
    }
}
