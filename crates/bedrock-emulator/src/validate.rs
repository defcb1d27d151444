//! What Bedrock refuses, and in which words.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::family::Family;
use crate::model_id;
use crate::reply::Refusal;
use crate::request::Request;
use crate::service::Call;

mod cache_points;
mod claude;
mod conversation;
mod media;
mod model;
mod model_fields;
mod pairing;
mod pattern;
mod shape;
mod structured;
mod tools;

/// Checks a request in Bedrock's order: its shape, the model, the conversation, the model's own limits.
pub(crate) fn check(call: &Call, region: &str, body: &Bytes) -> Result<Request, Refusal> {
    let body = parse(body)?;
    shape::check(if call.stream { &model::CONVERSE_STREAM } else { &model::CONVERSE }, &body)?;
    let Some(base) = model_id::base(&call.model_id, region) else {
        return Err(Refusal::validation("The provided model identifier is invalid."));
    };
    let family = Family::of(base);
    let request = Request::read(&body, family);
    conversation::check(call, base, &request)?;
    media::check(&request)?;
    tools::check(call, &request, &body)?;
    pairing::check(&request)?;
    cache_points::check(&request)?;
    structured::check(base, &request, &body)?;
    if let Some(guardrail) = &request.guardrail {
        guardrail.check(region)?;
    }
    model_fields::check(base, &request, &body)?;
    Ok(request)
}

fn parse(body: &Bytes) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    serde_json::from_slice(body)
        .map_err(|_| Refusal::new(400, "SerializationException", "The request body is not valid JSON."))
}

/// What the model itself refuses.
fn of_model(message: &str) -> Refusal {
    Refusal::validation(format!("The model returned the following errors: {message}"))
}

/// A place that a model's own schema refuses.
fn malformed(place: &str, problem: &str) -> Refusal {
    of_model(&format!(
        "Malformed input request: {place}: {problem}, please reformat your input and try again."
    ))
}

/// A field that a model does not have.
fn unsupported(field: &str) -> Refusal {
    Refusal::validation(format!(
        "This model doesn't support the {field} field. Remove {field} and try again."
    ))
}
