//! Events of the located parser into a tree, within limits.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, ScalarStyle, Tag};

use super::Plain;
use super::tree::{Entry, Mark, Node, NodeKind};
use crate::problem::{MAX_PROBLEMS, Problem, clip};

/// The deepest nesting, counted after aliases are expanded; a manifest needs less than ten.
const MAX_DEPTH: usize = 64;

/// How much aliases may add, in values; ten thousand models that share twenty params are less.
const MAX_EXPANSION: usize = 250_000;

/// So many bytes of text weigh as much as one value.
const BYTES_PER_VALUE: usize = 32;

pub(super) fn too_deep() -> String {
    format!("the manifest is nested deeper than {MAX_DEPTH} levels")
}

pub(super) struct Builder {
    pub(super) root: Option<Node>,
    pub(super) problems: Vec<Problem>,
    /// What stands behind keys that stood there before.
    pub(super) repeated: Vec<Entry>,
    file: usize,
    stack: Vec<Open>,
    anchors: HashMap<usize, Node>,
    documents: usize,
    expanded: usize,
}

/// A collection whose end has not been seen.
struct Open {
    mark: Mark,
    anchor: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        /// The line of each key.
        seen: HashMap<Arc<str>, usize>,
        key: Option<Key>,
        merges: Vec<Node>,
    },
}

/// A key whose value has not been seen.
struct Key {
    name: Arc<str>,
    mark: Mark,
    /// It stands there twice, and the first one stays.
    repeated: bool,
}

impl Builder {
    pub(super) fn new(file: usize) -> Self {
        Self {
            root: None,
            problems: Vec::new(),
            repeated: Vec::new(),
            file,
            stack: Vec::new(),
            anchors: HashMap::new(),
            documents: 0,
            expanded: 0,
        }
    }

