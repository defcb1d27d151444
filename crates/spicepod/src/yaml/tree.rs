//! A text as a tree in which everything has a place.

use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::Plain;
use crate::problem::Problem;
use crate::sources::Position;

/// The largest text that is read.
pub(crate) const MAX_BYTES: usize = 1024 * 1024;

/// The deepest nesting; a manifest needs less than ten.
const MAX_DEPTH: usize = 64;

/// The most nodes, counted after aliases are expanded. Ten thousand models with params are half of it.
const MAX_NODES: usize = 500_000;

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
            line: span.start.line(),
            column: span.start.col() + 1,
            end_line: span.end.line(),
            end_column: span.end.col() + 1,
        }
    }
}

/// One value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) mark: Mark,
    pub(crate) kind: NodeKind,
    /// How many nodes it is, itself included.
    size: usize,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum NodeKind {
    Scalar { text: String, plain: bool },
    Sequence(Arc<Vec<Node>>),
    Mapping(Arc<Vec<Entry>>),
}

/// One key of a mapping and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) mark: Mark,
    pub(crate) value: Node,
    /// From a merge key, not written here.
    merged: bool,
}

impl Node {
    /// The value of a key of a mapping.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
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

/// Parses a text, and refuses what is hostile or ambiguous.
///
/// # Errors
///
/// The first problem that keeps the text from being understood, and every duplicate key.
pub(crate) fn parse(file: usize, text: &str) -> Result<Node, Vec<Problem>> {
    let at = |line, column| Position { line, column, length: 1 };
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, and at most {MAX_BYTES} are read", text.len());
        return Err(vec![Problem::in_text(file, at(1, 1), message)]);
    }
    if let Some((line, column, found)) = forbidden(text) {
        let message = format!("the character {} cannot stand in a manifest", found.escape_unicode());
        let help = "remove it; in double quotes it can be written as an escape";
        return Err(vec![Problem::in_text(file, at(line, column), message).help(help)]);
    }
    let mut builder = Builder {
        file,
        stack: Vec::new(),
        anchors: Vec::new(),
        root: None,
        documents: 0,
        nodes: 0,
        problems: Vec::new(),
    };
    for event in Parser::new_from_str(text) {
        let step = match event {
            Ok((event, span)) => builder.take(event, span.into()),
            Err(error) => Err(syntax_problem(file, text, &error)),
        };
        if let Err(problem) = step {
            builder.problems.push(problem);
            return Err(builder.problems);
        }
    }
    if !builder.problems.is_empty() {
        return Err(builder.problems);
    }
    match builder.root {
        Some(root) if !root.is_null() => Ok(root),
        _ => {
            let help = "write at least `version: v1`, `kind: Spicepod` and `name: my-app`";
            Err(vec![Problem::in_text(file, at(1, 1), "the manifest is empty").help(help)])
        }
    }
}

fn syntax_problem(file: usize, text: &str, error: &ScanError) -> Problem {
    let (line, column) = (error.marker().line().max(1), error.marker().col() + 1);
    let position = Position { line, column, length: 1 };
    let found = text.lines().nth(line - 1).unwrap_or_default();
    let indentation = found.chars().take_while(|c| c.is_whitespace()).position(|c| c == '\t');
    if let Some(tab) = indentation {
        let position = Position { line, column: tab + 1, length: 1 };
        return Problem::in_text(file, position, "a tab cannot indent").help("indent with spaces");
    }
    let problem = Problem::in_text(file, position, format!("this is not YAML: {}", error.info()));
    let colons = found.trim_start().trim_start_matches("- ").matches(": ").count();
    if colons > 1 { problem.help("put a value that holds `: ` in quotes") } else { problem }
}

/// Finds a character that has no business in a manifest: it is invisible, or makes a terminal lie.
fn forbidden(text: &str) -> Option<(usize, usize, char)> {
    let hostile = |c: char| {
        c.is_control() && !matches!(c, '\t' | '\n' | '\r')
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.split('\n').enumerate() {
        if let Some((column, found)) = line.chars().enumerate().find(|(_, c)| hostile(*c)) {
            return Some((index + 1, column + 1, found));
        }
    }
    None
}

struct Builder {
    file: usize,
    stack: Vec<Open>,
    anchors: Vec<(usize, Node)>,
    root: Option<Node>,
    documents: usize,
    nodes: usize,
    problems: Vec<Problem>,
}

/// A collection whose end has not been seen.
struct Open {
    mark: Mark,
    anchor: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, key: Option<(String, Mark)>, merges: Vec<Node> },
}

