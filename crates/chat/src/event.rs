//! What a model answers, piece by piece.

use serde_json::value::RawValue;

use crate::{FinishReason, Reasoning, Usage};

/// One step of a streamed answer.
///
/// A complete stream is `Started`, then any number of pieces, then `Finished` once, then at most one
/// `Metadata`. A stream that ends without `Finished` was cut off; providers turn that into an error.
#[derive(Clone, Debug)]
pub enum Event {
    /// The model has begun its answer.
    Started,
    /// The next piece of text; may be empty.
    Text(String),
    /// The next piece of reasoning that may be read; the whole block follows as `Reasoning`.
    ReasoningText(String),
    /// A block of reasoning is complete.
    Reasoning(Reasoning),
    /// The model asks for a call. Its arguments follow in pieces.
    ToolCall {
        /// Counts the answer's calls from 0, without gaps.
        index: usize,
        /// The call's id.
        id: String,
        /// The client's name for the tool.
        name: String,
    },
    /// The next piece of a call's arguments; all of a call's pieces together are a JSON object.
    ToolArguments {
        /// Which call.
        index: usize,
        /// A piece of JSON text.
        piece: String,
    },
    /// The answer has ended.
    Finished(FinishReason),
    /// What became known only after the end.
    Metadata(Box<Metadata>),
}

/// What a provider tells about an answer besides the answer.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// What the answer cost.
    pub usage: Option<Usage>,
    /// The provider's guardrail trace, as the provider wrote it. Holds matched text: never log it.
    pub guardrail_trace: Option<Box<RawValue>>,
    /// The tier that served the request, in the provider's word.
    pub service_tier: Option<String>,
    /// The latency that the request got, in the provider's word.
    pub latency: Option<String>,
}
