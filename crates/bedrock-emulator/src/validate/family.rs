//! What single families of models refuse.

use serde_json::{Map, Value};

use crate::reply::Refusal;
use crate::request::Request;

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
    let none = Map::new();
    let fields = match body.get("additionalModelRequestFields") {
        None | Some(Value::Null) => &none,
        Some(Value::Object(fields)) => fields,
        Some(other) => {
            return Err(malformed("#", &format!("expected type: JSONObject, found: {}", type_of(other))));
        }
    };
    if base.starts_with("anthropic.") {
        claude(base, request, body, fields)?;
    }
    if base.starts_with("amazon.nova-") {
        nova(fields)?;
    }
    Ok(())
}

fn claude(base: &str, request: &Request, body: &Value, fields: &Map<String, Value>) -> Result<(), Refusal> {
    let version = claude_version(base);
    if let Some(message) = request.prefill() {
        if version >= (4, 6) {
            return Err(of_model(
                "This model does not support assistant message prefill. The conversation must end with a user \
                 message.",
            ));
        }
        let last = message.content.last().and_then(|block| block.text.as_deref());
        if last.is_some_and(|text| text.ends_with(char::is_whitespace)) {
            return Err(of_model("messages: final assistant content cannot end with trailing whitespace"));
        }
    }
    let set =
        |name: &str| body.pointer(&format!("/inferenceConfig/{name}")).is_some_and(|value| !value.is_null());
    let given = [
        ("temperature", set("temperature")),
        ("top_p", set("topP") || fields.contains_key("top_p")),
        ("top_k", fields.contains_key("top_k")),
    ];
    if version >= (4, 7)
        && let Some((name, _)) = given.iter().find(|(_, given)| *given)
    {
        return Err(of_model(&format!("`{name}` is deprecated for this model.")));
    }
    if version >= (4, 1) && given.iter().take(2).all(|(_, given)| *given) {
        return Err(of_model(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
        ));
    }
    Ok(())
}

/// The version in ids such as `anthropic.claude-sonnet-4-5-20250929-v1:0`; dates are no part of it.
fn claude_version(base: &str) -> (u32, u32) {
    let mut numbers =
        base.split('-').filter(|part| part.len() <= 2).filter_map(|part| part.parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
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

fn of_model(message: &str) -> Refusal {
    Refusal::validation(format!("The model returned the following errors: {message}"))
}

fn malformed(place: &str, problem: &str) -> Refusal {
    of_model(&format!(
        "Malformed input request: {place}: {problem}, please reformat your input and try again."
    ))
}

#[cfg(test)]
mod tests {
    use super::claude_version;

    #[test]
    fn versions_are_read_past_names_and_dates() {
        for (id, version) in [
            ("anthropic.claude-v2:1", (0, 0)),
            ("anthropic.claude-3-5-sonnet-20241022-v2:0", (3, 5)),
            ("anthropic.claude-sonnet-4-20250514-v1:0", (4, 0)),
            ("anthropic.claude-opus-4-6-v1", (4, 6)),
            ("anthropic.claude-sonnet-5", (5, 0)),
        ] {
            assert_eq!(claude_version(id), version, "{id}");
        }
    }
}
