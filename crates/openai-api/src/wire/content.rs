//! The content of a message: one text, or a list of parts.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::members::{Ignored, Seen};
use crate::text::shorten;

/// What a message says.
#[derive(Debug)]
pub(crate) enum Content {
    /// One text.
    Text(String),
    /// Parts in the author's order.
    Parts(Vec<Part>),
}

/// One part of a message.
#[derive(Debug)]
pub(crate) enum Part {
    /// Text, or an assistant's refusal, which is text as well.
    Text(String),
    /// A part that is not served, by its type.
    Other(String),
}

/// Reads a content, or `null`.
pub(crate) struct ContentSeed<'a>(pub(crate) &'a mut Ignored);

impl<'de> DeserializeSeed<'de> for ContentSeed<'_> {
    type Value = Option<Content>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ContentSeed<'_> {
    type Value = Option<Content>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of content parts")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Content::Text(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Some(Content::Text(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = items.next_element_seed(PartSeed(&mut *self.0))? {
            parts.push(part);
        }
        Ok(Some(Content::Parts(parts)))
    }
}

struct PartSeed<'a>(&'a mut Ignored);

impl<'de> DeserializeSeed<'de> for PartSeed<'_> {
    type Value = Part;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Part, D::Error> {
        deserializer.deserialize_map(self)
    }
}

const MEMBERS: &[&str] = &["type", "text", "refusal"];

impl<'de> Visitor<'de> for PartSeed<'_> {
    type Value = Part;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a content part, such as {\"type\": \"text\", \"text\": \"...\"}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Part, A::Error> {
        let (mut kind, mut text, mut refusal) = (None::<String>, None::<String>, None::<String>);
        let mut others = Vec::new();
        let mut seen = Seen::default();
        while let Some(key) = seen.next(&mut members, MEMBERS)? {
            match &*key {
                "type" => kind = Some(members.next_value()?),
                "text" => text = members.next_value()?,
                "refusal" => refusal = members.next_value()?,
                _ => {
                    members.next_value::<IgnoredAny>()?;
                    others.push(key);
                }
            }
        }
        let Some(kind) = kind else { return Err(A::Error::missing_field("type")) };
        let text = match kind.as_str() {
            "text" => text.ok_or_else(|| A::Error::missing_field("text"))?,
            "refusal" => refusal.ok_or_else(|| A::Error::missing_field("refusal"))?,
            _ => return Ok(Part::Other(shorten(&kind))),
        };
        for name in others {
            self.0.add(&format!("messages[].content[].{name}"));
        }
        Ok(Part::Text(text))
    }
}
