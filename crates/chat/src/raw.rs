//! JSON that is passed on as it was written.

use std::fmt;

use serde_json::value::RawValue;

/// A piece of valid JSON, byte for byte as its author wrote it.
#[derive(Clone)]
pub struct RawJson(Box<RawValue>);

impl RawJson {
    /// Takes a text that is JSON.
    ///
    /// # Errors
    ///
    /// What is wrong with it, where it is none.
    pub fn parse(text: impl Into<String>) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text.into()).map(Self)
    }

    /// The empty object.
    pub fn empty_object() -> Self {
        RawValue::from_string("{}".to_owned()).map_or_else(|_| Self(RawValue::NULL.to_owned()), Self)
    }

    /// The text.
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// The value as `serde_json` writes it out again.
    pub fn as_raw(&self) -> &RawValue {
        &self.0
    }
}

impl From<Box<RawValue>> for RawJson {
    fn from(raw: Box<RawValue>) -> Self {
        Self(raw)
    }
}

impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
}
