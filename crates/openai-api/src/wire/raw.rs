//! Schemas, which are passed on byte for byte.

use chat::RawJson;
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::value::RawValue;

/// How deep a schema may nest: readers of schemas follow each level, and some of them by their own stack.
const DEEPEST: usize = 64;

/// How large a schema may be, in bytes.
const LARGEST: usize = 100 * 1024;

/// A schema: a JSON object as its author wrote it; duplicate keys are the author's affair.
#[derive(Debug)]
pub(crate) struct RawSchema(pub(crate) RawJson);

impl<'de> Deserialize<'de> for RawSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <Box<RawValue>>::deserialize(deserializer)?;
        if !raw.get().starts_with('{') {
            return Err(D::Error::custom("expected a JSON object"));
        }
        if raw.get().len() > LARGEST {
            return Err(D::Error::custom(format!("it is larger than {} KiB", LARGEST / 1024)));
        }
        if chat::json::depth(raw.get()) > DEEPEST {
            return Err(D::Error::custom(format!("it nests deeper than {DEEPEST} levels")));
        }
        Ok(Self(raw.into()))
    }
}
