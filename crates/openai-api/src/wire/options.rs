//! Members with words for values: the answer's shape, effort, tier and latency.

use std::fmt;

use chat::{Effort, Latency, ServiceTier};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::members::Ignored;
use super::raw::RawSchema;
use super::record::{Record, optional};
use super::word::{Word, Words};

/// What shape the answer is to have.
#[derive(Debug, Default)]
pub(crate) struct ResponseFormat {
    pub(crate) kind: Option<String>,
    pub(crate) json_schema: Option<JsonSchema>,
}

/// The schema of an answer.
#[derive(Debug, Default)]
pub(crate) struct JsonSchema {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) schema: Option<RawSchema>,
    pub(crate) strict: Option<bool>,
}

impl Record for ResponseFormat {
    const PATH: &'static str = "response_format";
    const EXPECTED: &'static str = "an object such as {\"type\": \"json_object\"}";
    const MEMBERS: &'static [&'static str] = &["type", "json_schema"];

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        members: &mut A,
        ignored: &mut Ignored,
    ) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = members.next_value()?,
            _ => self.json_schema = optional(members, ignored)?,
        }
        Ok(())
    }
}

impl Record for JsonSchema {
    const PATH: &'static str = "response_format.json_schema";
    const EXPECTED: &'static str = "an object such as {\"name\": \"...\", \"schema\": {}}";
    const MEMBERS: &'static [&'static str] = &["name", "description", "schema", "strict"];

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        members: &mut A,
        _: &mut Ignored,
    ) -> Result<(), A::Error> {
        match key {
            "name" => self.name = members.next_value()?,
            "description" => self.description = members.next_value()?,
            "schema" => self.schema = members.next_value()?,
            _ => self.strict = members.next_value()?,
        }
        Ok(())
    }
}

impl Words for Effort {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("none", Self::None),
        ("minimal", Self::Minimal),
        ("low", Self::Low),
        ("medium", Self::Medium),
        ("high", Self::High),
        ("xhigh", Self::XHigh),
    ];
}

/// How much the model is to think, as OpenAI's other API spells it.
#[derive(Debug, Default)]
pub(crate) struct Reasoning {
    pub(crate) effort: Option<Word<Effort>>,
}

impl Record for Reasoning {
    const PATH: &'static str = "reasoning";
    const EXPECTED: &'static str = "an object such as {\"effort\": \"low\"}";
    const MEMBERS: &'static [&'static str] = &["effort"];

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        _: &str,
        members: &mut A,
        _: &mut Ignored,
    ) -> Result<(), A::Error> {
        self.effort = members.next_value()?;
        Ok(())
    }
}

/// Which tier is to serve the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tier {
    /// The gateway's choice.
    Auto,
    /// One that Bedrock has as well.
    Known(ServiceTier),
    /// One that Bedrock does not have.
    Other,
}

impl<'de> Deserialize<'de> for Tier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = Tier;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a tier: `auto`, `default`, `flex` or `priority`")
            }

            fn visit_str<E>(self, text: &str) -> Result<Tier, E> {
                Ok(match text {
                    "auto" => Tier::Auto,
                    "default" => Tier::Known(ServiceTier::Default),
                    "flex" => Tier::Known(ServiceTier::Flex),
                    "priority" => Tier::Known(ServiceTier::Priority),
                    _ => Tier::Other,
                })
            }
        }
        deserializer.deserialize_str(Word)
    }
}

/// How fast the answer is to come.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object such as {\"latency\": \"optimized\"}")]
pub(crate) struct Performance {
    pub(crate) latency: Word<Latency>,
}

impl Words for Latency {
    const WORDS: &'static [(&'static str, Self)] =
        &[("standard", Self::Standard), ("optimized", Self::Optimized)];
}
