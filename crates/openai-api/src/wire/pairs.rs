//! `metadata`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::members::Seen;
use crate::text::shorten;

/// Keys and texts, within OpenAI's limits for `metadata`.
#[derive(Debug, Default)]
pub(crate) struct Pairs(pub(crate) Vec<(String, String)>);

const MOST_PAIRS: usize = 16;
const LONGEST_KEY: usize = 64;
const LONGEST_VALUE: usize = 512;

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        let mut seen = Seen::default();
        while let Some(key) = seen.next(&mut members, &[])? {
            let value: String = members.next_value()?;
            if key.chars().count() > LONGEST_KEY {
                return Err(A::Error::custom(format!("a key is longer than {LONGEST_KEY} characters")));
            }
            if value.chars().count() > LONGEST_VALUE {
                let message =
                    format!("the value of `{}` is longer than {LONGEST_VALUE} characters", shorten(&key));
                return Err(A::Error::custom(message));
            }
            pairs.push((key.into_owned(), value));
        }
        if pairs.len() > MOST_PAIRS {
            return Err(A::Error::custom(format!("there are more than {MOST_PAIRS} pairs")));
        }
        Ok(Pairs(pairs))
    }
}
