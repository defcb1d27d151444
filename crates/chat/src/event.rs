//! What a model answers, piece by piece.

use serde_json::value::RawValue;

use crate::{FinishReason, Usage};

/// One step of a streamed answer.
///
/// A complete stream is `Started`, then any number of texts, then `Finished` once, then at most one
/// `Metadata`. A stream that ends without `Finished` was cut off; providers turn that into an error.
#[derive(Clone, Debug)]
pub enum Event {
    /// The model has begun its answer.
    Started,
    /// The next piece of text; may be empty.
    Text(String),
    /// The answer has ended.
    Finished(FinishReason),
    /// What became known only after the end.
    Metadata(Box<Metadata>),
}

/// What a provider tells after an answer has ended.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// What the answer cost.
    pub usage: Option<Usage>,
    /// The provider's guardrail trace, as the provider wrote it. Holds matched text: never log it.
    pub guardrail_trace: Option<Box<RawValue>>,
}