impl Builder {
    fn take(&mut self, event: Event<'_>, mark: Mark) -> Result<(), Problem> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(self
                        .problem(mark, "a manifest is one document")
                        .help("remove what follows the second `---`"));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                if let Some(tag) = tag {
                    let is_text = tag.is_yaml_core_schema() && tag.suffix == "str";
                    if !is_text {
                        return Err(self.tag_problem(mark, &tag.suffix));
                    }
                    return self.scalar(text.into_owned(), false, anchor, mark);
                }
                self.scalar(text.into_owned(), style == ScalarStyle::Plain, anchor, mark)
            }
            Event::SequenceStart(anchor, tag) => {
                if let Some(tag) = tag {
                    return Err(self.tag_problem(mark, &tag.suffix));
                }
                self.open(anchor, mark, Content::Sequence(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                if let Some(tag) = tag {
                    return Err(self.tag_problem(mark, &tag.suffix));
                }
                self.open(
                    anchor,
                    mark,
                    Content::Mapping { entries: Vec::new(), key: None, merges: Vec::new() },
                )
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(mark),
            Event::Alias(anchor) => {
                let Some(node) =
                    self.anchors.iter().find(|(id, _)| *id == anchor).map(|(_, node)| node.clone())
                else {
                    return Err(self.problem(mark, "an alias cannot stand inside its own anchor"));
                };
                self.place(Node { mark, ..node })
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn problem(&self, mark: Mark, message: impl Into<String>) -> Problem {
        let length =
            if mark.end_line == mark.line { mark.end_column.saturating_sub(mark.column).max(1) } else { 1 };
        Problem::in_text(self.file, Position { line: mark.line.max(1), column: mark.column, length }, message)
    }

    fn tag_problem(&self, mark: Mark, tag: &str) -> Problem {
        self.problem(mark, format!("the tag `!{tag}` cannot stand in a manifest")).help("remove the tag")
    }

    fn open(&mut self, anchor: usize, mark: Mark, content: Content) -> Result<(), Problem> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(self.problem(mark, format!("the manifest is nested deeper than {MAX_DEPTH} levels")));
        }
        self.stack.push(Open { mark, anchor, content });
        Ok(())
    }

    fn scalar(&mut self, text: String, plain: bool, anchor: usize, mark: Mark) -> Result<(), Problem> {
        let node = Node { mark, kind: NodeKind::Scalar { text, plain }, size: 1 };
        self.remember(anchor, &node);
        self.place(node)
    }

    fn remember(&mut self, anchor: usize, node: &Node) {
        if anchor > 0 {
            self.anchors.push((anchor, node.clone()));
        }
    }

    fn close(&mut self, end: Mark) -> Result<(), Problem> {
        let Some(Open { mark, anchor, content }) = self.stack.pop() else { return Ok(()) };
        let mark = Mark { end_line: end.end_line, end_column: end.end_column, ..mark };
        let (kind, size) = match content {
            Content::Sequence(items) => {
                let size = items.iter().map(|item| item.size).sum();
                (NodeKind::Sequence(Arc::new(items)), size)
            }
            Content::Mapping { mut entries, merges, .. } => {
                for merged in merges {
                    self.merge(&mut entries, &merged)?;
                }
                let size = entries.iter().map(|entry| entry.value.size).sum();
                (NodeKind::Mapping(Arc::new(entries)), size)
            }
        };
        let node = Node { mark, kind, size: 1_usize.saturating_add(size) };
        self.remember(anchor, &node);
        self.place(node)
    }

    /// Takes over what `<<` names; keys that are written here win.
    fn merge(&mut self, entries: &mut Vec<Entry>, merged: &Node) -> Result<(), Problem> {
        let sources = match &merged.kind {
            NodeKind::Mapping(_) => std::slice::from_ref(merged),
            NodeKind::Sequence(items) => items.as_slice(),
            NodeKind::Scalar { .. } => &[],
        };
        let all_mappings = sources.iter().all(|source| matches!(source.kind, NodeKind::Mapping(_)));
        if sources.is_empty() && merged.items().is_empty() || !all_mappings {
            return Err(self
                .problem(merged.mark, "`<<` merges a mapping, or a list of mappings")
                .help("write `<<: *anchor`"));
        }
        for entry in sources.iter().flat_map(Node::entries) {
            if !entries.iter().any(|own| own.key == entry.key) {
                entries.push(Entry { merged: true, ..entry.clone() });
            }
        }
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn place(&mut self, node: Node) -> Result<(), Problem> {
        self.nodes = self.nodes.saturating_add(node.size);
        if self.nodes > MAX_NODES {
            return Err(self
                .problem(node.mark, format!("aliases expand the manifest to more than {MAX_NODES} values")));
        }
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping { entries, key, merges } => match key.take() {
                Some((name, mark)) if name == "<<" => {
                    let _ = mark;
                    merges.push(node);
                }
                Some((name, mark)) => entries.push(Entry { key: name, mark, value: node, merged: false }),
                None => return self.take_key(&node),
            },
        }
        Ok(())
    }

    fn take_key(&mut self, node: &Node) -> Result<(), Problem> {
        let NodeKind::Scalar { text, plain } = &node.kind else {
            return Err(self.problem(node.mark, "a key is text, not a list or a mapping"));
        };
        if *plain && !matches!(Plain::of(text), Plain::Text) {
            let problem = self.problem(node.mark, format!("a key is text, and `{text}` is not"));
            return Err(problem.help(format!("write \"{text}\" in quotes")));
        }
        let (name, mark) = (text.clone(), node.mark);
        let Some(Open { content: Content::Mapping { entries, key, merges }, .. }) = self.stack.last_mut()
        else {
            return Ok(());
        };
        let first =
            entries.iter().find(|entry| !entry.merged && entry.key == name).map(|entry| entry.mark.line);
        let first =
            first.or_else(|| (name == "<<").then(|| merges.first().map(|node| node.mark.line)).flatten());
        *key = Some((name.clone(), mark));
        if let Some(line) = first {
            let problem =
                self.problem(mark, format!("the key `{name}` stands here twice; first on line {line}"));
            self.problems.push(problem.help("keep one of them"));
        }
        Ok(())
    }
}
