//! The messages of a conversation.

use crate::Part;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The operator's instructions (`system` and `developer` in OpenAI's dialect).
    System,
    /// The person or program that asks.
    User,
    /// The model.
    Assistant,
}

/// One message of a conversation, at the same index as in the client's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said; may be empty where the dialect allows it.
    pub content: Vec<Part>,
}

impl Message {
    /// Builds a message of one text part.
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self { role, content: vec![Part::Text(text.into())] }
    }
}
