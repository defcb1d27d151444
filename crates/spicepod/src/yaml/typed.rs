//! Typed values, by `serde_yaml`.

use serde::de::DeserializeOwned;
use serde_yaml::{Mapping, Value};

use super::{Mark, Node, NodeKind, Plain};
use crate::sources::Position;

/// A text as `serde_yaml` understands it, with merge keys applied.
#[derive(Debug)]
pub(crate) struct Document(Value);

impl Document {
    /// Parses a text that the located parser has accepted.
    ///
    /// # Errors
    ///
    /// What `serde_yaml` says, and where; the two parsers disagree.
    pub(crate) fn parse(text: &str) -> Result<Self, (Position, String)> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut value: Value = serde_yaml::from_str(text).map_err(|error| {
            let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
            (Position { line: line.max(1), column: column.max(1), length: 1 }, error.to_string())
        })?;
        merge(&mut value);
        Ok(Self(value))
    }

    /// Where the two parsers read something else from the same text: what was checked must be what is used.
    pub(crate) fn differs_from(&self, tree: &Node) -> Option<Mark> {
        difference(tree, &self.0)
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

fn difference(node: &Node, value: &Value) -> Option<Mark> {
    match (&node.kind, value) {
        (NodeKind::Sequence(items), Value::Sequence(values)) if items.len() == values.len() => {
            items.iter().zip(values).find_map(|(item, value)| difference(item, value))
        }
        (NodeKind::Mapping(entries), Value::Mapping(values)) if entries.len() == values.len() => {
            entries.iter().zip(values).find_map(|(entry, (key, value))| {
                let same = key.as_str() == Some(&entry.key);
                if same { difference(&entry.value, value) } else { Some(entry.mark) }
            })
        }
        (NodeKind::Scalar { text, .. }, value) if is_same(text, node.plain(), value) => None,
        _ => Some(node.mark),
    }
}

fn is_same(text: &str, plain: Option<Plain>, value: &Value) -> bool {
    match plain {
        Some(Plain::Text) => value.as_str() == Some(text),
        Some(Plain::Null) => value.is_null(),
        Some(Plain::Bool) => value.is_bool(),
        Some(Plain::Integer) => value.is_u64() || value.is_i64(),
        Some(Plain::Float) => value.is_f64(),
        // Refused wherever it would be used.
        Some(Plain::NotFinite | Plain::TooLarge) => true,
        None => false,
    }
}

/// Applies merge keys from the inside out. `Value::apply_merge` does not merge what is merged, and moves the last
/// key into the place of `<<`. The located parser has seen to it that nesting is shallow, and `<<` well formed.
fn merge(value: &mut Value) {
    match value {
        Value::Sequence(items) => items.iter_mut().for_each(merge),
        Value::Mapping(entries) => {
            entries.values_mut().for_each(merge);
            match entries.shift_remove("<<") {
                Some(Value::Sequence(sources)) => {
                    sources.into_iter().for_each(|source| add_missing(entries, source));
                }
                Some(source) => add_missing(entries, source),
                None => {}
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Tagged(_) => {}
    }
}

fn add_missing(entries: &mut Mapping, source: Value) {
    if let Value::Mapping(source) = source {
        for (key, value) in source {
            entries.entry(key).or_insert(value);
        }
    }
}
