//! Tools, functions, and which of them may or must be called.

use std::fmt;

use chat::Cache;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Unexpected, Visitor};

use super::cache;
use super::members::Ignored;
use super::raw::RawSchema;
use super::record::{Record, RecordSeed, optional};
use crate::text::shorten;

/// The most tools that a request may bring.
const MOST_TOOLS: usize = 1_000;

/// One of `tools`.
#[derive(Debug, Default)]
pub(crate) struct Tool {
    pub(crate) kind: Option<String>,
    pub(crate) function: Option<Function>,
    pub(crate) system: Option<SystemTool>,
    pub(crate) cache: Option<Cache>,
}

/// A tool that the provider runs.
#[derive(Debug, Default)]
pub(crate) struct SystemTool {
    pub(crate) name: Option<String>,
}

/// What may be called.
#[derive(Debug, Default)]
pub(crate) struct Function {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) parameters: Option<RawSchema>,
    pub(crate) strict: Option<bool>,
    pub(crate) cache: Option<Cache>,
}

/// One of `functions`, which came before `tools`.
#[derive(Debug, Default)]
pub(crate) struct LegacyFunction(pub(crate) Function);

impl Record for Tool {
    const PATH: &'static str = "tools[]";
    const EXPECTED: &'static str =
        "a tool, such as {\"type\": \"function\", \"function\": {\"name\": \"...\"}}";
    const MEMBERS: &'static [&'static str] = &["type", "function", "system_tool", "cache_control"];
    const MOST: Option<(usize, &'static str)> = Some((MOST_TOOLS, "tools"));

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        members: &mut A,
        ignored: &mut Ignored,
    ) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = members.next_value()?,
            "function" => self.function = optional(members, ignored)?,
            "system_tool" => self.system = optional(members, ignored)?,
            _ => self.cache = cache::read(members, ignored)?,
        }
        Ok(())
    }
}

impl Record for SystemTool {
    const PATH: &'static str = "tools[].system_tool";
    const EXPECTED: &'static str = "an object such as {\"name\": \"nova_grounding\"}";
    const MEMBERS: &'static [&'static str] = &["name"];

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        _: &str,
        members: &mut A,
        _: &mut Ignored,
    ) -> Result<(), A::Error> {
        self.name = members.next_value()?;
        Ok(())
    }
}

impl Record for Function {
    const PATH: &'static str = "tools[].function";
    const EXPECTED: &'static str = "a function, such as {\"name\": \"...\", \"parameters\": {}}";
    const MEMBERS: &'static [&'static str] =
        &["name", "description", "parameters", "strict", "cache_control"];

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        members: &mut A,
        ignored: &mut Ignored,
    ) -> Result<(), A::Error> {
        match key {
            "name" => self.name = members.next_value()?,
            "description" => self.description = members.next_value()?,
            "parameters" => self.parameters = members.next_value()?,
            "strict" => self.strict = members.next_value()?,
            _ => self.cache = cache::read(members, ignored)?,
        }
        Ok(())
    }
}

impl Record for LegacyFunction {
    const PATH: &'static str = "functions[]";
    const EXPECTED: &'static str = Function::EXPECTED;
    const MEMBERS: &'static [&'static str] = Function::MEMBERS;
    const MOST: Option<(usize, &'static str)> = Some((MOST_TOOLS, "functions"));

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        members: &mut A,
        ignored: &mut Ignored,
    ) -> Result<(), A::Error> {
        self.0.read(key, members, ignored)
    }
}

/// Which tools a model may or must call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    Auto,
    None,
    Required,
    Named(String),
    /// A kind of choice that is not served, by its type.
    Other(String),
}

/// Reads a `tool_choice`, or a `function_call` that means the same.
pub(crate) struct ChoiceSeed<'a> {
    pub(crate) ignored: &'a mut Ignored,
    pub(crate) legacy: bool,
}

impl<'de> DeserializeSeed<'de> for ChoiceSeed<'_> {
    type Value = Choice;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Choice, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ChoiceSeed<'_> {
    type Value = Choice;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.legacy {
            "`none`, `auto` or {\"name\": \"...\"}"
        } else {
            "`none`, `auto`, `required` or {\"type\": \"function\", \"function\": {\"name\": \"...\"}}"
        })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Choice, E> {
        match text {
            "auto" => Ok(Choice::Auto),
            "none" => Ok(Choice::None),
            "required" if !self.legacy => Ok(Choice::Required),
            _ => Err(E::invalid_value(Unexpected::Str(&shorten(text)), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Choice, A::Error> {
        if self.legacy {
            let function = RecordSeed::<LegacyChoice>::new(self.ignored).visit_map(members)?;
            return function.0.name.map(Choice::Named).ok_or_else(|| A::Error::missing_field("name"));
        }
        let choice = RecordSeed::<NamedChoice>::new(self.ignored).visit_map(members)?;
        match (choice.kind.as_deref(), choice.function.and_then(|function| function.name)) {
            (None, _) => Err(A::Error::missing_field("type")),
            (Some("function"), None) => Err(A::Error::missing_field("function.name")),
            (Some("function"), Some(name)) => Ok(Choice::Named(name)),
            (Some(kind), _) => Ok(Choice::Other(shorten(kind))),
        }
    }
}

#[derive(Default)]
struct NamedChoice {
    kind: Option<String>,
    function: Option<ChosenFunction>,
}

#[derive(Default)]
struct ChosenFunction {
    name: Option<String>,
}

#[derive(Default)]
struct LegacyChoice(ChosenFunction);

impl Record for NamedChoice {
    const PATH: &'static str = "tool_choice";
    const EXPECTED: &'static str = "a choice of a tool";
    const MEMBERS: &'static [&'static str] = &["type", "function"];

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        members: &mut A,
        ignored: &mut Ignored,
    ) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = members.next_value()?,
            _ => self.function = optional(members, ignored)?,
        }
        Ok(())
    }
}

impl Record for ChosenFunction {
    const PATH: &'static str = "tool_choice.function";
    const EXPECTED: &'static str = "an object such as {\"name\": \"...\"}";
    const MEMBERS: &'static [&'static str] = &["name"];

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        _: &str,
        members: &mut A,
        _: &mut Ignored,
    ) -> Result<(), A::Error> {
        self.name = members.next_value()?;
        Ok(())
    }
}

impl Record for LegacyChoice {
    const PATH: &'static str = "function_call";
    const EXPECTED: &'static str = ChosenFunction::EXPECTED;
    const MEMBERS: &'static [&'static str] = ChosenFunction::MEMBERS;

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        members: &mut A,
        ignored: &mut Ignored,
    ) -> Result<(), A::Error> {
        self.0.read(key, members, ignored)
    }
}
