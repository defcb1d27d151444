//! One message of a conversation.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::content::{Content, ContentSeed};
use super::free::StrictValue;
use super::members::{Ignored, Seen};
use super::rules;
use crate::text::shorten;

/// The most messages that a conversation may have.
const MOST_MESSAGES: usize = 10_000;

/// A message as written.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) role: WireRole,
    pub(crate) content: Option<Content>,
    pub(crate) refusal: Option<String>,
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
                f.write_str("a role: `system`, `developer`, `user` or `assistant`")
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
                        let wanted = "supported values are `system`, `developer`, `user` and `assistant`";
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

const MEMBERS: &[&str] = &["role", "content", "name", "refusal"];

impl<'de> Visitor<'de> for MessageSeed<'_> {
    type Value = Message;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message, such as {\"role\": \"user\", \"content\": \"...\"}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Message, A::Error> {
        let (mut role, mut content, mut refusal) = (None::<WireRole>, None, None::<String>);
        let mut refused = None;
        let mut seen = Seen::default();
        while let Some(key) = seen.next(&mut members, MEMBERS)? {
            match &*key {
                "role" => role = Some(members.next_value()?),
                "content" => content = members.next_value_seed(ContentSeed(&mut *self.0))?,
                "refusal" => refusal = members.next_value()?,
                // Converse has no names of speakers, and the text does not depend on them.
                "name" => drop(members.next_value::<Option<String>>()?),
                name => match rules::of_message(name) {
                    Some(rule) => {
                        let StrictValue(value) = members.next_value()?;
                        match rule.judge(&value) {
                            rules::Verdict::Nothing => {}
                            rules::Verdict::Ignored => self.0.add(&format!("messages[].{}", rule.name)),
                            rules::Verdict::Refused => refused = refused.or(Some(rule.name)),
                        }
                    }
                    None => {
                        members.next_value::<IgnoredAny>()?;
                        self.0.add(&format!("messages[].{name}"));
                    }
                },
            }
        }
        let Some(role) = role else { return Err(A::Error::missing_field("role")) };
        Ok(Message { role, content, refusal, refused })
    }
}
