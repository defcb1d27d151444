//! A request's content, as far as answers depend on it.

use serde_json::{Map, Value};

use crate::guardrail::Guardrail;

/// A request that has passed the checks of its shape.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) system: Vec<Block>,
    pub(crate) messages: Vec<Message>,
    pub(crate) max_tokens: Option<usize>,
    pub(crate) stop_sequences: Vec<String>,
    pub(crate) guardrail: Option<Guardrail>,
    /// The members that answers repeat.
    pub(crate) echoed: Map<String, Value>,
}

/// One turn of the conversation.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) role: Role,
    pub(crate) content: Vec<Block>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    User,
    Assistant,
}

/// A piece of a turn.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// The union's member, such as `text` or `image`.
    pub(crate) kind: String,
    /// What it says, where that is plain text.
    pub(crate) text: Option<String>,
}

impl Request {
    /// Reads a body whose shape is right.
    pub(crate) fn read(body: &Value) -> Self {
        let inference = body.get("inferenceConfig");
        let max_tokens = inference.and_then(|config| config.get("maxTokens")).and_then(Value::as_u64);
        let stop_sequences = inference.map(|config| items(config, "stopSequences")).unwrap_or_default();
        let echoed = ["performanceConfig", "serviceTier"].into_iter().filter_map(|name| {
            let value = body.get(name).filter(|value| !value.is_null())?;
            Some((name.to_owned(), value.clone()))
        });
        Self {
            system: items(body, "system").iter().map(Block::read).collect(),
            messages: items(body, "messages").iter().map(Message::read).collect(),
            max_tokens: max_tokens.and_then(|tokens| usize::try_from(tokens).ok()),
            stop_sequences: stop_sequences.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
            guardrail: body.get("guardrailConfig").and_then(Guardrail::read),
            echoed: echoed.collect(),
        }
    }

    /// What the assistant has said of the answer already.
    pub(crate) fn prefill(&self) -> Option<&Message> {
        self.messages.last().filter(|message| message.role == Role::Assistant)
    }

    /// The last turn of the user.
    pub(crate) fn last_of_user(&self) -> Option<&Message> {
        self.messages.iter().rev().find(|message| message.role == Role::User)
    }
}

impl Message {
    fn read(message: &Value) -> Self {
        let assistant = message.get("role").and_then(Value::as_str) == Some("assistant");
        Self {
            role: if assistant { Role::Assistant } else { Role::User },
            content: items(message, "content").iter().map(Block::read).collect(),
        }
    }

    /// All that it says.
    pub(crate) fn text(&self) -> String {
        let texts: Vec<&str> = self.content.iter().filter_map(|block| block.text.as_deref()).collect();
        texts.join("\n")
    }
}

impl Block {
    fn read(block: &Value) -> Self {
        let member = block.as_object().and_then(|members| members.iter().find(|(_, value)| !value.is_null()));
        let Some((kind, value)) = member else { return Self { kind: String::new(), text: None } };
        let text = match kind.as_str() {
            "text" => value.as_str(),
            "guardContent" => value.pointer("/text/text").and_then(Value::as_str),
            _ => None,
        };
        Self { kind: kind.clone(), text: text.map(ToOwned::to_owned) }
    }
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
