//! What Bedrock refuses, and in which words.

use bytes::Bytes;
use serde_json::Value;

use crate::model_id;
use crate::reply::Refusal;
use crate::request::Request;
use crate::service::Call;

mod conversation;
mod family;
mod model;
mod pattern;
mod shape;

/// Checks a request in Bedrock's order: its shape, the model, the conversation, the model's own limits.
pub(crate) fn check(call: &Call, region: &str, body: &Bytes) -> Result<Request, Refusal> {
    let body = parse(body)?;
    shape::check(if call.stream { &model::CONVERSE_STREAM } else { &model::CONVERSE }, &body)?;
    let Some(base) = model_id::base(&call.model_id, region) else {
        return Err(Refusal::validation("The provided model identifier is invalid."));
    };
    let request = Request::read(&body);
    conversation::check(call, base, &request, &body)?;
    if let Some(guardrail) = &request.guardrail {
        guardrail.check(region)?;
    }
    family::check(base, &request, &body)?;
    Ok(request)
}

fn parse(body: &Bytes) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_slice(body)
        .map_err(|_| Refusal::new(400, "SerializationException", "The request body is not valid JSON."))
}
