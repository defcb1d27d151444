//! Shapes of JSON, and the words in which a wrong one is refused.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde_json::Value;

use super::pattern::Pattern;
use crate::reply::Refusal;

/// What a value has to look like.
#[derive(Debug)]
pub(super) enum Shape {
    Text {
        length: RangeInclusive<usize>,
        pattern: Option<Pattern>,
    },
    Choice(&'static [&'static str]),
    Integer {
        smallest: i64,
    },
    Number(RangeInclusive<f64>),
    Boolean,
    /// Any JSON.
    Document,
    List {
        of: &'static Self,
        length: RangeInclusive<usize>,
    },
    Map {
        key: &'static Self,
        value: &'static Self,
        length: RangeInclusive<usize>,
    },
    Structure(&'static [Member]),
    /// One member, and no more.
    Union {
        name: &'static str,
        members: &'static [Member],
    },
}

/// A member of a structure or union.
#[derive(Debug)]
pub(super) struct Member {
    name: &'static str,
    shape: &'static Shape,
    required: bool,
}

pub(super) const fn optional(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, shape, required: false }
}

pub(super) const fn required(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, shape, required: true }
}

/// A step from a value to one inside it.
#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Member(&'a str),
    Item(usize),
}

/// What was found, by the order in which Bedrock speaks of it.
#[derive(Debug, Default)]
struct Findings<'a> {
    path: Vec<Step<'a>>,
    wrong_type: Option<String>,
    extraneous: Option<String>,
    violations: Vec<String>,
    not_one_member: Option<String>,
}

/// Checks a whole body.
pub(super) fn check(shape: &'static Shape, body: &Value) -> Result<(), Refusal> {
    let mut findings = Findings::default();
    findings.visit(shape, body);
    if let Some(message) = findings.wrong_type {
        return Err(Refusal::new(400, "SerializationException", message));
    }
    if let Some(message) = findings.extraneous {
        return Err(Refusal::validation(message));
    }
    let count = findings.violations.len();
    if count > 0 {
        let errors = if count == 1 { "error" } else { "errors" };
        let list = findings.violations.join("; ");
        return Err(Refusal::validation(format!("{count} validation {errors} detected: {list}")));
    }
    findings.not_one_member.map_or(Ok(()), |message| Err(Refusal::validation(message)))
}

impl<'a> Findings<'a> {
    fn visit(&mut self, shape: &'static Shape, value: &'a Value) {
        match (shape, value) {
            (Shape::Document, _) => {}
            (Shape::Text { .. } | Shape::Choice(_), Value::String(text)) => {
                let shown = if text.is_empty() { String::new() } else { format!("'{text}' ") };
                self.broken(shape, value, &shown);
            }
            (Shape::Integer { .. }, Value::Number(number)) if number.is_i64() || number.is_u64() => {
                self.broken(shape, value, &format!("'{number}' "));
            }
            (Shape::Number(_), Value::Number(number)) => {
                self.broken(shape, value, &format!("'{number}' "));
            }
            (Shape::Boolean, Value::Bool(_)) => {}
            (Shape::List { of, length }, Value::Array(items)) => self.list(of, length, items),
            (Shape::Map { .. }, Value::Object(_)) => self.map(shape, value),
            (Shape::Structure(members), Value::Object(_)) => self.members(members, value),
            (Shape::Union { name, members }, Value::Object(_)) => {
                self.one_member(name, members, value);
                self.members(members, value);
            }
            _ => {
                self.wrong_type.get_or_insert_with(|| wrong_type(shape, value));
            }
        }
    }

    fn inside(&mut self, step: Step<'a>, visit: impl FnOnce(&mut Self)) {
        self.path.push(step);
        visit(self);
        self.path.pop();
    }

    /// The path in constraints, which count from 1.
    fn path(&self) -> String {
        let steps = self.path.iter().map(|step| match step {
            Step::Member(name) => (*name).to_owned(),
            Step::Item(index) => format!("{}.member", index + 1),
        });
        steps.collect::<Vec<_>>().join(".")
    }

