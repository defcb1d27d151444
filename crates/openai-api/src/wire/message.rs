//! One message of a conversation.

use std::fmt;

use chat::Cache;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::cache;
use super::calls::{CalledFunction, LegacyCall, ThinkingBlock, ToolCall};
use super::content::{Content, ContentSeed};
use super::free::StrictValue;
use super::members::{Ignored, Seen};
use super::record::{ListSeed, optional};
use super::rules;
use crate::text::shorten;

/// The most messages that a conversation may have.
const MOST_MESSAGES: usize = 10_000;

/// A message as written.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) role: WireRole,
    pub(crate) content: Option<Content>,
    pub(crate) name: Option<String>,
    pub(crate) refusal: Option<String>,
    pub(crate) tool_calls: Vec<ToolCall>,
    pub(crate) function_call: Option<CalledFunction>,
    pub(crate) tool_call_id: Option<String>,
    pub(crate) thinking: Vec<ThinkingBlock>,
    /// Whether the call failed whose result this is.
    pub(crate) failed: bool,
    pub(crate) cache: Option<Cache>,
    /// A member with a value that this version does not serve.
    pub(crate) refused: Option<&'static str>,
}

/// The roles of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireRole {
    System,
    Developer,
    User,
    Assistant,
    Tool,
    Function,
}

impl<'de> Deserialize<'de> for WireRole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = WireRole;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a role: `system`, `developer`, `user`, `assistant` or `tool`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<WireRole, E> {
                Ok(match text {
                    "system" => WireRole::System,
                    "developer" => WireRole::Developer,
                    "user" => WireRole::User,
                    "assistant" => WireRole::Assistant,
                    "tool" => WireRole::Tool,
                    "function" => WireRole::Function,
                    _ => {
                        let wanted =
                            "supported values are `system`, `developer`, `user`, `assistant` and `tool`";
                        return Err(E::custom(format!("`{}` is not a role; {wanted}", shorten(text))));
                    }
                })
            }
        }
        deserializer.deserialize_str(Word)
    }
}

/// Reads the list of messages.
pub(crate) struct MessagesSeed<'a>(pub(crate) &'a mut Ignored);

impl<'de> DeserializeSeed<'de> for MessagesSeed<'_> {
    type Value = Vec<Message>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for MessagesSeed<'_> {
    type Value = Vec<Message>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut messages = Vec::new();
        while let Some(message) = items.next_element_seed(MessageSeed(&mut *self.0))? {
            if messages.len() >= MOST_MESSAGES {
                return Err(A::Error::custom(format!("there are more than {MOST_MESSAGES} messages")));
            }
            messages.push(message);
        }
        Ok(messages)
    }
}

struct MessageSeed<'a>(&'a mut Ignored);

impl<'de> DeserializeSeed<'de> for MessageSeed<'_> {
    type Value = Message;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Message, D::Error> {
        deserializer.deserialize_map(self)
    }
}

const MEMBERS: &[&str] = &[
    "role",
    "content",
    "name",
    "refusal",
    "tool_calls",
    "function_call",
    "tool_call_id",
    "thinking_blocks",
    "reasoning_content",
    "is_error",
    "status",
    "cache_control",
];

impl<'de> Visitor<'de> for MessageSeed<'_> {
    type Value = Message;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message, such as {\"role\": \"user\", \"content\": \"...\"}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Message, A::Error> {
        let mut draft = Draft::default();
        let mut seen = Seen::default();
        while let Some(key) = seen.next(&mut members, MEMBERS)? {
            draft.read(&key, &mut members, self.0)?;
        }
        draft.finish(self.0)
    }
}

/// The members of a message, before its role is known.
#[derive(Default)]
struct Draft {
    role: Option<WireRole>,
    content: Option<Content>,
    name: Option<String>,
    refusal: Option<String>,
    tool_calls: Vec<ToolCall>,
    function_call: Option<LegacyCall>,
    tool_call_id: Option<String>,
    thinking: Vec<ThinkingBlock>,
    /// Whether there is reasoning without what proves it to the model.
    thoughts: bool,
    is_error: Option<bool>,
    status: Option<StrictValue>,
    cache: Option<Cache>,
    refused: Option<&'static str>,
}

