//! A whole answer as a chat completion.

use chat::{FinishReason, Response, Usage};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::text;

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
}

impl From<Usage> for WireUsage {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.prompt_tokens(),
            completion_tokens: usage.output_tokens,
            total_tokens: usage.total_tokens(),
            prompt_tokens_details: PromptDetails { cached_tokens: usage.cache_read_tokens },
        }
    }
}

/// What OpenAI's reply has no member for.
#[derive(Serialize)]
pub(crate) struct Extension<'a> {
    trace: Trace<'a>,
}

#[derive(Serialize)]
struct Trace<'a> {
    guardrail: &'a RawValue,
}

impl<'a> Extension<'a> {
    pub(crate) fn new(guardrail: &'a RawValue) -> Self {
        Self { trace: Trace { guardrail } }
    }
}

/// OpenAI's word for why an answer ended.
pub(crate) fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ContentFilter => "content_filter",
    }
}

/// Writes a whole answer.
pub fn completion(identity: &Identity, response: &Response) -> Vec<u8> {
    let content = response.text.as_deref();
    let message = Message { role: "assistant", content, refusal: () };
    let finish_reason = finish_reason(response.finish_reason);
    let reply = Completion {
        id: &identity.id,
        object: "chat.completion",
        created: identity.created,
        model: &identity.model,
        choices: [Choice { index: 0, message, logprobs: (), finish_reason }],
        usage: response.usage.map(WireUsage::from),
        bedrock: response.guardrail_trace.as_deref().map(Extension::new),
    };
    let mut body = Vec::with_capacity(384 + content.map_or(0, str::len));
    text::write_json(&mut body, &reply);
    body
}
