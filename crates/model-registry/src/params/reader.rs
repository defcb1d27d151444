//! Reads a model's parameters by their table, and collects every problem on the way.

use std::time::Duration;

use indexmap::IndexMap;
use secrecy::SecretString;
use secrets::Value;
use spicepod::{Location, Problem, parse_duration};

use super::{ParamKind, ParamSpec, Spelling};
use crate::params::reader::scalar::Scalar;

mod scalar;

/// The parameters of one model, recognised and of the right kind.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    prefix: &'static str,
    at: Location,
    given: IndexMap<&'static str, Given<'a>>,
    problems: Vec<Problem>,
}

#[derive(Debug)]
struct Given<'a> {
    key: &'a str,
    value: &'a Value,
    kind: ParamKind,
}

impl<'a> Reader<'a> {
    /// Recognises the parameters of a model.
    pub(crate) fn new(
        specs: &'static [ParamSpec],
        prefix: &'static str,
        params: &'a IndexMap<String, Value>,
        at: Location,
    ) -> Self {
        let mut reader = Self { prefix, at, given: IndexMap::new(), problems: Vec::new() };
        for (key, value) in params {
            reader.recognise(specs, key, value);
        }
        reader
    }

    fn recognise(&mut self, specs: &'static [ParamSpec], key: &'a str, value: &'a Value) {
        let spelled = specs.iter().find_map(|spec| Some((spec, spec.spelled(key, self.prefix)?)));
        let Some((spec, spelling)) = spelled else {
            return self.unknown(specs, key);
        };
        match spec.kind {
            ParamKind::Ignored => {
                let message = format!("`{key}` is not served here, and has no effect");
                self.problems.push(Problem::warning(self.location(key), message));
                return;
            }
            ParamKind::Refused(reason) => {
                let problem =
                    Problem::error(self.location(key), format!("`{key}` cannot be served: {reason}"));
                self.problems.push(problem.help(format!("remove `{key}`")));
                return;
            }
            ParamKind::Text
            | ParamKind::Secret
            | ParamKind::Form { .. }
            | ParamKind::Forms { .. }
            | ParamKind::Choice(_)
            | ParamKind::Integer { .. }
            | ParamKind::Number { .. }
            | ParamKind::Texts { .. }
            | ParamKind::Switch
            | ParamKind::Duration => {}
        }
        if spelling == Spelling::Deprecated {
            let message = format!("`{key}` is a deprecated spelling");
            let problem = Problem::warning(self.location(key), message);
            self.problems.push(problem.help(format!("write `{}`", spec.name)));
        }
        if matches!(value, Value::Null) {
            let problem = Problem::error(self.location(key), format!("`{key}` has no value"));
            self.problems.push(problem.help(format!("write {}, or remove the line", spec.kind.describe())));
            return;
        }
        if let Some(first) = self.given.get(spec.name) {
            let message = format!("`{key}` and `{}` are the same setting", first.key);
            let problem = Problem::error(self.location(key), message);
            self.problems.push(problem.help(format!("keep one of them, best `{}`", spec.name)));
            return;
        }
        self.given.insert(spec.name, Given { key, value, kind: spec.kind });
    }

    fn unknown(&mut self, specs: &'static [ParamSpec], key: &str) {
        let spellings: Vec<String> = specs
            .iter()
            .filter(|spec| !matches!(spec.kind, ParamKind::Ignored | ParamKind::Refused(_)))
            .flat_map(|spec| spec.spellings(self.prefix))
            .collect();
        let problem = Problem::error(
            self.location(key).name(),
            format!("`{key}` is not a parameter of {} models", self.prefix),
        );
        self.problems.push(problem.help(
            match spicepod::nearest(key, spellings.iter().map(String::as_str)) {
                Some(name) => format!("did you mean `{name}`?"),
                None => "docs/parameters.md lists all parameters".to_owned(),
            },
        ));
    }

