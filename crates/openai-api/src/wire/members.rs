//! The members of an object on their way in: each once, known or not.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use crate::text::shorten;

/// No object of the API has as many members; more are an attack.
const MOST_MEMBERS: usize = 128;

/// The most names that are reported as having no effect.
const MOST_IGNORED: usize = 20;

/// What was accepted without effect, in the order of the request and each once.
#[derive(Debug, Default)]
pub(crate) struct Ignored(pub(crate) Vec<String>);

impl Ignored {
    /// Adds a name that will stand in a header.
    pub(crate) fn add(&mut self, name: &str) {
        if self.0.len() > MOST_IGNORED {
            return;
        }
        if self.0.len() == MOST_IGNORED {
            self.0.push("...".to_owned());
            return;
        }
        let safe = |c: char| if c.is_ascii_graphic() && c != ',' { c } else { '_' };
        let name: String = name.chars().take(64).map(safe).collect();
        if !self.0.contains(&name) {
            self.0.push(name);
        }
    }
}

/// The names that an object has had so far.
#[derive(Debug, Default)]
pub(crate) struct Seen(Vec<Cow<'static, str>>);

impl Seen {
    /// Reads the next key, which must be new.
    pub(crate) fn next<'de, A: MapAccess<'de>>(
        &mut self,
        members: &mut A,
        known: &'static [&'static str],
    ) -> Result<Option<Cow<'static, str>>, A::Error> {
        let Some(key) = members.next_key_seed(Key(known))? else { return Ok(None) };
        if self.0.contains(&key) {
            return Err(A::Error::custom(format!("the key `{}` stands here twice", shorten(&key))));
        }
        if self.0.len() >= MOST_MEMBERS {
            return Err(A::Error::custom(format!("there are more than {MOST_MEMBERS} members")));
        }
        self.0.push(key.clone());
        Ok(Some(key))
    }
}

/// Reads a key; a known one is not copied.
struct Key(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'static, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Cow<'static, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        let known = self.0.iter().copied().find(|known| *known == key);
        Ok(known.map_or_else(|| Cow::Owned(key.to_owned()), Cow::Borrowed))
    }
}
