//! A request's content, as far as answers depend on it.

use serde_json::{Map, Value};

use crate::family::Family;
use crate::guardrail::Guardrail;

/// A request that has passed the checks of its shape.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) family: Family,
    pub(crate) system: Vec<Block>,
    pub(crate) messages: Vec<Message>,
    pub(crate) max_tokens: Option<usize>,
    pub(crate) stop_sequences: Vec<String>,
    /// The list of tools as it came.
    pub(crate) tool_list: Vec<Value>,
    pub(crate) choice: Choice,
    /// The JSON schema of the answer, where one is asked for and can be read.
    pub(crate) schema: Option<Value>,
    /// The fields that the model alone knows.
    pub(crate) fields: Map<String, Value>,
    pub(crate) effort: Option<String>,
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

/// Which tools have to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    Auto,
    Any,
    Named(String),
}

/// A tool that the client has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool<'a> {
    /// Its place in the list.
    pub(crate) index: usize,
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
    pub(crate) schema: &'a Value,
}

/// A piece of a turn.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// The union's member, such as `text` or `image`.
    pub(crate) kind: String,
    /// What it says, where that is plain text.
    pub(crate) text: Option<String>,
    /// The member's value.
    pub(crate) value: Value,
}

impl Request {
    /// Reads a body whose shape is right.
    pub(crate) fn read(body: &Value, family: Family) -> Self {
        let inference = body.get("inferenceConfig");
        let max_tokens = inference.and_then(|config| config.get("maxTokens")).and_then(Value::as_u64);
        let stop_sequences = inference.map(|config| items(config, "stopSequences")).unwrap_or_default();
        let echoed = ["performanceConfig", "serviceTier"].into_iter().filter_map(|name| {
            let value = body.get(name).filter(|value| !value.is_null())?;
            Some((name.to_owned(), value.clone()))
        });
        let schema = body.pointer("/outputConfig/textFormat/structure/jsonSchema/schema");
        let schema = schema.and_then(Value::as_str).and_then(|text| serde_json::from_str(text).ok());
        let fields = body.get("additionalModelRequestFields").and_then(Value::as_object);
        let effort = body.pointer("/outputConfig/effort").and_then(Value::as_str);
        Self {
            family,
            system: items(body, "system").iter().map(Block::read).collect(),
            messages: items(body, "messages").iter().map(Message::read).collect(),
            max_tokens: max_tokens.and_then(|tokens| usize::try_from(tokens).ok()),
            stop_sequences: stop_sequences.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
            tool_list: body
                .get("toolConfig")
                .map(|config| items(config, "tools").to_vec())
                .unwrap_or_default(),
            choice: Choice::read(body.pointer("/toolConfig/toolChoice").unwrap_or(&Value::Null)),
            schema,
            fields: fields.cloned().unwrap_or_default(),
            effort: effort.map(ToOwned::to_owned),
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

    /// The last text of the user, in whichever turn.
    pub(crate) fn last_text(&self) -> String {
        let turns = self.messages.iter().rev().filter(|message| message.role == Role::User);
        turns.map(Message::text).find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// The tools that the client has.
    pub(crate) fn tools(&self) -> impl Iterator<Item = Tool<'_>> {
        self.tool_list.iter().enumerate().filter_map(|(index, tool)| {
            let spec = tool.get("toolSpec")?;
            Some(Tool {
                index,
                name: spec.get("name")?.as_str()?,
                description: spec.get("description").and_then(Value::as_str).unwrap_or_default(),
                schema: spec.pointer("/inputSchema/json")?,
            })
        })
    }

    /// The name of the tool that was used under an id.
    pub(crate) fn used(&self, id: &str) -> Option<&str> {
        let uses = self.messages.iter().rev().flat_map(|message| message.of_kind("toolUse"));
        let used = uses.into_iter().find(|used| used.member("toolUseId") == Some(id))?;
        used.member("name")
    }
}

impl Choice {
    fn read(choice: &Value) -> Self {
        let set = |name: &str| choice.get(name).filter(|value| !value.is_null());
        if let Some(name) = set("tool").and_then(|tool| tool.get("name")).and_then(Value::as_str) {
            return Self::Named(name.to_owned());
        }
        if set("any").is_some() { Self::Any } else { Self::Auto }
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

    /// Its blocks of one kind.
    pub(crate) fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = &Block> {
        self.content.iter().filter(move |block| block.kind == kind)
    }
}

impl Block {
    pub(crate) fn read(block: &Value) -> Self {
        let member = block.as_object().and_then(|members| members.iter().find(|(_, value)| !value.is_null()));
        let Some((kind, value)) = member else {
            return Self { kind: String::new(), text: None, value: Value::Null };
        };
        let text = match kind.as_str() {
            "text" => value.as_str(),
            "guardContent" => value.pointer("/text/text").and_then(Value::as_str),
            _ => None,
        };
        Self { kind: kind.clone(), text: text.map(ToOwned::to_owned), value: value.clone() }
    }

    /// A text member of its value.
    pub(crate) fn member(&self, name: &str) -> Option<&str> {
        self.value.get(name).and_then(Value::as_str)
    }

    /// The blocks inside the result of a tool.
    pub(crate) fn inside(&self) -> Vec<Self> {
        items(&self.value, "content").iter().map(Self::read).collect()
    }
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