    fn violation(&mut self, shown: &str, constraint: &str) {
        let path = self.path();
        self.violations.push(format!("Value {shown}at '{path}' failed to satisfy constraint: {constraint}"));
    }

    fn broken(&mut self, shape: &'static Shape, value: &Value, shown: &str) {
        for constraint in constraints(shape).into_iter().filter(|constraint| !(constraint.holds)(value)) {
            self.violation(shown, &constraint.words);
        }
    }

    fn list(&mut self, of: &'static Shape, length: &RangeInclusive<usize>, items: &'a [Value]) {
        let shown = format!("'[{}]' ", items.iter().map(plain).collect::<Vec<_>>().join(", "));
        if let Some(words) = length_words(length, items.len()) {
            self.violation(&shown, &words);
        }
        let before = self.violations.len();
        for (index, item) in items.iter().enumerate() {
            self.inside(Step::Item(index), |findings| {
                if item.is_null() {
                    findings.violation("null ", "Member must not be null");
                } else {
                    findings.visit(of, item);
                }
            });
        }
        // Items that are no structures are refused together.
        if is_scalar(of) && self.violations.len() > before {
            self.violations.truncate(before);
            self.violation(&shown, &format!("Member must satisfy constraint: [{}]", all_words(of)));
        }
    }

    fn map(&mut self, shape: &'static Shape, value: &'a Value) {
        let (Shape::Map { key, value: of, length }, Some(entries)) = (shape, value.as_object()) else {
            return;
        };
        let pairs: Vec<String> =
            entries.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
        let shown = format!("'{{{}}}' ", pairs.join(", "));
        if let Some(words) = length_words(length, entries.len()) {
            self.violation(&shown, &words);
        }
        let breaks = |shape: &'static Shape, value: &Value| {
            constraints(shape).iter().any(|constraint| !(constraint.holds)(value))
        };
        if entries.keys().any(|name| breaks(key, &Value::from(name.as_str()))) {
            self.violation(&shown, &format!("Map keys must satisfy constraint: [{}]", all_words(key)));
        }
        let before = self.violations.len();
        for (name, value) in entries {
            self.inside(Step::Member(name), |findings| findings.visit(of, value));
        }
        if is_scalar(of) && self.violations.len() > before {
            self.violations.truncate(before);
            self.violation(&shown, &format!("Map value must satisfy constraint: [{}]", all_words(of)));
        }
    }

    fn members(&mut self, members: &'static [Member], value: &'a Value) {
        for (name, value) in value.as_object().into_iter().flatten() {
            match members.iter().find(|member| member.name == name) {
                None => self.unknown(name),
                // A member that is null is absent.
                Some(_) if value.is_null() => {}
                Some(member) => {
                    self.inside(Step::Member(name), |findings| findings.visit(member.shape, value))
                }
            }
        }
        for member in members.iter().filter(|member| member.required) {
            if value.get(member.name).is_none_or(Value::is_null) {
                self.inside(Step::Member(member.name), |findings| {
                    findings.violation("null ", "Member must not be null");
                });
            }
        }
    }

    fn unknown(&mut self, name: &str) {
        let pointer: String = self.path.iter().fold("#".to_owned(), |pointer, step| match step {
            Step::Member(name) => format!("{pointer}/{name}"),
            Step::Item(index) => format!("{pointer}/{index}"),
        });
        let message = format!(
            "Malformed input request: {pointer}: extraneous key [{name}] is not permitted, please reformat your \
             input and try again."
        );
        self.extraneous.get_or_insert(message);
    }

    fn one_member(&mut self, union: &str, members: &'static [Member], value: &Value) {
        let set = value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()).count();
        let number = match set {
            0 => "one",
            1 => return,
            _ => "only one",
        };
        let path: Vec<String> = self
            .path
            .iter()
            .map(|step| match step {
                Step::Member(name) => (*name).to_owned(),
                Step::Item(index) => index.to_string(),
            })
            .collect();
        let names: Vec<&str> = members.iter().map(|member| member.name).collect();
        let (path, names) = (path.join("."), names.join(", "));
        let message = format!("{union} object at {path} must set {number} of the following keys: {names}.");
        self.not_one_member.get_or_insert(message);
    }
}

