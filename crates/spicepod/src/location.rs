//! Where in a manifest something stands.

use std::fmt;

use crate::problem::clip;

/// A place in one of the files of a manifest: the path of keys and indices that leads to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    pub(crate) file: usize,
    pub(crate) path: Vec<Segment>,
    /// The place is the last key itself, not its value.
    pub(crate) on_key: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Key(String),
    Index(usize),
}

impl Location {
    pub(crate) fn root(file: usize) -> Self {
        Self { file, path: Vec::new(), on_key: false }
    }

    /// The manifest itself, from which paths of its settings begin.
    pub fn of_manifest() -> Self {
        Self::root(0)
    }

    /// The value of a key below this place.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.path.push(Segment::Key(key.into()));
        self
    }

    /// The entry of a list below this place.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.path.push(Segment::Index(index));
        self
    }

    /// The last key itself instead of its value.
    #[must_use]
    pub fn name(mut self) -> Self {
        self.on_key = true;
        self
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.path.iter().enumerate() {
            match segment {
                Segment::Key(key) if position == 0 => f.write_str(&clip(key))?,
                Segment::Key(key) => write!(f, ".{}", clip(key))?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
