//! What a client asks of a model.

use crate::{Calls, Effort, Message, RawJson, Sampling, Tool, ToolChoice};

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
    /// The tools that the model may call, each name once.
    pub tools: Vec<Tool>,
    /// Tools that the provider itself runs, by their names, such as `nova_grounding`.
    pub system_tools: Vec<String>,
    /// Which of them it may or must call.
    pub tool_choice: Option<ToolChoice>,
    /// Whether it may ask for several calls at once.
    pub parallel_tool_calls: Option<bool>,
    /// What shape the answer has.
    pub response_format: ResponseFormat,
    /// How much it is to think.
    pub reasoning_effort: Option<Effort>,
    /// Which tier serves the request.
    pub service_tier: Option<ServiceTier>,
    /// Which latency the request gets.
    pub latency: Option<Latency>,
    /// Features of a provider's preview that the client asks for by name.
    pub betas: Vec<String>,
    /// A guardrail for this request alone, where the operator allows one.
    pub guardrail: Option<GuardrailChoice>,
    /// Keys and values that describe the request; also the variables of a parameterized prompt.
    pub metadata: Vec<(String, String)>,
    /// Fields for the model itself that the provider's API does not name.
    pub additional_fields: Option<JsonObject>,
    /// What the requests of one session share: they go to the same one of several models, whose cache is warm.
    /// Never sent on, and never logged: it is the client's own word.
    pub session: Option<String>,
    /// How often the provider may be called.
    pub attempts: Attempts,
    /// Who learns of the calls while they are made.
    pub calls: Calls,
}

/// How often a provider may be called for one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attempts {
    /// As often as the model is configured to.
    #[default]
    Configured,
    /// Once: another model is asked where this one fails, and must not be kept waiting.
    Single,
    /// Once, and a call before it may have been received: where this one may have been as well, that was all.
    SingleInDoubt,
}

/// What shape an answer has.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ResponseFormat {
    /// Any text.
    #[default]
    Text,
    /// A JSON object.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema(JsonSchema),
}

/// A schema for an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonSchema {
    /// The client's name for it.
    pub name: String,
    /// What the answer is.
    pub description: Option<String>,
    /// The schema, as the client wrote it.
    pub schema: RawJson,
    /// Whether the answer must follow it to the letter.
    pub strict: Option<bool>,
}

/// Which tier serves a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceTier {
    /// The usual one.
    Default,
    /// Cheaper and slower.
    Flex,
    /// Dearer and faster.
    Priority,
}

/// Which latency a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latency {
    /// The usual one.
    Standard,
    /// A shorter one, where the model has it.
    Optimized,
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
