//! Holds a parsed text to the tables, and collects everything that differs.

use super::{Field, Mapping, Shape};
use crate::location::Location;
use crate::nearest::nearest;
use crate::problem::Problem;
use crate::yaml::{Node, NodeKind, Plain};

/// The most components of one kind.
const MAX_COMPONENTS: usize = 10_000;

/// Checks a node against a mapping's table.
pub(crate) fn check(node: &Node, mapping: &'static Mapping, at: &Location) -> Vec<Problem> {
    let mut checker = Checker::default();
    checker.mapping(node, mapping, at);
    checker.problems
}

/// Collects problems on the way through a tree.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    problems: Vec<Problem>,
}

impl Checker {
    fn error(&mut self, at: &Location, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem::error(at.clone(), message).help(help));
    }

    fn mapping(&mut self, node: &Node, mapping: &'static Mapping, at: &Location) {
        if !matches!(node.kind, NodeKind::Mapping(_)) {
            let keys: Vec<String> =
                mapping.fields.iter().take(3).map(|field| format!("`{}:`", field.name)).collect();
            let help = format!("write a mapping with keys such as {}", keys.join(", "));
            return self.error(at, format!("{} is a mapping, not {}", mapping.what, found(node)), help);
        }
        let mut seen: Vec<(&str, &str)> = Vec::new();
        for entry in node.entries() {
            let here = at.clone().key(&entry.key);
            let named = |field: &&Field| field.name == entry.key || field.alias == Some(&entry.key);
            let Some(field) = mapping.fields.iter().find(named) else {
                self.unknown(&entry.key, mapping, here.name());
                continue;
            };
            if let Some((_, first)) = seen.iter().find(|(name, _)| *name == field.name) {
                let message = format!("`{}` and `{first}` are the same setting", entry.key);
                self.error(&here.name(), message, "keep one of them");
                continue;
            }
            seen.push((field.name, &entry.key));
            self.value(&entry.value, field, &here);
        }
        for field in mapping.fields.iter().filter(|field| field.required) {
            if !seen.iter().any(|(name, _)| *name == field.name) {
                let message = format!("{} has no `{}`", mapping.what, field.name);
                self.error(&at.clone().name(), message, format!("add `{}: {}`", field.name, example(field)));
            }
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
        self.problems
            .push(Problem::error(at, format!("`{key}` is not a key of {}", mapping.what)).help(help));
    }

    fn value(&mut self, node: &Node, field: &Field, at: &Location) {
        // A key with nothing behind it is an empty list or mapping, and no value of any other kind.
        let may_be_empty = matches!(
            field.shape,
            Shape::List(_)
                | Shape::Components(_)
                | Shape::Texts
                | Shape::Keys(_)
                | Shape::Map(_)
                | Shape::AnyMap
                | Shape::Params
                | Shape::NotServed
        );
        if node.is_null() && may_be_empty && !matches!(field.shape, Shape::NotServed) {
            return;
        }
        match field.shape {
            Shape::NotServed => {
                let message = format!("`{}` is not served here, and has no effect", field.name);
                self.problems.push(Problem::warning(at.clone().name(), message));
            }
            Shape::Text => drop(self.text(node, field, at)),
            Shape::Word(words, old) => self.word(node, field, at, (words, old)),
            Shape::Flag => self.expect(node, Plain::Bool, "`true` or `false`", at),
            Shape::Count => self.expect(node, Plain::Integer, "a whole number", at),
            Shape::Duration => {
                if let Some(text) = self.text(node, field, at)
                    && !is_duration(&text)
                {
                    self.error(
                        at,
                        "this is not a duration",
                        "write a whole number and a unit: `500ms`, `30s`, `5m` or `1h`",
                    );
                }
            }
            Shape::Texts => self.each(node, at, |checker, item, here| drop(checker.text(item, field, here))),
            Shape::List(mapping) => {
                self.each(node, at, |checker, item, here| checker.mapping(item, mapping, here))
            }
            Shape::Components(mapping) => self.components(node, mapping, at),
            Shape::Keys(mapping) => self.each(node, at, |checker, item, here| match item.kind {
                NodeKind::Mapping(_) => checker.mapping(item, mapping, here),
                NodeKind::Scalar { .. } | NodeKind::Sequence(_) => drop(checker.text(item, field, here)),
            }),
            Shape::Map(mapping) => self.mapping(node, mapping, at),
            Shape::AnyMap | Shape::Params => self.any_map(node, at),
        }
    }

    fn components(&mut self, node: &Node, mapping: &'static Mapping, at: &Location) {
        if node.items().len() > MAX_COMPONENTS {
            let message = format!("{} entries, and at most {MAX_COMPONENTS} are served", node.items().len());
            return self.error(at, message, "split the manifest");
        }
        self.each(node, at, |checker, item, here| {
            if item.get("ref").is_none() {
                return checker.mapping(item, mapping, here);
            }
            for entry in item.entries() {
                let key = here.clone().key(&entry.key);
                match entry.key.as_str() {
                    "ref" => {
                        let is_text = entry.value.plain() == Some(Plain::Text);
                        if !is_text {
                            checker.error(&key, "a reference is a path", "write `ref: models/my-model`");
                        }
                    }
                    "dependsOn" | "datasets" => {
                        let message = format!("`{}` is not served here, and has no effect", entry.key);
                        checker.problems.push(Problem::warning(key.name(), message));
                    }
                    other => {
                        let help = "write the other keys into the file that `ref` names";
                        checker.error(&key.name(), format!("`{other}` cannot stand beside `ref`"), help);
                    }
                }
            }
        });
    }

    fn each(&mut self, node: &Node, at: &Location, mut check: impl FnMut(&mut Self, &Node, &Location)) {
        let NodeKind::Sequence(items) = &node.kind else {
            return self.error(
                at,
                format!("this is a list, not {}", found(node)),
                "begin each entry with `- `",
            );
        };
        for (index, item) in items.iter().enumerate() {
            check(self, item, &at.clone().index(index));
        }
    }

    fn text(&mut self, node: &Node, field: &Field, at: &Location) -> Option<String> {
        let NodeKind::Scalar { text, .. } = &node.kind else {
            self.error(
                at,
                format!("this is text, not {}", found(node)),
                format!("write `{}`", example(field)),
            );
            return None;
        };
        match node.plain() {
            Some(Plain::Text) if text.trim().is_empty() => {
                self.error(at, "this is empty", format!("write a text such as `{}`", example(field)));
                None
            }
            Some(Plain::Text) => Some(text.clone()),
            Some(Plain::Null) | None => {
                self.error(at, "this has no value", format!("write a text such as `{}`", example(field)));
                None
            }
            Some(_) => {
                let message = format!("this is text, not {}", found(node));
                self.error(at, message, "put it in quotes, so that it stays as it is written");
                None
            }
        }
    }

    fn word(&mut self, node: &Node, field: &Field, at: &Location, lists: (&[&str], &[&str])) {
        let Some(text) = self.text(node, field, at) else { return };
        let (words, old) = lists;
        if words.contains(&text.as_str()) {
            return;
        }
        let help = format!("write `{}: {}`", field.name, words.join("` or `"));
        if old.contains(&text.as_str()) {
            let message = format!(
                "`{text}` is an old {}, read as `{}`",
                field.name,
                words.first().copied().unwrap_or_default()
            );
            self.problems.push(Problem::warning(at.clone(), message).help(help));
        } else {
            self.error(at, format!("`{text}` is not a known {}", field.name), help);
        }
    }

    fn expect(&mut self, node: &Node, wanted: Plain, described: &str, at: &Location) {
        if node.plain() != Some(wanted) {
            self.error(
                at,
                format!("this is {described}, not {}", found(node)),
                format!("write {described} without quotes"),
            );
        }
    }

    fn any_map(&mut self, node: &Node, at: &Location) {
        if !matches!(node.kind, NodeKind::Mapping(_)) {
            return self.error(
                at,
                format!("this is a mapping, not {}", found(node)),
                "write `key: value` lines below it",
            );
        }
        self.finite(node, at);
    }

    /// Values of any kind are free, but for numbers that are none.
    fn finite(&mut self, node: &Node, at: &Location) {
        match &node.kind {
            NodeKind::Scalar { .. } if node.plain() == Some(Plain::NotFinite) => {
                self.error(at, "this is not a finite number", "write a number, or put the text in quotes");
            }
            NodeKind::Scalar { .. } => {}
            NodeKind::Sequence(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.finite(item, &at.clone().index(index));
                }
            }
            NodeKind::Mapping(entries) => {
                for entry in entries.iter() {
                    self.finite(&entry.value, &at.clone().key(&entry.key));
                }
            }
        }
    }
}

/// Describes a value without showing it: it may be a secret in the wrong place.
fn found(node: &Node) -> &'static str {
    match node.plain() {
        Some(Plain::Null) => "nothing",
        Some(Plain::Bool) => "a truth value",
        Some(Plain::Integer | Plain::Float | Plain::NotFinite) => "a number",
        Some(Plain::Text) => "text",
        None if matches!(node.kind, NodeKind::Sequence(_)) => "a list",
        None => "a mapping",
    }
}

fn example(field: &Field) -> &'static str {
    match (field.name, field.shape) {
        ("from", _) => "bedrock:us.amazon.nova-lite-v1:0",
        (_, Shape::Word(words, _)) => words.first().copied().unwrap_or("text"),
        (_, Shape::Duration) => "30s",
        ("name", _) => "my-model",
        _ => "text",
    }
}

/// Says whether a text is a whole number and a unit.
fn is_duration(text: &str) -> bool {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    digits > 0 && matches!(text.get(digits..), Some("ms" | "s" | "m" | "h"))
}
