//! What a model answers.

use crate::{FinishReason, Metadata, Reasoning, ToolCall};

/// A complete answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// What the model thought, in its order.
    pub reasoning: Vec<Reasoning>,
    /// The text of the answer; `None` where the model wrote no text.
    pub text: Option<String>,
    /// The calls that the model asks for.
    pub tool_calls: Vec<ToolCall>,
    /// Why the answer ended.
    pub finish_reason: FinishReason,
    /// What is known besides the answer.
    pub metadata: Metadata,
}