/// A limit of a value, and the words for it.
struct Constraint {
    words: String,
    holds: Box<dyn Fn(&Value) -> bool>,
}

impl Constraint {
    fn new(words: String, holds: impl Fn(&Value) -> bool + 'static) -> Self {
        Self { words, holds: Box::new(holds) }
    }
}

fn constraints(shape: &'static Shape) -> Vec<Constraint> {
    let characters = |value: &Value| value.as_str().map_or(0, |text| text.chars().count());
    let mut constraints = Vec::new();
    match shape {
        Shape::Text { length, pattern } => {
            let (min, max) = (*length.start(), *length.end());
            if max < usize::MAX {
                constraints
                    .push(Constraint::new(at_most("length", max), move |value| characters(value) <= max));
            }
            if min > 0 {
                constraints
                    .push(Constraint::new(at_least("length", min), move |value| characters(value) >= min));
            }
            if let Some(pattern) = pattern {
                let words = format!("Member must satisfy regular expression pattern: {}", pattern.expression);
                // An empty text breaks the least length, and that alone.
                constraints.push(Constraint::new(words, move |value| {
                    value.as_str().is_none_or(|text| (min > 0 && text.is_empty()) || (pattern.matches)(text))
                }));
            }
        }
        Shape::Choice(values) => {
            let words = format!("Member must satisfy enum value set: [{}]", values.join(", "));
            constraints.push(Constraint::new(words, |value| {
                value.as_str().is_some_and(|text| values.contains(&text))
            }));
        }
        Shape::Integer { smallest } => {
            constraints.push(Constraint::new(at_least("value", smallest), |value| {
                // What does not fit is larger.
                value.as_i64().is_none_or(|number| number >= *smallest)
            }));
        }
        Shape::Number(range) => {
            let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
            constraints.push(Constraint::new(at_most("value", range.end()), move |value| {
                number(value) <= *range.end()
            }));
            constraints.push(Constraint::new(at_least("value", range.start()), move |value| {
                number(value) >= *range.start()
            }));
        }
        Shape::Boolean
        | Shape::Document
        | Shape::List { .. }
        | Shape::Map { .. }
        | Shape::Structure(_)
        | Shape::Union { .. } => {}
    }
    constraints
}

fn at_least(what: &str, limit: impl Display) -> String {
    format!("Member must have {what} greater than or equal to {limit}")
}

fn at_most(what: &str, limit: impl Display) -> String {
    format!("Member must have {what} less than or equal to {limit}")
}

fn length_words(length: &RangeInclusive<usize>, found: usize) -> Option<String> {
    if found < *length.start() {
        Some(at_least("length", length.start()))
    } else {
        (found > *length.end()).then(|| at_most("length", length.end()))
    }
}

fn all_words(shape: &'static Shape) -> String {
    constraints(shape).into_iter().map(|constraint| constraint.words).collect::<Vec<_>>().join(", ")
}

fn is_scalar(shape: &Shape) -> bool {
    matches!(shape, Shape::Text { .. } | Shape::Choice(_) | Shape::Integer { .. } | Shape::Number(_))
}

/// A value as it appears inside another in a message.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn wrong_type(shape: &Shape, value: &Value) -> String {
    let found = match value {
        Value::Object(_) => return "Start of structure or map found where not expected.".to_owned(),
        Value::Array(_) => return "Start of list found where not expected".to_owned(),
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
    };
    let wanted = match shape {
        Shape::Text { .. } | Shape::Choice(_) => "a String",
        Shape::Integer { .. } => "an Integer",
        Shape::Number(_) => "a Float",
        Shape::Boolean => "a Boolean",
        Shape::Document
        | Shape::List { .. }
        | Shape::Map { .. }
        | Shape::Structure(_)
        | Shape::Union { .. } => {
            return "Unexpected field type".to_owned();
        }
    };
    format!("{found} can not be converted to {wanted}")
}
