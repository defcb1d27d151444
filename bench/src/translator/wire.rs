//! The members that the loads have, of both APIs. What can be borrowed is.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Identity, finish_reason};

#[derive(Deserialize)]
pub(super) struct Asked<'a> {
    #[serde(borrow)]
    pub(super) model: Cow<'a, str>,
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
    max_tokens: Option<u32>,
    temperature: Option<f64>,
    #[serde(default)]
    pub(super) stream: bool,
    pub(super) stream_options: Option<StreamOptions>,
    #[serde(borrow, default)]
    tools: Vec<Tool<'a>>,
}

#[derive(Deserialize)]
pub(super) struct StreamOptions {
    pub(super) include_usage: bool,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Content<'a>,
    #[serde(borrow, default)]
    tool_calls: Vec<Call<'a>>,
    #[serde(borrow)]
    tool_call_id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Parts(#[serde(borrow)] Vec<Part<'a>>),
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    image_url: Option<ImageUrl<'a>>,
}

#[derive(Deserialize)]
struct ImageUrl<'a> {
    #[serde(borrow)]
    url: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    function: CalledFunction<'a>,
}

#[derive(Deserialize)]
struct CalledFunction<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    arguments: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow)]
    function: Function<'a>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    description: Option<Cow<'a, str>>,
    #[serde(borrow)]
    parameters: &'a RawValue,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Converse<'a> {
    messages: Vec<Turn<'a>>,
    system: Vec<Block<'a>>,
    inference_config: InferenceConfig,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<ToolConfig<'a>>,
}

#[derive(Serialize)]
struct Turn<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Block<'a> {
    Text(&'a str),
    Image(Image<'a>),
    ToolUse(ToolUse<'a>),
    ToolResult(ToolResult<'a>),
}

#[derive(Serialize)]
struct Image<'a> {
    format: &'a str,
    source: Source<'a>,
}

#[derive(Serialize)]
struct Source<'a> {
    bytes: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolUse<'a> {
    tool_use_id: &'a str,
    name: &'a str,
    input: Option<&'a RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolResult<'a> {
    tool_use_id: &'a str,
    content: [Text<'a>; 1],
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InferenceConfig {
    max_tokens: Option<u32>,
    temperature: Option<f64>,
}

#[derive(Serialize)]
struct ToolConfig<'a> {
    tools: Vec<ToolSpecs<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolSpecs<'a> {
    tool_spec: ToolSpec<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolSpec<'a> {
    name: &'a str,
    description: Option<&'a str>,
    input_schema: InputSchema<'a>,
}

#[derive(Serialize)]
struct InputSchema<'a> {
    json: &'a RawValue,
}

impl<'a> From<&'a Asked<'a>> for Converse<'a> {
    fn from(asked: &'a Asked<'a>) -> Self {
        let (mut system, mut messages) = (Vec::new(), Vec::new());
        for message in &asked.messages {
            match &*message.role {
                "system" => blocks(message, &mut system),
                "assistant" => messages.push(turn("assistant", message)),
                _ => messages.push(turn("user", message)),
            }
        }
        let tools: Vec<ToolSpecs<'_>> = asked.tools.iter().map(|tool| tool_spec(&tool.function)).collect();
        Self {
            messages,
            system,
            inference_config: InferenceConfig {
                max_tokens: asked.max_tokens,
                temperature: asked.temperature,
            },
            tool_config: (!tools.is_empty()).then_some(ToolConfig { tools }),
        }
    }
}

fn turn<'a>(role: &'static str, message: &'a Message<'a>) -> Turn<'a> {
    let mut content = Vec::new();
    blocks(message, &mut content);
    Turn { role, content }
}

fn blocks<'a>(message: &'a Message<'a>, out: &mut Vec<Block<'a>>) {
    match (&message.content, &message.tool_call_id) {
        (Content::Text(text), Some(id)) => {
            out.push(Block::ToolResult(ToolResult { tool_use_id: id, content: [Text { text }] }));
        }
        (Content::Text(text), None) => out.push(Block::Text(text)),
        (Content::Parts(parts), _) => out.extend(parts.iter().filter_map(part)),
    }
    out.extend(message.tool_calls.iter().map(|call| {
        Block::ToolUse(ToolUse {
            tool_use_id: &call.id,
            name: &call.function.name,
            input: serde_json::from_str(&call.function.arguments).ok(),
        })
    }));
}

fn part<'a>(part: &'a Part<'a>) -> Option<Block<'a>> {
    if let Some(text) = &part.text {
        return Some(Block::Text(text));
    }
    let (format, bytes) = part.image_url.as_ref()?.url.strip_prefix("data:image/")?.split_once(";base64,")?;
    Some(Block::Image(Image { format, source: Source { bytes } }))
}

fn tool_spec<'a>(function: &'a Function<'a>) -> ToolSpecs<'a> {
    ToolSpecs {
        tool_spec: ToolSpec {
            name: &function.name,
            description: function.description.as_deref(),
            input_schema: InputSchema { json: function.parameters },
        },
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reply<'a> {
    #[serde(borrow)]
    output: Output<'a>,
    #[serde(borrow)]
    stop_reason: Cow<'a, str>,
    usage: TokenUsage,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow)]
    message: ReplyMessage<'a>,
}

#[derive(Deserialize)]
struct ReplyMessage<'a> {
    #[serde(borrow)]
    content: [ReplyText<'a>; 1],
}

#[derive(Deserialize)]
pub(super) struct ReplyText<'a> {
    #[serde(borrow)]
    pub(super) text: Cow<'a, str>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenUsage {
    input_tokens: u32,
    output_tokens: u32,
    total_tokens: u32,
}

#[derive(Deserialize)]
pub(super) struct DeltaEvent<'a> {
    #[serde(borrow)]
    pub(super) delta: ReplyText<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StopEvent<'a> {
    #[serde(borrow)]
    pub(super) stop_reason: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct MetadataEvent {
    pub(super) usage: TokenUsage,
}

#[derive(Serialize)]
pub(super) struct Usage {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u32,
}

impl From<TokenUsage> for Usage {
    fn from(usage: TokenUsage) -> Self {
        Self {
            prompt_tokens: usage.input_tokens,
            completion_tokens: usage.output_tokens,
            total_tokens: usage.total_tokens,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [Choice<'a>; 1],
    usage: Usage,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    message: Answer<'a>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Answer<'a> {
    role: &'static str,
    content: &'a str,
}

impl<'a> Completion<'a> {
    pub(super) fn new(identity: &'a Identity, reply: &'a Reply<'a>) -> Self {
        let [ReplyText { text }] = &reply.output.message.content;
        Self {
            id: &identity.id,
            object: "chat.completion",
            created: identity.created,
            model: &identity.model,
            choices: [Choice {
                index: 0,
                message: Answer { role: "assistant", content: text },
                finish_reason: finish_reason(&reply.stop_reason),
            }],
            usage: Usage::from(reply.usage),
        }
    }
}
