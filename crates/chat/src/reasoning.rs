//! What a model thinks before it speaks.

/// One block of a model's reasoning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reasoning {
    /// Reasoning that may be read.
    Thinking {
        /// The text; may be empty where only the signature is given.
        text: String,
        /// What proves to the model that the text is its own.
        signature: Option<String>,
    },
    /// Reasoning that only the model can read, in base64.
    Redacted(String),
}

/// How much a model is to think, from not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is a step on one scale")]
pub enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    XHigh,
}
