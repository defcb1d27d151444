//! Holds a parsed text to the tables, and collects everything that differs.

use std::collections::HashMap;

use super::{Field, Mapping, Shape};
use crate::duration::parse_duration;
use crate::location::Location;
use crate::nearest::nearest;
use crate::problem::{MAX_PROBLEMS, Problem, clip};
use crate::yaml::{Node, NodeKind, Plain, is_disputed};

/// The most components of one kind.
pub(crate) const MAX_COMPONENTS: usize = 10_000;

/// Checks a node against a mapping's table.
pub(crate) fn check(node: &Node, mapping: &'static Mapping, at: &Location) -> Vec<Problem> {
    let mut checker = Checker::default();
    checker.mapping(node, mapping, at);
    checker.problems
}

/// Says what a mapping needs at least.
pub(crate) fn missing(mapping: &Mapping) -> String {
    let required = mapping.fields.iter().filter(|field| field.required);
    let lines: Vec<String> = required.map(|field| format!("`{}: {}`", field.name, example(field))).collect();
    format!("write at least {}", lines.join(", "))
}

/// Collects problems on the way through a tree.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    problems: Vec<Problem>,
}

impl Checker {
    fn error(&mut self, at: &Location, message: impl Into<String>, help: impl Into<String>) {
        self.push(Problem::error(at.clone(), message).help(help));
    }

    fn push(&mut self, problem: Problem) {
        if !self.is_full() {
            self.problems.push(problem);
        }
    }

    fn is_full(&self) -> bool {
        self.problems.len() >= MAX_PROBLEMS
    }

    fn mapping(&mut self, node: &Node, mapping: &'static Mapping, at: &Location) {
        if !matches!(node.kind, NodeKind::Mapping(_)) {
            let keys: Vec<String> =
                mapping.fields.iter().take(3).map(|field| format!("`{}:`", field.name)).collect();
            let help = format!("write a mapping with keys such as {}", keys.join(", "));
            return self.error(at, format!("{} is a mapping, not {}", mapping.what, found(node)), help);
        }
        let mut seen: HashMap<&str, &str> = HashMap::new();
        for entry in node.entries() {
            if self.is_full() {
                return;
            }
            let here = at.clone().key(&*entry.key);
            let named = |field: &&Field| field.name == &*entry.key || field.alias == Some(&entry.key);
            let Some(field) = mapping.fields.iter().find(named) else {
                self.unknown(&entry.key, mapping, here.name());
                continue;
            };
            if let Some(first) = seen.insert(field.name, &entry.key) {
                let message = format!("`{}` and `{first}` are the same setting", entry.key);
                self.error(&here.name(), message, "keep one of them");
                continue;
            }
            self.value(&entry.value, field, &here);
        }
        for field in mapping.fields.iter().filter(|field| field.required && !seen.contains_key(field.name)) {
            let message = format!("{} has no `{}`", mapping.what, field.name);
            self.error(&at.clone().name(), message, format!("add `{}: {}`", field.name, example(field)));
        }
    }

    fn unknown(&mut self, key: &str, mapping: &Mapping, at: Location) {
        let help = match nearest(key, mapping.fields.iter().map(|field| field.name)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => {
                let served = mapping.fields.iter().filter(|field| !matches!(field.shape, Shape::NotServed));
                let names: Vec<&str> = served.map(|field| field.name).collect();
                format!("keys of {}: {}", mapping.what, names.join(", "))
            }
        };
        self.push(Problem::error(at, format!("`{}` is not a key of {}", clip(key), mapping.what)).help(help));
    }

    fn value(&mut self, node: &Node, field: &Field, at: &Location) {
        // A key with nothing behind it is an empty list, mapping or note, and no value of any other kind.
        let may_be_empty = !matches!(
            field.shape,
            Shape::Text
                | Shape::Word(..)
                | Shape::Flag
                | Shape::Count(_)
                | Shape::Duration
                | Shape::NotServed
        );
        if may_be_empty && node.is_null() {
            return;
        }
        match field.shape {
            Shape::NotServed => {
                let message = format!("`{}` is not served here, and has no effect", field.name);
                self.push(Problem::warning(at.clone().name(), message));
            }
            Shape::Text => drop(self.text(node, field, at)),
            Shape::Note => self.note(node, at),
            Shape::Word(words, old) => self.word(node, field, at, (words, old)),
            Shape::Flag => {
                if node.plain() != Some(Plain::Bool) {
                    let message = format!("must be `true` or `false`, but is {}", found(node));
                    self.error(at, message, format!("write `{}: true` or `{0}: false`", field.name));
                }
            }
            Shape::Count(least) => self.count(node, least, at),
            Shape::Duration => self.duration(node, field, at),
            Shape::Texts => self.texts(node, field, at, None),
            Shape::List(mapping) => {
                self.each(node, at, |checker, item, here| checker.mapping(item, mapping, here));
            }
            Shape::Components(mapping) => self.components(node, mapping, at),
            Shape::Keys(mapping) => self.texts(node, field, at, Some(mapping)),
            Shape::Map(mapping) => self.mapping(node, mapping, at),
            Shape::AnyMap | Shape::Params => self.any_map(node, at),
        }
    }

