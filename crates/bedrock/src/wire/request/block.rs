//! The blocks of a turn.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

/// One block of a turn.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Block<'a> {
    /// Text that is not blank.
    Text(Cow<'a, str>),
    /// A picture.
    Image(MediaBlock<'a>),
    /// A document.
    Document(DocumentBlock<'a>),
    /// A film.
    Video(MediaBlock<'a>),
    /// A call that the model asked for.
    ToolUse(ToolUseBlock<'a>),
    /// What came of a call.
    ToolResult(ToolResultBlock<'a>),
    /// Text for the guardrail.
    GuardContent(GuardBlock<'a>),
    /// A point up to which the prompt is cached.
    CachePoint(CachePoint),
    /// What the model thought.
    ReasoningContent(ReasoningBlock<'a>),
}

/// One block of what came of a call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ResultBlock<'a> {
    /// Text that is not blank.
    Text(Cow<'a, str>),
    /// A picture.
    Image(MediaBlock<'a>),
    /// A document.
    Document(DocumentBlock<'a>),
    /// A film.
    Video(MediaBlock<'a>),
}

/// A picture or film.
#[derive(Debug, Serialize)]
pub(crate) struct MediaBlock<'a> {
    /// Its format.
    pub(crate) format: &'static str,
    /// Its bytes.
    pub(crate) source: Source<'a>,
}

/// A document.
#[derive(Debug, Serialize)]
pub(crate) struct DocumentBlock<'a> {
    /// Its format.
    pub(crate) format: &'static str,
    /// A name without punctuation, unique in the request.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) source: Source<'a>,
}

/// Where bytes are.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Source<'a> {
    /// Here, in base64.
    Bytes(&'a str),
    /// In a bucket.
    S3Location(S3Location<'a>),
}

/// An object in a bucket.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct S3Location<'a> {
    /// `s3://bucket/key`.
    pub(crate) uri: &'a str,
    /// The account that owns the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bucket_owner: Option<&'a str>,
}

/// A call that the model asked for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolUseBlock<'a> {
    /// Unique in the conversation.
    pub(crate) tool_use_id: &'a str,
    /// The tool's name on the wire.
    pub(crate) name: &'a str,
    /// The arguments, as the model wrote them.
    pub(crate) input: &'a RawValue,
}

/// What came of a call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolResultBlock<'a> {
    /// The call's id.
    pub(crate) tool_use_id: &'a str,
    /// Never empty.
    pub(crate) content: Vec<ResultBlock<'a>>,
    /// `error` where the call failed; success is the default and not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<&'static str>,
}

/// Text for the guardrail.
#[derive(Debug, Serialize)]
pub(crate) struct GuardBlock<'a> {
    /// The text, and what it is.
    pub(crate) text: GuardText<'a>,
}

/// A text, and what it is to the guardrail.
#[derive(Debug, Serialize)]
pub(crate) struct GuardText<'a> {
    /// The text.
    pub(crate) text: Cow<'a, str>,
    /// What it is; content to assess where nothing is said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) qualifiers: Vec<&'static str>,
}

/// A point up to which the prompt is cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct CachePoint {
    /// `default`, the only type there is.
    pub(crate) r#type: &'static str,
    /// `1h`; five minutes are the default and not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ttl: Option<&'static str>,
}

/// What the model thought.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ReasoningBlock<'a> {
    /// Reasoning that may be read.
    ReasoningText(ReasoningText<'a>),
    /// Reasoning that only the model reads, in base64.
    RedactedContent(&'a str),
}

/// Reasoning that may be read.
#[derive(Debug, Serialize)]
pub(crate) struct ReasoningText<'a> {
    /// The text; may be empty.
    pub(crate) text: &'a str,
    /// The model's proof that the text is its own.
    pub(crate) signature: &'a str,
}
