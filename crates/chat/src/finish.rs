//! Why a model stopped.

/// Why an answer ended. An answer that did not end is an [`Error`](crate::Error), never a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// The model was done, or met a stop sequence.
    Stop,
    /// The model asks for calls, and waits for their results.
    ToolCalls,
    /// The limit of tokens, or the model's context, was reached.
    Length,
    /// A guardrail or the provider's content filter intervened.
    ContentFilter,
}
