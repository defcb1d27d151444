//! Replies and events. Members that are not read here are skipped, so that new ones do no harm.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The reply of `Converse`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reply<'a> {
    #[serde(borrow, default)]
    pub(crate) output: Option<Output<'a>>,
    #[serde(borrow, default)]
    pub(crate) stop_reason: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "if_readable")]
    pub(crate) usage: Option<TokenUsage>,
    #[serde(borrow, default)]
    pub(crate) trace: Option<Trace<'a>>,
    #[serde(borrow, default)]
    pub(crate) service_tier: Option<ServiceTier<'a>>,
    #[serde(borrow, default)]
    pub(crate) performance_config: Option<PerformanceConfig<'a>>,
}

/// Reads what an answer can do without: it is paid for, and must not be lost over its price.
fn if_readable<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

/// What a reply and the last event of a stream (`metadata`) say besides the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct About<'a> {
    #[serde(default, deserialize_with = "if_readable")]
    pub(crate) usage: Option<TokenUsage>,
    #[serde(borrow, default)]
    pub(crate) trace: Option<Trace<'a>>,
    #[serde(borrow, default)]
    pub(crate) service_tier: Option<ServiceTier<'a>>,
    #[serde(borrow, default)]
    pub(crate) performance_config: Option<PerformanceConfig<'a>>,
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
    pub(crate) content: Option<Vec<Block<'a>>>,
}

/// One block of an answer: what is not known leaves every member `None`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Block<'a> {
    #[serde(borrow, default)]
    pub(crate) text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) tool_use: Option<ToolUse<'a>>,
    #[serde(borrow, default)]
    pub(crate) reasoning_content: Option<ReasoningContent<'a>>,
    #[serde(borrow, default)]
    pub(crate) citations_content: Option<CitationsContent<'a>>,
    /// The result of a call that Bedrock itself made.
    #[serde(default)]
    pub(crate) tool_result: Option<IgnoredAny>,
}

/// A call that the model asks for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolUse<'a> {
    #[serde(borrow)]
    pub(crate) tool_use_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) input: Option<&'a RawValue>,
    /// `server_tool_use` where Bedrock itself makes the call.
    #[serde(borrow, default)]
    pub(crate) r#type: Option<Cow<'a, str>>,
}

impl ToolUse<'_> {
    /// Says whether Bedrock itself makes the call, and answers it in the same message.
    pub(crate) fn is_made_by_server(&self) -> bool {
        self.r#type.as_deref() == Some("server_tool_use")
    }
}

/// What the model thought.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReasoningContent<'a> {
    #[serde(borrow, default)]
    pub(crate) reasoning_text: Option<ReasoningText<'a>>,
    #[serde(borrow, default)]
    pub(crate) redacted_content: Option<Cow<'a, str>>,
}

/// Reasoning that may be read.
#[derive(Debug, Deserialize)]
pub(crate) struct ReasoningText<'a> {
    #[serde(borrow, default)]
    pub(crate) text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) signature: Option<Cow<'a, str>>,
}

/// Text with its sources.
#[derive(Debug, Deserialize)]
pub(crate) struct CitationsContent<'a> {
    #[serde(borrow, default)]
    pub(crate) content: Vec<CitedText<'a>>,
}

/// A piece of such a text.
#[derive(Debug, Deserialize)]
pub(crate) struct CitedText<'a> {
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

/// The tier that served the call.
#[derive(Debug, Deserialize)]
pub(crate) struct ServiceTier<'a> {
    #[serde(borrow, default)]
    pub(crate) r#type: Option<Cow<'a, str>>,
}

/// The latency that the call got.
#[derive(Debug, Deserialize)]
pub(crate) struct PerformanceConfig<'a> {
    #[serde(borrow, default)]
    pub(crate) latency: Option<Cow<'a, str>>,
}

/// `contentBlockStart`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StartEvent<'a> {
    #[serde(default)]
    pub(crate) content_block_index: u64,
    #[serde(borrow, default)]
    pub(crate) start: Start<'a>,
}

/// What kind of block begins; `None` where it is not known.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Start<'a> {
    #[serde(borrow, default)]
    pub(crate) tool_use: Option<ToolUse<'a>>,
    /// The result of a call that Bedrock itself made.
    #[serde(default)]
    pub(crate) tool_result: Option<IgnoredAny>,
}

/// `contentBlockDelta`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeltaEvent<'a> {
    #[serde(default)]
    pub(crate) content_block_index: u64,
    #[serde(borrow)]
    pub(crate) delta: Delta<'a>,
}

/// A piece of a block: what is not known leaves every member `None`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Delta<'a> {
    #[serde(borrow, default)]
    pub(crate) text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) tool_use: Option<ToolUseDelta<'a>>,
    #[serde(borrow, default)]
    pub(crate) reasoning_content: Option<ReasoningDelta<'a>>,
}

/// A piece of a call's arguments.
#[derive(Debug, Deserialize)]
pub(crate) struct ToolUseDelta<'a> {
    #[serde(borrow, default)]
    pub(crate) input: Option<Cow<'a, str>>,
}

/// A piece of what the model thought.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReasoningDelta<'a> {
    #[serde(borrow, default)]
    pub(crate) text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) signature: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) redacted_content: Option<Cow<'a, str>>,
}

/// `contentBlockStop`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BlockStopEvent {
    #[serde(default)]
    pub(crate) content_block_index: u64,
}

/// `messageStop`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StopEvent<'a> {
    #[serde(borrow)]
    pub(crate) stop_reason: Cow<'a, str>,
}

/// The body of an error, and of an exception frame.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ErrorBody<'a> {
    #[serde(borrow, default)]
    message: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "Message")]
    capital_message: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "errorMessage")]
    error_message: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "__type")]
    r#type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    code: Option<Cow<'a, str>>,
}

impl ErrorBody<'_> {
    /// What went wrong, under whichever of its names.
    pub(crate) fn message(&self) -> &str {
        self.message
            .as_ref()
            .or(self.capital_message.as_ref())
            .or(self.error_message.as_ref())
            .map_or("", |text| text)
    }

    /// The exception's name.
    pub(crate) fn code(&self) -> Option<&str> {
        self.r#type.as_deref().or(self.code.as_deref())
    }
}