    fn components(&mut self, node: &Node, mapping: &'static Mapping, at: &Location) {
        if node.items().len() > MAX_COMPONENTS {
            let message =
                format!("has {} entries, and at most {MAX_COMPONENTS} are served", node.items().len());
            return self.error(at, message, "serve the others with another process");
        }
        self.each(node, at, |checker, item, here| {
            if item.get("ref").is_none() {
                return checker.mapping(item, mapping, here);
            }
            for entry in item.entries() {
                checker.reference(&entry.key, &entry.value, here.clone().key(&*entry.key));
            }
        });
    }

    /// Checks one key of a mapping that names a file.
    fn reference(&mut self, key: &str, value: &Node, at: Location) {
        match key {
            "ref" => {
                let is_path = matches!(&value.kind, NodeKind::Scalar { text, .. } if !text.trim().is_empty());
                if !is_path || value.plain() != Some(Plain::Text) {
                    let message = format!("must be the path of a file, but is {}", found(value));
                    self.error(&at, message, "write a path such as `ref: models/my-model`");
                }
            }
            "dependsOn" | "datasets" => {
                let message = format!("`{key}` is not served here, and has no effect");
                self.push(Problem::warning(at.name(), message));
            }
            _ => {
                let message = format!("`{}` cannot stand beside `ref`", clip(key));
                self.error(&at.name(), message, "write the other keys into the file that `ref` names");
            }
        }
    }

    fn each(&mut self, node: &Node, at: &Location, mut check: impl FnMut(&mut Self, &Node, &Location)) {
        let NodeKind::Sequence(items) = &node.kind else {
            let message = format!("must be a list, but is {}", found(node));
            return self.error(at, message, "begin each entry with `- `");
        };
        for (index, item) in items.iter().enumerate() {
            if self.is_full() {
                return;
            }
            check(self, item, &at.clone().index(index));
        }
    }

    /// Checks a list of texts, or of texts and mappings. One text alone is a list, too.
    fn texts(&mut self, node: &Node, field: &Field, at: &Location, mapping: Option<&'static Mapping>) {
        if let NodeKind::Scalar { .. } = node.kind {
            return drop(self.text(node, field, at));
        }
        self.each(node, at, |checker, item, here| match (&item.kind, mapping) {
            (NodeKind::Mapping(_), Some(mapping)) => checker.mapping(item, mapping, here),
            _ => drop(checker.text(item, field, here)),
        });
    }

    fn text(&mut self, node: &Node, field: &Field, at: &Location) -> Option<String> {
        let wanted = format!("write text, such as `{}`", example(field));
        let NodeKind::Scalar { text, plain } = &node.kind else {
            self.error(at, format!("must be text, but is {}", found(node)), wanted);
            return None;
        };
        match node.plain() {
            Some(Plain::Text) if *plain && is_disputed(text) => {
                let message = format!("`{text}` without quotes is a truth value to some readers of YAML");
                self.error(at, message, format!("write \"{text}\" in quotes"));
            }
            Some(Plain::Text) if text.trim().is_empty() => self.error(at, "is empty", wanted),
            Some(Plain::Text) => return Some(text.to_string()),
            Some(Plain::Null) | None => self.error(at, "has no value", wanted),
            // Reported by the parser.
            Some(Plain::TooLarge) => {}
            Some(_) => {
                let message = format!("must be text, but is {}", found(node));
                self.error(at, message, "put it in quotes, so that it stays as it is written");
            }
        }
        None
    }

    fn note(&mut self, node: &Node, at: &Location) {
        if node.plain() != Some(Plain::Text) {
            self.error(at, format!("must be text, but is {}", found(node)), "put it in quotes");
        }
    }

