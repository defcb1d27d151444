//! Values of parameters, with secrets in place of references.

use indexmap::IndexMap;
use secrecy::SecretString;
use serde_json::Number;

/// A value of a parameter. Debug output shows no secret.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing.
    Null,
    /// A reference without a value. The problem has been reported: nothing more is said about it.
    Missing,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text without references.
    Text(String),
    /// A text with one or more references, resolved.
    Secret(SecretString),
    /// A list.
    List(Vec<Self>),
    /// A mapping, in the order of the text.
    Map(IndexMap<String, Self>),
}
