//! The messages of a conversation.

use crate::{Cache, Part, Reasoning, ToolCall};

/// One message of a conversation, at the same index as in the client's request.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// The operator's instructions (`system` and `developer` in OpenAI's dialect).
    System(Vec<Part>),
    /// What the person or program that asks says; may be empty where the dialect allows it.
    User(Vec<Part>),
    /// What the model said.
    Assistant(Assistant),
    /// What came of a call that the model asked for.
    Tool(ToolResult),
}

/// What a model said in an earlier turn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assistant {
    /// What it thought before it spoke, in its order.
    pub reasoning: Vec<Reasoning>,
    /// What it said.
    pub content: Vec<Part>,
    /// The calls that it asked for.
    pub tool_calls: Vec<ToolCall>,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolResult {
    /// The id of the call.
    pub call_id: String,
    /// What came of it; may be empty.
    pub content: Vec<Part>,
    /// Whether the call failed.
    pub is_error: bool,
    /// Whether the prompt up to and with this result is worth caching.
    pub cache: Option<Cache>,
}

impl Message {
    /// Builds instructions of one text.
    pub fn system(text: impl Into<String>) -> Self {
        Self::System(vec![Part::text(text)])
    }

    /// Builds a user's message of one text.
    pub fn user(text: impl Into<String>) -> Self {
        Self::User(vec![Part::text(text)])
    }

    /// Builds a model's message of one text.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::Assistant(Assistant { content: vec![Part::text(text)], ..Assistant::default() })
    }

    /// What it says or shows, whoever speaks.
    pub fn parts(&self) -> &[Part] {
        match self {
            Self::System(parts) | Self::User(parts) => parts,
            Self::Assistant(assistant) => &assistant.content,
            Self::Tool(result) => &result.content,
        }
    }

    /// The same, to be changed in place.
    pub fn parts_mut(&mut self) -> &mut [Part] {
        match self {
            Self::System(parts) | Self::User(parts) => parts,
            Self::Assistant(assistant) => &mut assistant.content,
            Self::Tool(result) => &mut result.content,
        }
    }
}
