//! The content of a message.

/// One part of a message's content, in the order in which the client wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Plain text, byte for byte as the client sent it.
    Text(String),
}
