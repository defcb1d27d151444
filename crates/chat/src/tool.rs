//! Tools: what a model may call, and its calls.

use crate::{Cache, RawJson};

/// A function that a model may ask to be called.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// The client's name for it.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// The JSON schema of its arguments: an object, as the client wrote it.
    pub parameters: Option<RawJson>,
    /// Whether arguments must follow the schema to the letter.
    pub strict: Option<bool>,
    /// Whether the tools up to and with this one are worth caching.
    pub cache: Option<Cache>,
}

/// Which tools a model may or must call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// None.
    None,
    /// Any, but one at least.
    Required,
    /// This one.
    Named(String),
}

/// A call that a model asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// The call's id, which its result names.
    pub id: String,
    /// The client's name for the tool.
    pub name: String,
    /// The arguments: a JSON object, in its author's order.
    pub arguments: RawJson,
    /// Whether the prompt up to and with this call is worth caching.
    pub cache: Option<Cache>,
}
