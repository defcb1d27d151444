//! Scalars of a manifest, where a reference to a secret may stand for any of them.
//!
//! This is the crate's only file that exposes secrets: a parameter such as `aws_region` may come from a store.

use secrecy::ExposeSecret;
use secrets::Value;

/// A scalar as written, or the text that a reference stands for.
#[derive(Clone, Copy)]
pub(super) enum Scalar<'a> {
    Bool(bool),
    Number(&'a serde_json::Number),
    Text(&'a str),
    /// From a reference: read like an unquoted scalar, so that a number in the environment is a number.
    Referenced(&'a str),
}

impl<'a> Scalar<'a> {
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(Self::Bool(*value)),
            Value::Number(value) => Some(Self::Number(value)),
            Value::Text(text) => Some(Self::Text(text)),
            Value::Secret(secret) => Some(Self::Referenced(secret.expose_secret())),
            Value::Null | Value::Missing | Value::List(_) | Value::Map(_) => None,
        }
    }

    pub(super) fn text(self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Referenced(text) => Some(text.to_owned()),
            Self::Bool(_) | Self::Number(_) => None,
        }
    }

    pub(super) fn number(self) -> Option<serde_json::Number> {
        match self {
            Self::Number(number) => Some(number.clone()),
            Self::Referenced(text) => serde_json::from_str(text.trim()).ok(),
            Self::Bool(_) | Self::Text(_) => None,
        }
    }

    pub(super) fn switch(self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(value),
            Self::Referenced(text) => text.trim().parse().ok(),
            Self::Number(_) | Self::Text(_) => None,
        }
    }
}

impl std::fmt::Debug for Scalar<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scalar")
    }
}

/// Describes a value for people, without showing what may be secret.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null | Value::Missing => "empty".to_owned(),
        Value::Bool(value) => format!("`{value}`, which is a truth value"),
        Value::Number(value) => format!("{value}, which is a number"),
        Value::Text(_) => "text in quotes or without a number's form".to_owned(),
        Value::Secret(_) => "a reference whose value has another form".to_owned(),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a mapping".to_owned(),
    }
}
