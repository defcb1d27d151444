//! What an emulator received.

use bytes::Bytes;
use serde_json::Value;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is being answered.
    Pending,
    /// Its reply was sent as scripted.
    Completed,
    /// Its client went before that.
    ClientClosed,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The method.
    pub method: String,
    /// The path as sent, percent-encoded.
    pub path: String,
    /// The model id, percent-decoded; empty where the path has none.
    pub model_id: String,
    /// Whether the answer was to be streamed.
    pub stream: bool,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// How it ended.
    pub ending: Ending,
}

impl Recorded {
    /// The first header of a name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}
