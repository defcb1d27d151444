//! JSON objects that are passed on byte for byte.

use chat::RawJson;
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::value::RawValue;

use crate::json;

/// A JSON object as its author wrote it; duplicate keys are the author's affair.
#[derive(Debug)]
pub(crate) struct RawObject(pub(crate) RawJson);

impl<'de> Deserialize<'de> for RawObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <Box<RawValue>>::deserialize(deserializer)?;
        if !raw.get().starts_with('{') {
            return Err(D::Error::custom("expected a JSON object"));
        }
        if chat::json::depth(raw.get()) > json::DEEPEST {
            return Err(D::Error::custom(format!("it nests deeper than {} levels", json::DEEPEST)));
        }
        Ok(Self(raw.into()))
    }
}
