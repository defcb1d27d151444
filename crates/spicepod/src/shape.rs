//! What a manifest may hold: tables, from which the checks and the editor's schema come.

mod check;
mod schema;
mod tables;

pub(crate) use check::{MAX_COMPONENTS, check, missing};
pub use schema::schema;
pub(crate) use tables::{MODEL, SPICEPOD, WORKER};

/// A mapping with known keys.
#[derive(Debug)]
pub(crate) struct Mapping {
    /// What it is, with an article: "a model".
    pub(crate) what: &'static str,
    pub(crate) fields: &'static [Field],
}

/// One key of a mapping.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) alias: Option<&'static str>,
    pub(crate) shape: Shape,
    pub(crate) required: bool,
    pub(crate) doc: &'static str,
    /// What to write, where the shape does not say it.
    pub(crate) example: &'static str,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Text that is not empty.
    Text,
    /// Text, or nothing.
    Note,
    /// One of these words; those of the second list load with a warning.
    Word(&'static [&'static str], &'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A whole number from this one on.
    Count(u32),
    /// A length of time, such as `30s`.
    Duration,
    /// A list of texts; one text is a list of one.
    Texts,
    /// A list of mappings.
    List(&'static Mapping),
    /// A list of mappings, or of references to files that hold one.
    Components(&'static Mapping),
    /// A mapping.
    Map(&'static Mapping),
    /// A list of keys: texts, or mappings. One text is a list of one.
    Keys(&'static Mapping),
    /// A mapping with any keys.
    AnyMap,
    /// A model's parameters: a mapping whose keys the provider knows.
    Params,
    /// Known from Spice, and not served: one warning.
    NotServed,
}
