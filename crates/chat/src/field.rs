//! Where in a request something is wrong, or had to be changed.

/// A place in a [`Request`](crate::Request). A dialect renders it as the path that its clients know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// The list of messages as a whole.
    Messages,
    /// The message at this index.
    Message(usize),
    /// The part (second) of the message (first).
    Part(usize, usize),
    /// The reasoning that the message at this index brings back.
    Reasoning(usize),
    /// The call (second) of the message (first).
    ToolCall(usize, usize),
    /// The arguments of the call (second) of the message (first).
    ToolArguments(usize, usize),
    /// The id of the call whose result the message at this index brings.
    ToolCallId(usize),
    /// The list of tools as a whole.
    Tools,
    /// The tool at this index.
    Tool(usize),
    /// The name of the tool at this index.
    ToolName(usize),
    /// The schema of the tool at this index.
    ToolParameters(usize),
    /// Whether the tool at this index is strict.
    ToolStrict(usize),
    /// Which tools may or must be called.
    ToolChoice,
    /// Whether several calls may be asked for at once.
    ParallelToolCalls,
    /// The shape of the answer.
    ResponseFormat,
    /// How much the model is to think.
    ReasoningEffort,
    /// The tier that serves the request.
    ServiceTier,
    /// The latency that the request gets.
    Latency,
    /// The points up to which the prompt is worth caching.
    CacheControl,
    /// The previews of features that the client asks for.
    Betas,
    /// The limit of generated tokens.
    MaxTokens,
    /// The sampling temperature.
    Temperature,
    /// The nucleus sampling threshold.
    TopP,
    /// The number of candidate tokens.
    TopK,
    /// The stop sequences as a whole.
    Stop,
    /// The guardrail that the request brought.
    Guardrail,
    /// The value of this key of the request's metadata.
    Metadata(String),
    /// The fields for the model itself that the provider's API does not name.
    AdditionalFields,
}
