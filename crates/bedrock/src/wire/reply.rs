//! Replies and events. Members that are not read here are skipped, so that new ones do no harm.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The reply of `Converse`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reply<'a> {
    #[serde(borrow, default)]
    pub(crate) output: Option<Output<'a>>,
    #[serde(borrow, default)]
    pub(crate) stop_reason: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(crate) usage: Option<TokenUsage>,
    #[serde(borrow, default)]
    pub(crate) trace: Option<Trace<'a>>,
}

/// The union around the message.
#[derive(Debug, Deserialize)]
pub(crate) struct Output<'a> {
    #[serde(borrow, default)]
    pub(crate) message: Option<Message<'a>>,
}

/// The answer.
#[derive(Debug, Deserialize)]
pub(crate) struct Message<'a> {
    #[serde(borrow, default)]
    pub(crate) content: Vec<Block<'a>>,
}

/// One block of an answer, or one delta of a block: what is not text is left `None`.
#[derive(Debug, Deserialize)]
pub(crate) struct Block<'a> {
    #[serde(borrow, default)]
    pub(crate) text: Option<Cow<'a, str>>,
}

/// What the call cost.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenUsage {
    #[serde(default)]
    pub(crate) input_tokens: Option<i64>,
    #[serde(default)]
    pub(crate) output_tokens: Option<i64>,
    #[serde(default)]
    pub(crate) cache_read_input_tokens: Option<i64>,
    #[serde(default)]
    pub(crate) cache_write_input_tokens: Option<i64>,
}

/// What guardrails and routers did.
#[derive(Debug, Deserialize)]
pub(crate) struct Trace<'a> {
    #[serde(borrow, default)]
    pub(crate) guardrail: Option<&'a RawValue>,
}

/// `contentBlockDelta`.
#[derive(Debug, Deserialize)]
pub(crate) struct DeltaEvent<'a> {
    #[serde(borrow)]
    pub(crate) delta: Block<'a>,
}

/// `messageStop`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StopEvent<'a> {
    #[serde(borrow)]
    pub(crate) stop_reason: Cow<'a, str>,
}

/// `metadata`.
#[derive(Debug, Deserialize)]
pub(crate) struct MetadataEvent<'a> {
    #[serde(default)]
    pub(crate) usage: Option<TokenUsage>,
    #[serde(borrow, default)]
    pub(crate) trace: Option<Trace<'a>>,
}

/// The body of an error, and of an exception frame.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ErrorBody<'a> {
    #[serde(borrow, default, alias = "Message", alias = "errorMessage")]
    pub(crate) message: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "__type", alias = "code")]
    pub(crate) code: Option<Cow<'a, str>>,
}