    /// Where a parameter stands, whatever its spelling.
    pub(crate) fn location(&self, key: &str) -> Location {
        self.at.clone().key("params").key(key)
    }

    /// Where the parameter of this name was given.
    fn location_of(&self, name: &str) -> Location {
        self.location(self.given.get(name).map_or(name, |given| given.key))
    }

    /// Says whether a parameter was given, right or wrong.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// Adds a problem with a parameter.
    pub(crate) fn error(&mut self, name: &str, message: impl Into<String>, help: impl Into<String>) {
        let problem = Problem::error(self.location_of(name), self.named(name, message));
        self.problems.push(problem.help(help.into()));
    }

    /// Adds a warning about a parameter.
    pub(crate) fn warn(&mut self, name: &str, message: impl Into<String>, help: impl Into<String>) {
        let problem = Problem::warning(self.location_of(name), self.named(name, message));
        self.problems.push(problem.help(help.into()));
    }

    fn named(&self, name: &str, message: impl Into<String>) -> String {
        let key = self.given.get(name).map_or(name, |given| given.key);
        format!("`{key}` {}", message.into())
    }

    /// Adds a problem that stands elsewhere.
    pub(crate) fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Gives back everything that was found.
    pub(crate) fn finish(self) -> Vec<Problem> {
        self.problems
    }

