//! The files of a manifest, and how a problem is shown in them.

use std::fmt::{self, Write as _};

use unicode_width::UnicodeWidthChar;

use crate::hidden::{Hidden, by_looks};
use crate::location::{Location, Segment};
use crate::names::is_invisible;
use crate::problem::{Place, Problem, Severity};
use crate::yaml::{Entry, Mark, Node, NodeKind};

/// Longer lines are cut around what is underlined.
const WIDEST: usize = 160;

/// The texts of a manifest's files, with the place of everything in them. Debug output shows no text: it may hold
/// secrets.
#[derive(Default)]
pub struct Sources {
    files: Vec<File>,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.files.iter().map(|file| &file.name)).finish()
    }
}

struct File {
    name: String,
    lines: Vec<String>,
    tree: Option<Node>,
    hidden: Hidden,
}

/// A line, a column, and how far to underline; both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
    /// How many characters are meant.
    pub length: usize,
}

impl Sources {
    /// Adds a file, and gives its number.
    pub(crate) fn add(&mut self, name: &str, text: &str) -> usize {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.lines().map(ToOwned::to_owned).collect();
        self.files.push(File { name: name.to_owned(), lines, tree: None, hidden: Hidden::default() });
        self.files.len() - 1
    }

    pub(crate) fn set_tree(&mut self, file: usize, tree: Node, repeated: &[Entry]) {
        let Some(file) = self.files.get_mut(file) else { return };
        file.hidden = Hidden::of(&tree, repeated);
        file.tree = Some(tree);
    }

    pub(crate) fn tree(&self, file: usize) -> Option<&Node> {
        self.files.get(file)?.tree.as_ref()
    }

    /// Finds the line and column of a place, or of the nearest thing around it.
    pub fn position(&self, location: &Location) -> Option<Position> {
        let mut node = self.tree(location.file)?;
        let mut key: Option<&Mark> = None;
        let mut whole = true;
        for segment in &location.path {
            let child = match (segment, &node.kind) {
                (Segment::Key(name), NodeKind::Mapping(entries)) => entries
                    .iter()
                    .find(|entry| *entry.key == **name)
                    .map(|entry| (Some(&entry.mark), &entry.value)),
                (Segment::Index(index), NodeKind::Sequence(items)) => {
                    items.get(*index).map(|item| (None, item))
                }
                _ => None,
            };
            let Some((child_key, child)) = child else {
                whole = false;
                break;
            };
            key = child_key;
            node = child;
        }
        let shown = match key {
            Some(key) if !whole || location.on_key || !matches!(node.kind, NodeKind::Scalar { .. }) => key,
            _ => &node.mark,
        };
        Some(self.on_one_line(location.file, shown))
    }

    /// Says where something stands, to be read from somewhere else: `on line 3`, with the file where it is another.
    pub(crate) fn seen_from(&self, location: &Location, here: &Location) -> String {
        let line = self.position(location).map_or(1, |position| position.line);
        match self.files.get(location.file) {
            Some(file) if location.file != here.file => format!("on line {line} of {}", file.name),
            _ => format!("on line {line}"),
        }
    }

    /// What spans several lines is underlined on its first.
    fn on_one_line(&self, file: usize, mark: &Mark) -> Position {
        let line = self.files.get(file).and_then(|file| file.lines.get(mark.line.saturating_sub(1)));
        let width = line.map_or(0, |line| line.trim_end().chars().count());
        let longest = width.saturating_sub(mark.column.saturating_sub(1));
        let length =
            if mark.end_line == mark.line { mark.end_column.saturating_sub(mark.column) } else { longest };
        Position { line: mark.line, column: mark.column, length: length.clamp(1, longest.max(1)) }
    }

    fn place(&self, problem: &Problem) -> (usize, Option<Position>) {
        match &problem.place {
            Place::Node(location) => (location.file, self.position(location)),
            Place::Text { file, position } => (*file, Some(*position)),
            Place::File(_) => (0, None),
        }
    }

    /// Shows problems in the order of the text: `FILE:LINE:COL: error: …`, the line with what is meant underlined,
    /// and what to write instead.
    pub fn render(&self, problems: &[Problem]) -> String {
        let mut sorted: Vec<(usize, Option<Position>, &Problem)> = problems
            .iter()
            .map(|problem| {
                let (file, position) = self.place(problem);
                (file, position, problem)
            })
            .collect();
        sorted.sort_by_key(|(file, position, _)| (*file, *position));
        let mut text = String::new();
        for (file, position, problem) in sorted {
            self.render_one(&mut text, file, position, problem);
        }
        text
    }

    fn render_one(&self, text: &mut String, file: usize, position: Option<Position>, problem: &Problem) {
        let severity = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let source = self.files.get(file);
        let name = match &problem.place {
            Place::File(name) => name.as_str(),
            Place::Node(_) | Place::Text { .. } => source.map_or("", |file| file.name.as_str()),
        };
        let path = match &problem.place {
            Place::Node(location) if !location.path.is_empty() => format!("{location}: "),
            Place::Node(_) | Place::Text { .. } | Place::File(_) => String::new(),
        };
        // Writing to a string cannot fail.
        let _ = match position {
            Some(Position { line, column, .. }) => {
                write!(text, "{}:{line}:{column}: {severity}: ", escape(name))
            }
            None => write!(text, "{}: {severity}: ", escape(name)),
        };
        let _ = writeln!(text, "{}{}", escape(&path), escape(&problem.message));
        if let (Some(position), Some(source)) = (position, source) {
            source.underline(text, position);
        }
        if let Some(help) = &problem.help {
            let _ = writeln!(text, "help: {}", escape(help));
        }
    }
}

impl File {
    fn underline(&self, text: &mut String, position: Position) {
        let Some(line) = self.lines.get(position.line.saturating_sub(1)) else { return };
        let looks;
        let hidden = if self.tree.is_some() {
            self.hidden.on(position.line)
        } else {
            looks = by_looks(&self.lines, position.line);
            &looks
        };
        let characters: Vec<char> = line.trim_end().chars().collect();
        let start = position.column.saturating_sub(1);
        let end = start + position.length;
        let from = if characters.len() > WIDEST { start.saturating_sub(WIDEST / 2) } else { 0 };
        let to = characters.len().min(from + WIDEST);
        let (mut shown, mut carets) = (String::new(), String::new());
        if from > 0 {
            shown.push('…');
            carets.push(' ');
        }
        for (column, &character) in characters.iter().enumerate().take(to).skip(from) {
            let is_hidden = hidden.iter().any(|(from, to)| (*from..*to).contains(&(column + 1)));
            let character = if is_hidden { '*' } else { character };
            let mark = if (start..end).contains(&column) { '^' } else { ' ' };
            if character == '\t' {
                shown.push('\t');
                carets.push(if mark == ' ' { '\t' } else { '^' });
                continue;
            }
            let visible = if is_invisible(character) { '\u{fffd}' } else { character };
            shown.push(visible);
            carets.extend(std::iter::repeat_n(mark, visible.width().unwrap_or(1)));
        }
        if start >= to {
            carets.push('^');
        }
        if to < characters.len() {
            shown.push('…');
        }
        let _ = writeln!(text, "{shown}\n{}", carets.trim_end());
    }
}

/// Makes invisible characters of the manifest visible: a terminal must not obey them, and people must see them.
fn escape(text: &str) -> String {
    let shown = |c: char| if is_invisible(c) { c.escape_unicode().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}
