//! Values that are one of a few words.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::text::shorten;

/// What the words of a member mean.
pub(crate) trait Words: Copy + 'static {
    /// Each word and its meaning.
    const WORDS: &'static [(&'static str, Self)];
}

/// A word of the API, by its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word<T>(pub(crate) T);

impl<'de, T: Words> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(WordVisitor(PhantomData))
    }
}

struct WordVisitor<T>(PhantomData<T>);

impl<T: Words> Visitor<'_> for WordVisitor<T> {
    type Value = Word<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (word, _)) in T::WORDS.iter().enumerate() {
            let before = match index {
                0 => "",
                _ if index + 1 == T::WORDS.len() => " or ",
                _ => ", ",
            };
            write!(f, "{before}`{word}`")?;
        }
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let found = T::WORDS.iter().find(|(word, _)| *word == text);
        found.map(|(_, meaning)| Word(*meaning)).ok_or_else(|| {
            let expected: &dyn serde::de::Expected = &self;
            E::custom(format!("unknown value `{}`, expected {expected}", shorten(text)))
        })
    }
}
