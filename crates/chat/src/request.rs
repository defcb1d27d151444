//! What a client asks of a model.

use crate::{Message, Sampling};

/// A JSON object whose keys keep the author's order.
pub type JsonObject = serde_json::Map<String, serde_json::Value>;

/// One request for an answer, free of any dialect and provider.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The operator's own instructions, in front of everything that the client wrote.
    pub system_prompt: Option<String>,
    /// The conversation so far, one entry for each message of the client's request.
    pub messages: Vec<Message>,
    /// How to sample.
    pub sampling: Sampling,
    /// A guardrail for this request alone, where the operator allows one.
    pub guardrail: Option<GuardrailChoice>,
    /// Keys and values that describe the request: the variables of a parameterized prompt.
    pub metadata: Vec<(String, String)>,
    /// Fields for the model itself that the provider's API does not name.
    pub additional_fields: Option<JsonObject>,
}

/// A guardrail to apply to a request and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardrailChoice {
    /// The guardrail's id or ARN.
    pub identifier: String,
    /// A published version, or `DRAFT`.
    pub version: String,
    /// How much of the assessment comes back.
    pub trace: Option<GuardrailTrace>,
    /// When a streamed answer is assessed.
    pub stream_mode: Option<GuardrailMode>,
}

/// How much of a guardrail's assessment comes back with the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GuardrailTrace {
    /// Nothing.
    #[default]
    Disabled,
    /// What was found.
    Enabled,
    /// What was found and what was not.
    EnabledFull,
}

/// When a guardrail assesses a streamed answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GuardrailMode {
    /// Before it is sent on: slower, and nothing unassessed reaches the client.
    #[default]
    Sync,
    /// While it is sent on.
    Async,
}
