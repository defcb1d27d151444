//! What a model answers.

use serde_json::value::RawValue;

use crate::{FinishReason, Usage};

/// A complete answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The text of the answer; `None` where the model wrote no text.
    pub text: Option<String>,
    /// Why the answer ended.
    pub finish_reason: FinishReason,
    /// What it cost; `None` where the provider did not say.
    pub usage: Option<Usage>,
    /// The provider's guardrail trace, as the provider wrote it. Holds matched text: never log it.
    pub guardrail_trace: Option<Box<RawValue>>,
}
