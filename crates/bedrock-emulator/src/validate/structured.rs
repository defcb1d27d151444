//! Answers that a schema describes.

use serde_json::Value;

use super::{of_model, unsupported};
use crate::family::Maker;
use crate::reply::Refusal;
use crate::request::Request;

const FIELD: &str = "outputConfig.textFormat";

/// Checks the format of the answer's text, which few families have.
pub(super) fn check(base: &str, request: &Request, body: &Value) -> Result<(), Refusal> {
    if body.pointer("/outputConfig/textFormat").is_none_or(Value::is_null) {
        return Ok(());
    }
    if base.contains("claude-opus-4-7") {
        return Err(of_model("output_config.format: Extra inputs are not permitted"));
    }
    if !request.family.text_format {
        return Err(unsupported(FIELD));
    }
    let Some(schema) = &request.schema else {
        return Err(Refusal::validation(format!(
            "The schema field at {FIELD}.structure.jsonSchema is not valid JSON. Give a JSON schema and try again."
        )));
    };
    let open = "For 'object' type, 'additionalProperties' must be explicitly set to false";
    match (is_closed(schema), request.family.maker) {
        (true, _) => Ok(()),
        (false, Maker::Claude(..)) => Err(of_model(&format!("output_config.format.schema: {open}"))),
        (false, _) => Err(of_model(&format!("{FIELD}.structure.jsonSchema.schema: {open}"))),
    }
}

/// Whether every object of a schema says that it has no other members.
fn is_closed(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            let object = members.get("type").is_some_and(|kind| kind == "object");
            let closed = members.get("additionalProperties") == Some(&Value::Bool(false));
            (!object || closed) && members.iter().all(|(key, value)| is_data(key) || is_closed(value))
        }
        Value::Array(items) => items.iter().all(is_closed),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// Keywords whose values are no schemas.
pub(super) fn is_data(key: &str) -> bool {
    matches!(key, "enum" | "const" | "default" | "examples")
}
