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
