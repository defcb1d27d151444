//! What is wrong with a manifest, and what to write instead.

use std::borrow::Cow;

use crate::location::Location;
use crate::sources::Position;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The manifest loads, and this part of it has no effect or will surprise.
    Warning,
    /// The manifest does not load.
    Error,
}

/// One problem: where, what, and what to write instead. Never holds the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub(crate) severity: Severity,
    pub(crate) place: Place,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    pub(crate) passing: bool,
}

/// Where a problem stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At a key or value of the parsed manifest.
    Node(Location),
    /// At a position of the text, where it could not be parsed.
    Text { file: usize, position: Position },
    /// In a file as a whole, or nowhere that has lines.
    File(String),
}

impl Problem {
    /// Builds a problem that keeps the manifest from loading.
    pub fn error(location: Location, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, Place::Node(location), message)
    }

    /// Builds a problem that is worth a line and nothing more.
    pub fn warning(location: Location, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, Place::Node(location), message)
    }

    /// Builds a problem with a file as a whole.
    pub fn of_file(severity: Severity, file: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(severity, Place::File(file.into()), message)
    }

    pub(crate) fn in_text(file: usize, position: Position, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, Place::Text { file, position }, message)
    }

    fn new(severity: Severity, place: Place, message: impl Into<String>) -> Self {
        Self { severity, place, message: message.into(), help: None, passing: false }
    }

    /// Says what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says that it may be over by itself, without another word in the manifest: somebody did not answer.
    #[must_use]
    pub fn passing(mut self, passing: bool) -> Self {
        self.passing = passing;
        self
    }

    /// Whether it may be over by itself.
    pub fn may_pass(&self) -> bool {
        self.passing
    }

    /// Whether the manifest cannot load because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to write instead.
    pub fn advice(&self) -> Option<&str> {
        self.help.as_deref()
    }
}

/// How many problems of one file are collected: more help nobody, and a hostile text must not cost minutes.
pub(crate) const MAX_PROBLEMS: usize = 1000;

/// A text of the manifest as messages show it: no longer than a line.
pub(crate) fn clip(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        None => Cow::Borrowed(text),
        Some(_) => Cow::Owned(text.chars().take(LONGEST).chain(['…']).collect()),
    }
}