    pub(super) fn take(&mut self, event: Event<'_>, mark: Mark) -> Result<(), Problem> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let problem = self.problem(mark, "a manifest is one document");
                    return Err(problem.help("remove the second `---` and what follows it"));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_text =
                    tag.as_ref().is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                if !is_text {
                    self.refuse_tag(mark, tag.as_deref())?;
                }
                self.scalar(&text, style == ScalarStyle::Plain && !is_text, anchor, mark)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(mark, tag.as_deref())?;
                self.open(anchor, mark, Content::Sequence(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(mark, tag.as_deref())?;
                let (entries, seen, merges) = (Vec::new(), HashMap::new(), Vec::new());
                self.open(anchor, mark, Content::Mapping { entries, seen, key: None, merges })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(mark),
            Event::Alias(anchor) => self.alias(anchor, mark),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn problem(&self, mark: Mark, message: impl Into<String>) -> Problem {
        Problem::in_text(self.file, mark.position(), message)
    }

    /// The tag is not repeated in words: a secret without quotes may look like one.
    fn refuse_tag(&self, mark: Mark, tag: Option<&Tag>) -> Result<(), Problem> {
        if tag.is_none() {
            return Ok(());
        }
        let help = "remove what begins with `!`, or put all of the text in quotes";
        Err(self.problem(mark, "a tag cannot stand in a manifest").help(help))
    }

    fn alias(&mut self, anchor: usize, mark: Mark) -> Result<(), Problem> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            let problem = self.problem(mark, "an alias cannot stand inside its own anchor");
            return Err(problem.help("write the value out"));
        };
        self.expanded = self.expanded.saturating_add(node.size);
        if self.expanded > MAX_EXPANSION {
            let message = format!("aliases expand the manifest by more than {MAX_EXPANSION} values");
            return Err(self.problem(mark, message).help("use fewer aliases"));
        }
        if self.stack.len().saturating_add(node.height) > MAX_DEPTH {
            return Err(self.problem(mark, too_deep()).help("use fewer levels"));
        }
        self.place(Node { mark, ..node })
    }

    fn open(&mut self, anchor: usize, mark: Mark, content: Content) -> Result<(), Problem> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(self.problem(mark, too_deep()).help("use fewer levels"));
        }
        self.stack.push(Open { mark, anchor, content });
        Ok(())
    }

    fn scalar(&mut self, text: &str, plain: bool, anchor: usize, mark: Mark) -> Result<(), Problem> {
        if plain && Plain::of(text) == Plain::TooLarge {
            let problem = self.problem(mark, "the number is too large");
            self.report(problem.help("put it in quotes if it is text"));
        }
        let kind = NodeKind::Scalar { text: text.into(), plain };
        let node = Node { mark, kind, size: 1 + text.len() / BYTES_PER_VALUE, height: 0 };
        self.finish(anchor, node)
    }

    fn report(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }

    /// Remembers a node that has an anchor, and puts it where it belongs.
    fn finish(&mut self, anchor: usize, node: Node) -> Result<(), Problem> {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        self.place(node)
    }

    fn close(&mut self, end: Mark) -> Result<(), Problem> {
        let Some(Open { mark, anchor, content }) = self.stack.pop() else { return Ok(()) };
        let mark = Mark { end_line: end.end_line, end_column: end.end_column, ..mark };
        let kind = match content {
            Content::Sequence(items) => NodeKind::Sequence(Arc::new(items)),
            Content::Mapping { mut entries, mut seen, merges, .. } => {
                for merged in merges {
                    self.merge(&mut entries, &mut seen, &merged)?;
                }
                NodeKind::Mapping(Arc::new(entries))
            }
        };
        let (mut size, mut height) = (1_usize, 0);
        let mut add = |value: &Node| {
            size = size.saturating_add(value.size);
            height = height.max(value.height);
        };
        match &kind {
            NodeKind::Scalar { .. } => {}
            NodeKind::Sequence(items) => items.iter().for_each(add),
            NodeKind::Mapping(entries) => entries.iter().for_each(|entry| add(&entry.value)),
        }
        let keys = match &kind {
            NodeKind::Mapping(entries) => entries.iter().map(|entry| entry.key.len() / BYTES_PER_VALUE).sum(),
            NodeKind::Scalar { .. } | NodeKind::Sequence(_) => 0,
        };
        self.finish(anchor, Node { mark, kind, size: size.saturating_add(keys), height: height + 1 })
    }

    /// Takes over what `<<` names; keys that are written here win.
    fn merge(
        &self,
        entries: &mut Vec<Entry>,
        seen: &mut HashMap<Arc<str>, usize>,
        merged: &Node,
    ) -> Result<(), Problem> {
        let sources = match &merged.kind {
            NodeKind::Mapping(_) => std::slice::from_ref(merged),
            NodeKind::Sequence(items) => items.as_slice(),
            NodeKind::Scalar { .. } => &[],
        };
        let all_mappings = sources.iter().all(|source| matches!(source.kind, NodeKind::Mapping(_)));
        if sources.is_empty() || !all_mappings {
            let problem = self.problem(merged.mark, "`<<` merges a mapping, or a list of mappings");
            return Err(problem.help("write `<<: *anchor`"));
        }
        for entry in sources.iter().flat_map(Node::entries) {
            if seen.insert(entry.key.clone(), entry.mark.line).is_none() {
                entries.push(entry.clone());
            }
        }
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn place(&mut self, node: Node) -> Result<(), Problem> {
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping { entries, key, merges, .. } => match key.take() {
                Some(Key { name, mark, repeated: true }) => {
                    self.repeated.push(Entry { key: name, mark, value: node });
                }
                Some(Key { name, .. }) if &*name == "<<" => merges.push(node),
                Some(Key { name, mark, .. }) => entries.push(Entry { key: name, mark, value: node }),
                None => return self.take_key(&node),
            },
        }
        Ok(())
    }

    fn take_key(&mut self, node: &Node) -> Result<(), Problem> {
        let NodeKind::Scalar { text: name, plain } = &node.kind else {
            let problem = self.problem(node.mark, "a key is text, not a list or a mapping");
            return Err(problem.help("put a value that begins with `{` or `[` in quotes"));
        };
        if *plain && Plain::of(name) == Plain::Null {
            return Err(self.problem(node.mark, "there is no key before the `:`").help("write `key: value`"));
        }
        if *plain && Plain::of(name) != Plain::Text {
            let problem = self.problem(node.mark, format!("a key is text, and `{}` is not", clip(name)));
            return Err(problem.help(format!("write \"{}\" in quotes", clip(name))));
        }
        let mark = node.mark;
        let Some(Open { content: Content::Mapping { seen, key, .. }, .. }) = self.stack.last_mut() else {
            return Ok(());
        };
        let first = seen.get(name).copied();
        if first.is_none() {
            seen.insert(name.clone(), mark.line);
        }
        *key = Some(Key { name: name.clone(), mark, repeated: first.is_some() });
        if let Some(line) = first {
            let name = clip(name);
            let problem =
                self.problem(mark, format!("the key `{name}` stands here twice; first on line {line}"));
            self.report(problem.help("keep one of them"));
        }
        Ok(())
    }
}