    fn word(&mut self, node: &Node, field: &Field, at: &Location, lists: (&[&str], &[&str])) {
        let (words, old) = lists;
        let help = format!("write `{}: {}`", field.name, words.join("` or `"));
        let NodeKind::Scalar { text, .. } = &node.kind else {
            return self.error(at, format!("must be text, but is {}", found(node)), help);
        };
        match node.plain() {
            Some(Plain::Text) => {}
            Some(Plain::Null) => return self.error(at, "has no value", help),
            _ => return self.error(at, format!("must be text, but is {}", found(node)), help),
        }
        if words.contains(&&**text) {
            return;
        }
        if old.contains(&&**text) {
            let now = words.first().copied().unwrap_or_default();
            let message = format!("`{text}` is an old {}, read as `{now}`", field.name);
            self.push(Problem::warning(at.clone(), message).help(help));
        } else {
            self.error(at, format!("`{}` is not a known {}", clip(text), field.name), help);
        }
    }

    fn count(&mut self, node: &Node, least: u32, at: &Location) {
        let fits = node.plain() == Some(Plain::Integer)
            && matches!(&node.kind, NodeKind::Scalar { text, .. } if whole(text).is_some_and(|number| number >= least));
        if !fits {
            let message = match node.plain() {
                Some(Plain::Integer | Plain::TooLarge) => "is out of range".to_owned(),
                Some(Plain::Float | Plain::NotFinite) => "must be a whole number".to_owned(),
                _ => format!("must be a whole number, but is {}", found(node)),
            };
            self.error(at, message, format!("write a number from {least} to {}, without quotes", u32::MAX));
        }
    }

    fn duration(&mut self, node: &Node, field: &Field, at: &Location) {
        let help = "write a whole number and a unit: `500ms`, `30s`, `5m` or `1h`";
        if node.plain() == Some(Plain::Integer) {
            return self.error(at, "has no unit", help);
        }
        if let Some(text) = self.text(node, field, at)
            && (text.trim() != text || parse_duration(&text).is_none())
        {
            self.error(at, "is not a duration", help);
        }
    }

    fn any_map(&mut self, node: &Node, at: &Location) {
        if !matches!(node.kind, NodeKind::Mapping(_)) {
            let message = format!("must be a mapping, but is {}", found(node));
            return self.error(at, message, "write `key: value` lines below it");
        }
        self.finite(node, at);
    }

    /// Values of any kind are free, but for numbers that are none.
    fn finite(&mut self, node: &Node, at: &Location) {
        match &node.kind {
            NodeKind::Scalar { .. } if node.plain() == Some(Plain::NotFinite) => {
                self.error(at, "is not a finite number", "write a number, or put the text in quotes");
            }
            NodeKind::Scalar { .. } => {}
            NodeKind::Sequence(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.finite(item, &at.clone().index(index));
                }
            }
            NodeKind::Mapping(entries) => {
                for entry in entries.iter() {
                    self.finite(&entry.value, &at.clone().key(&*entry.key));
                }
            }
        }
    }
}

/// Reads what the typed reader reads as a `u32`.
fn whole(text: &str) -> Option<u32> {
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let based = [("0x", 16), ("0o", 8), ("0b", 2)];
    let based = based.into_iter().find_map(|(prefix, radix)| Some((unsigned.strip_prefix(prefix)?, radix)));
    let (digits, radix) = based.unwrap_or((unsigned, 10));
    u32::from_str_radix(digits, radix).ok()
}

/// Describes a value without showing it: it may be a secret in the wrong place.
fn found(node: &Node) -> &'static str {
    match node.plain() {
        Some(Plain::Null) => "nothing",
        Some(Plain::Bool) => "a truth value",
        Some(Plain::Integer | Plain::TooLarge | Plain::Float | Plain::NotFinite) => "a number",
        Some(Plain::Text) if matches!(&node.kind, NodeKind::Scalar { text, .. } if text.trim().is_empty()) => {
            "empty text"
        }
        Some(Plain::Text) => "text",
        None if matches!(node.kind, NodeKind::Sequence(_)) => "a list",
        None => "a mapping",
    }
}

fn example(field: &Field) -> &'static str {
    if !field.example.is_empty() {
        return field.example;
    }
    if let Shape::Word([word, ..], _) = field.shape { word } else { "text" }
}
