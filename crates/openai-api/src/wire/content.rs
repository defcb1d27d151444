//! The content of a message: one text, or a list of parts.

use std::borrow::Cow;
use std::fmt;

use chat::{Cache, Qualifier};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::cache;
use super::link::{File, ImageUrl, Link, LinkSeed, VideoUrl};
use super::members::{Ignored, Seen};
use super::record::{Nullable, optional};
use super::word::{Word, Words};
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
pub(crate) struct Part {
    pub(crate) kind: PartKind,
    pub(crate) cache: Option<Cache>,
}

/// What a part holds.
#[derive(Debug)]
pub(crate) enum PartKind {
    /// Text, or an assistant's refusal, which is text as well.
    Text(String),
    /// Text for a guardrail.
    Guarded(String, Vec<Qualifier>),
    /// A picture.
    Image(Link),
    /// A film.
    Video(Link),
    /// A file of any kind.
    File(File),
    /// A part that is not served, by its type.
    Other(String),
}

impl Words for Qualifier {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("grounding_source", Self::GroundingSource),
        ("query", Self::Query),
        ("guard_content", Self::GuardContent),
    ];
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

const MEMBERS: &[&str] =
    &["type", "text", "refusal", "image_url", "video_url", "file", "qualifiers", "cache_control"];

impl<'de> Visitor<'de> for PartSeed<'_> {
    type Value = Part;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a content part, such as {\"type\": \"text\", \"text\": \"...\"}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Part, A::Error> {
        let mut draft = Draft::default();
        let mut seen = Seen::default();
        while let Some(key) = seen.next(&mut members, MEMBERS)? {
            match &*key {
                "type" => draft.kind = Some(members.next_value()?),
                "text" => draft.text = members.next_value()?,
                "refusal" => draft.refusal = members.next_value()?,
                "image_url" => {
                    draft.image =
                        members.next_value_seed(Nullable(LinkSeed::<ImageUrl>::new(&mut *self.0)))?;
                }
                "video_url" => {
                    draft.video =
                        members.next_value_seed(Nullable(LinkSeed::<VideoUrl>::new(&mut *self.0)))?;
                }
                "file" => draft.file = optional(&mut members, self.0)?,
                "qualifiers" => draft.qualifiers = members.next_value()?,
                "cache_control" => draft.cache = cache::read(&mut members, self.0)?,
                _ => {
                    members.next_value::<IgnoredAny>()?;
                    draft.others.push(key);
                }
            }
        }
        draft.finish(self.0)
    }
}

/// The members of a part, before it is known which of them count.
#[derive(Default)]
struct Draft {
    kind: Option<String>,
    text: Option<String>,
    refusal: Option<String>,
    image: Option<Link>,
    video: Option<Link>,
    file: Option<File>,
    qualifiers: Option<Vec<Word<Qualifier>>>,
    cache: Option<Cache>,
    others: Vec<Cow<'static, str>>,
}

impl Draft {
    fn finish<E: Error>(mut self, ignored: &mut Ignored) -> Result<Part, E> {
        let Some(kind) = self.kind.take() else { return Err(E::missing_field("type")) };
        let missing = E::missing_field;
        let content = match kind.as_str() {
            "text" => PartKind::Text(self.text.take().ok_or_else(|| missing("text"))?),
            "refusal" => PartKind::Text(self.refusal.take().ok_or_else(|| missing("refusal"))?),
            "guarded_text" => {
                let text = self.text.take().ok_or_else(|| missing("text"))?;
                let qualifiers = self.qualifiers.take().unwrap_or_default();
                PartKind::Guarded(text, qualifiers.into_iter().map(|word| word.0).collect())
            }
            "image_url" => PartKind::Image(self.image.take().ok_or_else(|| missing("image_url"))?),
            "video_url" => PartKind::Video(self.video.take().ok_or_else(|| missing("video_url"))?),
            "file" => PartKind::File(self.file.take().ok_or_else(|| missing("file"))?),
            _ => PartKind::Other(shorten(&kind)),
        };
        if !matches!(content, PartKind::Other(_)) {
            self.leave(ignored);
        }
        Ok(Part { kind: content, cache: self.cache })
    }

    /// Names the members that a part of this type does not have.
    fn leave(&self, ignored: &mut Ignored) {
        let known = [
            ("text", self.text.is_some()),
            ("refusal", self.refusal.is_some()),
            ("image_url", self.image.is_some()),
            ("video_url", self.video.is_some()),
            ("file", self.file.is_some()),
            ("qualifiers", self.qualifiers.is_some()),
        ];
        let left = known.into_iter().filter(|(_, present)| *present).map(|(name, _)| name);
        for name in left.chain(self.others.iter().map(|name| &**name)) {
            ignored.add(&format!("messages[].content[].{name}"));
        }
    }
}
