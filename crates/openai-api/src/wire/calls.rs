//! What an assistant's message brings back: its calls, and what it thought.

use chat::Cache;
use serde::de::{IgnoredAny, MapAccess};

use super::cache;
use super::members::Ignored;
use super::record::{Record, optional};

/// One of an assistant's `tool_calls`.
#[derive(Debug, Default)]
pub(crate) struct ToolCall {
    pub(crate) id: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) function: Option<CalledFunction>,
    pub(crate) cache: Option<Cache>,
}

/// What was called, with which arguments.
#[derive(Debug, Default)]
pub(crate) struct CalledFunction {
    pub(crate) name: Option<String>,
    pub(crate) arguments: Option<String>,
}

/// An assistant's `function_call`, which came before `tool_calls`.
#[derive(Debug, Default)]
pub(crate) struct LegacyCall(pub(crate) CalledFunction);

impl Record for ToolCall {
    const PATH: &'static str = "messages[].tool_calls[]";
    const EXPECTED: &'static str = "a call, such as {\"id\": \"...\", \"type\": \"function\", \"function\": {\"name\": \"...\", \"arguments\": \"{}\"}}";
    const MEMBERS: &'static [&'static str] = &["id", "type", "function", "cache_control"];

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        members: &mut A,
        ignored: &mut Ignored,
    ) -> Result<(), A::Error> {
        match key {
            "id" => self.id = members.next_value()?,
            "type" => self.kind = members.next_value()?,
            "function" => self.function = optional(members, ignored)?,
            _ => self.cache = cache::read(members, ignored)?,
        }
        Ok(())
    }
}

impl Record for CalledFunction {
    const PATH: &'static str = "messages[].tool_calls[].function";
    const EXPECTED: &'static str = "an object such as {\"name\": \"...\", \"arguments\": \"{}\"}";
    const MEMBERS: &'static [&'static str] = &["name", "arguments"];

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        members: &mut A,
        _: &mut Ignored,
    ) -> Result<(), A::Error> {
        match key {
            "name" => self.name = members.next_value()?,
            _ => self.arguments = members.next_value()?,
        }
        Ok(())
    }
}

impl Record for LegacyCall {
    const PATH: &'static str = "messages[].function_call";
    const EXPECTED: &'static str = CalledFunction::EXPECTED;
    const MEMBERS: &'static [&'static str] = CalledFunction::MEMBERS;

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        members: &mut A,
        ignored: &mut Ignored,
    ) -> Result<(), A::Error> {
        self.0.read(key, members, ignored)
    }
}

/// One of an assistant's `thinking_blocks`.
#[derive(Debug, Default)]
pub(crate) struct ThinkingBlock {
    pub(crate) kind: Option<String>,
    pub(crate) thinking: Option<String>,
    pub(crate) signature: Option<String>,
    pub(crate) data: Option<String>,
}

impl Record for ThinkingBlock {
    const PATH: &'static str = "messages[].thinking_blocks[]";
    const EXPECTED: &'static str =
        "a block such as {\"type\": \"thinking\", \"thinking\": \"...\", \"signature\": \"...\"}";
    const MEMBERS: &'static [&'static str] = &["type", "thinking", "signature", "data", "index"];

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        members: &mut A,
        _: &mut Ignored,
    ) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = members.next_value()?,
            "thinking" => self.thinking = members.next_value()?,
            "signature" => self.signature = members.next_value()?,
            "data" => self.data = members.next_value()?,
            // Of a streamed block: the list says the same.
            _ => drop(members.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}