    fn scalar(&mut self, name: &str) -> Option<Scalar<'a>> {
        let value = self.given.get(name)?.value;
        let scalar = Scalar::of(value);
        if scalar.is_none() && !matches!(value, Value::Missing) {
            self.wrong_kind(name);
        }
        scalar
    }

    fn wrong_kind(&mut self, name: &str) {
        let Some(given) = self.given.get(name) else { return };
        let found = scalar::describe(given.value);
        let wanted = given.kind.describe();
        self.error(name, format!("is {found}"), format!("write {wanted}"));
    }

    /// Reads a text that is not empty.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let text = self.scalar(name)?.text();
        match text {
            Some(text) if !text.trim().is_empty() => Some(text),
            Some(_) => {
                self.error(name, "is empty", "write a value, or remove the line");
                None
            }
            None => {
                self.wrong_kind(name);
                None
            }
        }
    }

    /// Shows a value that was read, but not where it came from a secret store.
    pub(crate) fn shown(&self, name: &str, value: &str) -> String {
        let is_secret = self.given.get(name).is_some_and(|given| matches!(given.value, Value::Secret(_)));
        if is_secret { "the value of the reference".to_owned() } else { format!("`{value}`") }
    }

    /// Adds a problem with one entry of a list, or with the text that stands in its place.
    pub(crate) fn item_error(&mut self, name: &str, index: usize, message: &str, help: impl Into<String>) {
        let Some(given) = self.given.get(name) else { return };
        let (at, key) = (self.location(given.key), given.key);
        let (at, what) = if matches!(given.value, Value::List(_)) {
            (at.index(index), format!("{key}[{index}]"))
        } else {
            (at, key.to_owned())
        };
        let problem = Problem::error(at, format!("`{what}` {message}"));
        self.problems.push(problem.help(help.into()));
    }

    /// Shows an entry of a list that was read, but not where it came from a secret store.
    pub(crate) fn shown_item(&self, name: &str, index: usize, value: &str) -> String {
        let item = match self.given.get(name).map(|given| given.value) {
            Some(Value::List(items)) => items.get(index),
            whole => whole,
        };
        if matches!(item, Some(Value::Secret(_))) {
            "the value of the reference".to_owned()
        } else {
            format!("`{value}`")
        }
    }

    /// Reads a text that may be written as a whole number.
    pub(crate) fn text_or_integer(&mut self, name: &str) -> Option<String> {
        if let Value::Number(number) = self.given.get(name)?.value
            && number.is_u64()
        {
            return Some(number.to_string());
        }
        self.text(name)
    }

    /// Reads a text that stays secret.
    pub(crate) fn secret(&mut self, name: &str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    /// Reads one of the words of the parameter's table.
    pub(crate) fn choice(&mut self, name: &str) -> Option<&'static str> {
        let kind = self.given.get(name)?.kind;
        let ParamKind::Choice(words) = kind else { return None };
        let text = self.text(name)?;
        let found = words.iter().copied().find(|word| word.eq_ignore_ascii_case(&text));
        if found.is_none() {
            self.error(
                name,
                format!("is not one of {}", kind.describe()),
                format!("write {}", kind.describe()),
            );
        }
        found
    }

    /// Reads a whole number within the range of the table.
    pub(crate) fn integer(&mut self, name: &str) -> Option<u32> {
        let ParamKind::Integer { min, max } = self.given.get(name)?.kind else { return None };
        let Some(number) = self.scalar(name)?.number() else {
            self.wrong_kind(name);
            return None;
        };
        let value = number.as_u64().and_then(|value| u32::try_from(value).ok());
        let value = value.filter(|value| (min..=max).contains(value));
        if value.is_none() {
            self.out_of_range(name, &number);
        }
        value
    }

    /// Reads a number within the range of the table.
    pub(crate) fn number(&mut self, name: &str) -> Option<f64> {
        let ParamKind::Number { min, max } = self.given.get(name)?.kind else { return None };
        let Some(number) = self.scalar(name)?.number() else {
            self.wrong_kind(name);
            return None;
        };
        let value = number.as_f64().filter(|value| (min..=max).contains(value));
        if value.is_none() {
            self.out_of_range(name, &number);
        }
        value
    }

    fn out_of_range(&mut self, name: &str, number: &serde_json::Number) {
        let Some(wanted) = self.given.get(name).map(|given| given.kind.describe()) else { return };
        self.error(name, format!("is {number}, which is out of range"), format!("write a {wanted}"));
    }

    /// Reads `true` or `false`.
    pub(crate) fn switch(&mut self, name: &str) -> Option<bool> {
        let value = self.scalar(name)?.switch();
        if value.is_none() {
            self.wrong_kind(name);
        }
        value
    }

    /// Reads a length of time; zero is none.
    pub(crate) fn duration(&mut self, name: &str) -> Option<Duration> {
        let text = self.text(name)?;
        let help = "write a whole number and a unit: `500ms`, `30s`, `5m` or `1h`";
        let Some(duration) = parse_duration(&text) else {
            self.error(name, "is not a duration", help);
            return None;
        };
        if duration.is_zero() {
            self.error(name, "is zero, and must be more", help);
            return None;
        }
        Some(duration)
    }

    /// Reads a list of texts; one text is a list of one.
    pub(crate) fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let given = self.given.get(name)?;
        let (ParamKind::Texts { max } | ParamKind::Forms { max, .. }) = given.kind else { return None };
        let (Value::List(items), key) = (given.value, given.key) else {
            return self.text_as_is(name).map(|text| vec![text]);
        };
        if items.len() > max {
            let message = format!("has {} entries, and at most {max} are taken", items.len());
            self.error(name, message, "remove some");
            return None;
        }
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match Scalar::of(item).and_then(Scalar::text) {
                Some(text) if !text.is_empty() => texts.push(text),
                Some(_) => self.item_problem(key, index, "is empty"),
                None => self.item_problem(key, index, &format!("is {}", scalar::describe(item))),
            }
        }
        Some(texts)
    }

    /// Reads a text in which white space counts.
    fn text_as_is(&mut self, name: &str) -> Option<String> {
        match self.scalar(name)?.text() {
            Some(text) if !text.is_empty() => Some(text),
            Some(_) => {
                self.error(name, "is empty", "write a value, or remove the line");
                None
            }
            None => {
                self.wrong_kind(name);
                None
            }
        }
    }

    fn item_problem(&mut self, key: &str, index: usize, message: &str) {
        let location = self.location(key).index(index);
        let problem = Problem::error(location, format!("`{key}[{index}]` {message}"));
        self.problems.push(problem.help("write text in quotes"));
    }
}
