//! A whole answer as a chat completion.

use chat::{FinishReason, Metadata, Reasoning, Response, ToolCall, Usage};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{json, text};

/// What the gateway says about an answer besides the answer.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Unique, such as `chatcmpl-…`.
    pub id: String,
    /// Seconds since 1970 at which the answer began.
    pub created: u64,
    /// The model's name as the client asked for it.
    pub model: String,
}

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [Choice<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<WireUsage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bedrock: Option<Extension<'a>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    message: Message<'a>,
    logprobs: (),
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<&'a str>,
    refusal: (),
    /// All thoughts in one text; absent where there are none.
    #[serde(skip_serializing_if = "String::is_empty")]
    reasoning_content: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    thinking_blocks: Vec<ThinkingBlock<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<Called<'a>>,
}

/// A block of reasoning, as clients bring it back.
#[derive(Serialize)]
#[serde(tag = "type")]
pub(crate) enum ThinkingBlock<'a> {
    #[serde(rename = "thinking")]
    Thinking {
        thinking: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<&'a str>,
    },
    #[serde(rename = "redacted_thinking")]
    Redacted { data: &'a str },
}

/// A streamed block of reasoning, with its place among those of the answer.
#[derive(Serialize)]
pub(crate) struct IndexedBlock<'a> {
    pub(crate) index: usize,
    #[serde(flatten)]
    pub(crate) block: ThinkingBlock<'a>,
}

impl<'a> From<&'a Reasoning> for ThinkingBlock<'a> {
    fn from(reasoning: &'a Reasoning) -> Self {
        match reasoning {
            Reasoning::Thinking { text, signature } => {
                Self::Thinking { thinking: text, signature: signature.as_deref() }
            }
            Reasoning::Redacted(data) => Self::Redacted { data },
        }
    }
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Called<'a>,
}

#[derive(Serialize)]
struct Called<'a> {
    name: &'a str,
    arguments: String,
}

impl<'a> From<&'a ToolCall> for Called<'a> {
    fn from(call: &'a ToolCall) -> Self {
        Self { name: &call.name, arguments: json::compact(call.arguments.get()) }
    }
}

impl<'a> From<&'a ToolCall> for Call<'a> {
    fn from(call: &'a ToolCall) -> Self {
        Self { id: &call.id, kind: "function", function: call.into() }
    }
}

/// OpenAI's usage.
#[derive(Serialize)]
pub(crate) struct WireUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
}

#[derive(Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cache_write_tokens: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl From<Usage> for WireUsage {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.prompt_tokens(),
            completion_tokens: usage.output_tokens,
            total_tokens: usage.total_tokens(),
            prompt_tokens_details: PromptDetails {
                cached_tokens: usage.cache_read_tokens,
                cache_write_tokens: usage.cache_write_tokens,
            },
        }
    }
}

/// What OpenAI's reply has no member for.
#[derive(Serialize)]
pub(crate) struct Extension<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<Trace<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    performance_config: Option<Performance<'a>>,
}

#[derive(Serialize)]
struct Trace<'a> {
    guardrail: &'a RawValue,
}

#[derive(Serialize)]
struct Performance<'a> {
    latency: &'a str,
}

impl<'a> Extension<'a> {
    pub(crate) fn new(metadata: &'a Metadata) -> Option<Self> {
        let trace = metadata.guardrail_trace.as_deref().map(|guardrail| Trace { guardrail });
        let performance_config = metadata.latency.as_deref().map(|latency| Performance { latency });
        (trace.is_some() || performance_config.is_some()).then_some(Self { trace, performance_config })
    }
}

/// OpenAI's word for why an answer ended.
pub(crate) fn finish_reason(reason: FinishReason, legacy_functions: bool) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::ToolCalls if legacy_functions => "function_call",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::Length => "length",
        FinishReason::ContentFilter => "content_filter",
    }
}

/// Writes a whole answer. With `legacy_functions` its first call stands where clients look that know no tools, who
/// cannot be told of more than one.
pub fn completion(identity: &Identity, response: &Response, legacy_functions: bool) -> Vec<u8> {
    let metadata = &response.metadata;
    let message = message(response, legacy_functions);
    let length = response.text.as_ref().map_or(0, String::len) + message.reasoning_content.len() * 2;
    let finish_reason = finish_reason(response.finish_reason, legacy_functions);
    let reply = Completion {
        id: &identity.id,
        object: "chat.completion",
        created: identity.created,
        model: &identity.model,
        choices: [Choice { index: 0, message, logprobs: (), finish_reason }],
        service_tier: metadata.service_tier.as_deref(),
        usage: metadata.usage.map(WireUsage::from),
        bedrock: Extension::new(metadata),
    };
    let mut body = Vec::with_capacity(384 + length);
    text::write_json(&mut body, &reply);
    body
}

fn message(response: &Response, legacy_functions: bool) -> Message<'_> {
    let thoughts = response.reasoning.iter().filter_map(|block| match block {
        Reasoning::Thinking { text, .. } => Some(text.as_str()),
        Reasoning::Redacted(_) => None,
    });
    let (calls, function_call) = if legacy_functions {
        (Vec::new(), response.tool_calls.first().map(Into::into))
    } else {
        (response.tool_calls.iter().map(Into::into).collect(), None)
    };
    Message {
        role: "assistant",
        content: response.text.as_deref(),
        refusal: (),
        reasoning_content: thoughts.collect(),
        thinking_blocks: response.reasoning.iter().map(Into::into).collect(),
        tool_calls: calls,
        function_call,
    }
}
