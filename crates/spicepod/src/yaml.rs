//! YAML: the only module that names a YAML library.
//!
//! Two libraries read each text. `saphyr-parser` comes first: it keeps positions, and here every hostile or
//! ambiguous text is refused before anything expands it. `serde_yaml` then makes typed values, which it may only do
//! because what it is slow or careless about (deep nesting, duplicate keys, aliases) cannot reach it.

mod builder;
mod scalar;
mod syntax;
mod tree;
mod typed;

pub(crate) use scalar::{Plain, is_disputed};
pub(crate) use syntax::of_typed_reader;
pub(crate) use tree::{Entry, MAX_BYTES, Mark, Node, NodeKind, Parsed, parse};
pub(crate) use typed::Document;
