//! Replies in Bedrock's own form: sorted keys, its headers, its errors.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::frame;

/// A value with the keys of every object in order, as Bedrock writes them.
pub(crate) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            Value::Object(
                entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// An event's frame, padded and with sorted keys.
pub(crate) fn event(kind: &str, payload: &Value) -> Bytes {
    let mut payload = payload.clone();
    if let Value::Object(map) = &mut payload {
        let padding = frame::padding(&Value::Object(map.clone()).to_string());
        map.insert("p".to_owned(), padding.into());
    }
    let headers = [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")];
    frame::encode(&headers, sorted(&payload).to_string().as_bytes())
}

/// The headers by which SDKs know an error.
pub(crate) fn error_headers(kind: &str) -> [(&'static str, String); 1] {
    [("x-amzn-ErrorType", format!("{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"))]
}

/// An id of the form of AWS's, from what it belongs to.
pub(crate) fn request_id(of: &str) -> String {
    let hash = |salt: &str| crc32fast::hash(format!("{salt}{of}").as_bytes());
    let (a, b, c, d) = (hash("a"), hash("b"), hash("c"), hash("d"));
    format!("{a:08x}-{:04x}-{:04x}-{:04x}-{:04x}{d:08x}", b >> 16, b & 0xffff, c >> 16, c & 0xffff)
}

/// An error on its way to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into() }
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationException", message)
    }
}
