//! A text as a tree in which everything has a place.

use std::sync::Arc;

use saphyr_parser::{Parser, Span};

use super::builder::Builder;
use super::{Plain, syntax};
use crate::problem::Problem;
use crate::sources::Position;

/// The largest text that is read.
pub(crate) const MAX_BYTES: usize = 1024 * 1024;

/// From where to where something stands; lines and columns count from 1, and the end is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) end_line: usize,
    pub(crate) end_column: usize,
}

impl From<Span> for Mark {
    fn from(span: Span) -> Self {
        Self {
            line: span.start.line().max(1),
            column: span.start.col() + 1,
            end_line: span.end.line().max(1),
            end_column: span.end.col() + 1,
        }
    }
}

impl Mark {
    /// What is underlined of it: no more than one line.
    pub(crate) fn position(&self) -> Position {
        let one_line = self.end_line == self.line;
        let length = if one_line { self.end_column.saturating_sub(self.column).max(1) } else { 1 };
        Position { line: self.line, column: self.column, length }
    }
}

/// One value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) mark: Mark,
    pub(crate) kind: NodeKind,
    /// What it costs to expand it once more.
    pub(super) size: usize,
    /// How many levels of lists and mappings it is.
    pub(super) height: usize,
}

/// What a value is. Cheap to clone, because aliases do.
#[derive(Clone, Debug)]
pub(crate) enum NodeKind {
    Scalar { text: Arc<str>, plain: bool },
    Sequence(Arc<Vec<Node>>),
    Mapping(Arc<Vec<Entry>>),
}

/// One key of a mapping and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Arc<str>,
    pub(crate) mark: Mark,
    pub(crate) value: Node,
}

impl Node {
    /// The value of a key of a mapping.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| *entry.key == *key).map(|entry| &entry.value)
    }

    /// The entries of a mapping; none for anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.kind {
            NodeKind::Mapping(entries) => entries,
            NodeKind::Scalar { .. } | NodeKind::Sequence(_) => &[],
        }
    }

    /// The entries of a list; none for anything else.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.kind {
            NodeKind::Sequence(items) => items,
            NodeKind::Scalar { .. } | NodeKind::Mapping(_) => &[],
        }
    }

    /// What a scalar means; `None` for anything else.
    pub(crate) fn plain(&self) -> Option<Plain> {
        match &self.kind {
            NodeKind::Scalar { text, plain: true } => Some(Plain::of(text)),
            NodeKind::Scalar { plain: false, .. } => Some(Plain::Text),
            NodeKind::Sequence(_) | NodeKind::Mapping(_) => None,
        }
    }

    /// Whether there is nothing.
    pub(crate) fn is_null(&self) -> bool {
        self.plain() == Some(Plain::Null)
    }
}

/// What is in a text. Neither a tree nor a problem means that there is nothing.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) tree: Option<Node>,
    /// What is in no tree, because its key stood there before.
    pub(crate) repeated: Vec<Entry>,
    /// What is wrong with the text itself.
    pub(crate) problems: Vec<Problem>,
}

impl Parsed {
    fn refused(problem: Problem) -> Self {
        Self { tree: None, repeated: Vec::new(), problems: vec![problem] }
    }
}

/// Parses a text, and refuses what is hostile or ambiguous.
pub(crate) fn parse(file: usize, text: &str) -> Parsed {
    let at = |line, column| Position { line, column, length: 1 };
    if text.len() > MAX_BYTES {
        let message = format!("the text has {} bytes, and at most {MAX_BYTES} are read", text.len());
        let help = "serve some models with another process";
        return Parsed::refused(Problem::in_text(file, at(1, 1), message).help(help));
    }
    if let Some((line, column, found)) = forbidden(text) {
        let message = format!("the character {} cannot stand in a manifest", found.escape_unicode());
        let help = if found == '\r' {
            "end lines with a line feed"
        } else {
            "remove it; in double quotes it can be written as an escape"
        };
        return Parsed::refused(Problem::in_text(file, at(line, column), message).help(help));
    }
    let mut builder = Builder::new(file);
    for event in Parser::new_from_str(text) {
        let step = match event {
            Ok((event, span)) => builder.take(event, span.into()),
            Err(error) => Err(syntax::problem(file, text, &error)),
        };
        if let Err(problem) = step {
            builder.problems.push(problem);
            return Parsed { tree: None, repeated: Vec::new(), problems: builder.problems };
        }
    }
    let Builder { root, repeated, problems, .. } = builder;
    Parsed { tree: root.filter(|root| !root.is_null()), repeated, problems }
}

/// Finds a character that has no business in a manifest: it is invisible, makes a terminal lie, or ends lines for
/// some readers alone.
fn forbidden(text: &str) -> Option<(usize, usize, char)> {
    let hostile = |c: char| {
        c.is_control() && !matches!(c, '\t' | '\n')
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if let Some((column, found)) = line.chars().enumerate().find(|(_, c)| hostile(*c)) {
            return Some((index + 1, column + 1, found));
        }
    }
    None
}
