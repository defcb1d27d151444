//! Typed values, by `serde_yaml`.

use serde::de::DeserializeOwned;

/// A text as `serde_yaml` understands it, with merge keys applied.
#[derive(Debug)]
pub(crate) struct Document(serde_yaml::Value);

impl Document {
    /// Parses a text that the located parser has accepted.
    ///
    /// # Errors
    ///
    /// What `serde_yaml` says; the two parsers disagree.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut value: serde_yaml::Value = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        value.apply_merge().map_err(|error| error.to_string())?;
        Ok(Self(value))
    }

    /// Reads the value below these keys; the default where there is none.
    ///
    /// # Errors
    ///
    /// What `serde_yaml` says.
    pub(crate) fn read<T: DeserializeOwned + Default>(
        &self,
        keys: &[&str],
        index: Option<usize>,
    ) -> Result<T, String> {
        let mut value = &self.0;
        for key in keys {
            match value.get(key) {
                Some(inner) => value = inner,
                None => return Ok(T::default()),
            }
        }
        if let Some(index) = index {
            match value.get(index) {
                Some(inner) => value = inner,
                None => return Ok(T::default()),
            }
        }
        if value.is_null() {
            return Ok(T::default());
        }
        serde_yaml::from_value(value.clone()).map_err(|error| error.to_string())
    }
}