impl Draft {
    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        members: &mut A,
        ignored: &mut Ignored,
    ) -> Result<(), A::Error> {
        match key {
            "role" => self.role = Some(members.next_value()?),
            "content" => self.content = members.next_value_seed(ContentSeed(ignored))?,
            // Converse has no names of speakers, and the text does not depend on them.
            "name" => self.name = members.next_value()?,
            "refusal" => self.refusal = members.next_value()?,
            "tool_calls" => self.tool_calls = members.next_value_seed(ListSeed::new(ignored))?,
            "function_call" => self.function_call = optional(members, ignored)?,
            "tool_call_id" => self.tool_call_id = members.next_value()?,
            "thinking_blocks" => self.thinking = members.next_value_seed(ListSeed::new(ignored))?,
            "reasoning_content" => {
                let StrictValue(value) = members.next_value()?;
                self.thoughts = !(value.is_null() || value == "");
            }
            "is_error" => self.is_error = members.next_value()?,
            "status" => self.status = members.next_value()?,
            "cache_control" => self.cache = cache::read(members, ignored)?,
            name => self.other(name, members, ignored)?,
        }
        Ok(())
    }

    fn other<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        members: &mut A,
        ignored: &mut Ignored,
    ) -> Result<(), A::Error> {
        let Some(rule) = rules::of_message(name) else {
            members.next_value::<IgnoredAny>()?;
            ignored.add(&format!("messages[].{name}"));
            return Ok(());
        };
        let StrictValue(value) = members.next_value()?;
        match rule.judge(&value) {
            rules::Verdict::Nothing => {}
            rules::Verdict::Ignored => ignored.add(&format!("messages[].{}", rule.name)),
            rules::Verdict::Refused => self.refuse(rule.name),
        }
        Ok(())
    }

    fn refuse(&mut self, name: &'static str) {
        self.refused = self.refused.or(Some(name));
    }

    fn finish<E: Error>(mut self, ignored: &mut Ignored) -> Result<Message, E> {
        let Some(role) = self.role else { return Err(E::missing_field("role")) };
        let assistant = role == WireRole::Assistant;
        if !assistant && !self.tool_calls.is_empty() {
            self.refuse("tool_calls");
        }
        if !assistant && self.function_call.is_some() {
            self.refuse("function_call");
        }
        if role != WireRole::Tool && self.tool_call_id.is_some() {
            self.refuse("tool_call_id");
        }
        if !assistant && !self.thinking.is_empty() {
            ignored.add("messages[].thinking_blocks");
        }
        // Beside blocks it is their text once more.
        if self.thoughts && (!assistant || self.thinking.is_empty()) {
            ignored.add("messages[].reasoning_content");
        }
        let failed = self.failed(role, ignored);
        Ok(Message {
            role,
            content: self.content,
            name: self.name,
            refusal: self.refusal,
            tool_calls: self.tool_calls,
            function_call: self.function_call.map(|call| call.0),
            tool_call_id: self.tool_call_id,
            thinking: if assistant { self.thinking } else { Vec::new() },
            failed,
            cache: self.cache,
            refused: self.refused,
        })
    }

    /// Whether it is the result of a call that failed.
    fn failed(&self, role: WireRole, ignored: &mut Ignored) -> bool {
        let result = matches!(role, WireRole::Tool | WireRole::Function);
        let error = self.is_error.unwrap_or(false);
        if error && !result {
            ignored.add("messages[].is_error");
        }
        let status = self.status.as_ref().map(|status| &status.0).filter(|status| !status.is_null());
        let by_status = status.is_some_and(|status| status == "error");
        if status.is_some_and(|status| !result || !(by_status || status == "success")) {
            ignored.add("messages[].status");
        }
        result && (error || by_status)
    }
}
