//! Values of a JSON schema, from the words of a prompt where any fits.

use serde_json::{Map, Number, Value};

use super::words::Words;

/// How deep values go.
const DEEPEST: usize = 12;

/// How deep values go where a schema does not require it.
const DEEPEST_OPTIONAL: usize = 4;

/// The most values of one schema.
const MOST: usize = 2000;

/// The most characters of a prompt that make a value.
const LONGEST: usize = 200;

/// Values for members that are often asked for.
const PLAUSIBLE: &[(&str, &str)] = &[
    ("email", "ada@example.com"),
    ("url", "https://example.com/"),
    ("uri", "https://example.com/"),
    ("datetime", "2026-01-15T12:00:00Z"),
    ("date", "2026-01-15"),
    ("time", "12:00:00"),
    ("uuid", "00000000-0000-4000-8000-000000000000"),
    ("country", "France"),
    ("city", "Paris"),
    ("location", "Paris"),
    ("timezone", "Europe/Paris"),
    ("currency", "EUR"),
    ("language", "en"),
    ("phone", "+33100000000"),
    ("ip", "192.0.2.1"),
    ("path", "/tmp/example"),
    ("setup", "Why did the emulator cross the road?"),
    ("punchline", "It was told to."),
    ("name", "Ada"),
];

/// Members that hold what was said.
const SPEECH: &[&str] =
    &["query", "question", "text", "prompt", "message", "content", "input", "expression", "topic", "snippet"];

/// A value of a schema. In a `free` object the keys are those that the prompt asks for.
pub(super) fn fill(schema: &Value, words: &Words, free: bool) -> Value {
    let mut filling = Filling { root: schema, words, strings: 0, numbers: 0, values: 0 };
    if free && !words.keys.is_empty() {
        return Value::Object(words.keys.iter().map(|key| (key.clone(), plausible(key).into())).collect());
    }
    if free {
        return Value::Object(Map::from_iter([("answer".to_owned(), said(words).into())]));
    }
    filling.value(schema, "", 0)
}

/// How many members of an object the subjects of a prompt may fill.
pub(super) fn places(schema: &Value) -> usize {
    let properties = wanted(schema);
    let is = |property: &Value, kind: &str| property.get("type").and_then(Value::as_str) == Some(kind);
    let list = properties.iter().any(|(_, property)| is(property, "array"));
    if list {
        return usize::MAX;
    }
    let texts = properties.iter().filter(|(_, property)| {
        is(property, "string") && ["enum", "const", "format"].iter().all(|key| property.get(key).is_none())
    });
    texts.count()
}

/// The required properties, or all where none is.
fn wanted(schema: &Value) -> Vec<(&str, &Value)> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Vec::new() };
    let required: Vec<&str> = items(schema, "required").iter().filter_map(Value::as_str).collect();
    let all = properties.iter().map(|(name, property)| (name.as_str(), property));
    if required.is_empty() {
        return all.collect();
    }
    all.filter(|(name, _)| required.contains(name)).collect()
}

struct Filling<'a> {
    root: &'a Value,
    words: &'a Words,
    /// How many texts, numbers and values there are so far.
    strings: usize,
    numbers: usize,
    values: usize,
}

impl Filling<'_> {
    fn value(&mut self, schema: &Value, name: &str, depth: usize) -> Value {
        self.values += 1;
        if depth > DEEPEST || self.values > MOST {
            return Value::Null;
        }
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let root = self.root;
            let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
            return target.map_or(Value::Null, |target| self.value(target, name, depth + 1));
        }
        if let Some(value) = schema.get("const").or_else(|| items(schema, "enum").first()) {
            return value.clone();
        }
        for key in ["anyOf", "oneOf"] {
            let is_null = |option: &&Value| option.get("type").is_some_and(|kind| kind == "null");
            let options = items(schema, key);
            if depth > DEEPEST_OPTIONAL && options.iter().any(|option| is_null(&option)) {
                return Value::Null;
            }
            if let Some(option) = options.iter().find(|option| !is_null(option)) {
                return self.value(option, name, depth + 1);
            }
        }
        if let [first, others @ ..] = items(schema, "allOf") {
            let mut value = self.value(first, name, depth + 1);
            for other in others {
                merge(&mut value, self.value(other, name, depth + 1));
            }
            return value;
        }
        match kind(schema) {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, name, depth),
            "string" => self.string(schema, name).into(),
            "integer" => self.number(schema, true),
            "number" => self.number(schema, false),
            "boolean" => true.into(),
            _ => Value::Null,
        }
    }

    fn object(&mut self, schema: &Value, depth: usize) -> Value {
        let required = !items(schema, "required").is_empty();
        if !required && depth > DEEPEST_OPTIONAL {
            return Value::Object(Map::new());
        }
        let mut members = Map::new();
        for (name, property) in wanted(schema) {
            members.insert(name.to_owned(), self.value(property, name, depth + 1));
        }
        Value::Object(members)
    }

    fn array(&mut self, schema: &Value, name: &str, depth: usize) -> Value {
        let least =
            schema.get("minItems").and_then(Value::as_u64).and_then(|least| usize::try_from(least).ok());
        let Some(item) = schema.get("items") else { return Value::Array(Vec::new()) };
        if depth > DEEPEST_OPTIONAL && least.is_none_or(|least| least == 0) {
            return Value::Array(Vec::new());
        }
        let subjects = match kind(item) {
            "string" if item.get("enum").is_none() => self.words.subjects.len() + self.words.quoted.len(),
            "integer" | "number" => self.words.numbers.len(),
            _ => 1,
        };
        let most = schema.get("maxItems").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
        let count = subjects.max(1).max(least.unwrap_or(1)).min(most.unwrap_or(usize::MAX));
        Value::Array((0..count).map(|_| self.value(item, name, depth + 1)).collect())
    }

    fn string(&mut self, schema: &Value, name: &str) -> String {
        let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
        let text = match (format, name.to_lowercase().as_str()) {
            ("email", _) | (_, "email") => self.words.holding("@").unwrap_or_else(|| plausible("email")),
            ("uri" | "url", _) | (_, "url" | "uri") => {
                self.words.holding("://").unwrap_or_else(|| plausible("url"))
            }
            ("date-time", _) => plausible("datetime"),
            ("date" | "time" | "uuid", _) => plausible(format),
            (_, "date" | "time" | "unit" | "units" | "currency" | "language") => plausible(name),
            (_, lower) => self.text(lower),
        };
        fitted(&text, schema)
    }

    /// The next text that the prompt offers.
    fn text(&mut self, name: &str) -> String {
        let words = self.words;
        let mut offered = words.quoted.iter().chain(&words.subjects);
        if words.quoted.is_empty() && SPEECH.contains(&name) && !words.prompt.is_empty() {
            return said(words);
        }
        let text = offered.nth(self.strings).cloned();
        self.strings += 1;
        text.or_else(|| self.digits()).unwrap_or_else(|| plausible(name))
    }

    /// The next number as a text, where the schema wants no number itself.
    fn digits(&mut self) -> Option<String> {
        if counts(self.root) {
            return None;
        }
        let number = self.words.numbers.get(self.numbers)?;
        self.numbers += 1;
        Some(number.to_string())
    }

    fn number(&mut self, schema: &Value, whole: bool) -> Value {
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        let is_fit = |number: &Number| {
            let value = number.as_f64().unwrap_or(f64::NAN);
            (!whole || !number.is_f64())
                && bound("minimum").is_none_or(|least| value >= least)
                && bound("maximum").is_none_or(|most| value <= most)
        };
        let offered = self.words.numbers.iter().skip(self.numbers);
        if let Some((index, number)) = offered.enumerate().find(|(_, number)| is_fit(number)) {
            self.numbers += index + 1;
            return Value::Number(number.clone());
        }
        let one = Number::from(1);
        if is_fit(&one) {
            return Value::Number(one);
        }
        schema.get("minimum").or_else(|| schema.get("maximum")).cloned().unwrap_or(Value::Number(one))
    }
}

/// Whether there is a number anywhere in a schema.
fn counts(schema: &Value) -> bool {
    match schema {
        Value::String(kind) => kind == "number" || kind == "integer",
        Value::Array(items) => items.iter().any(counts),
        Value::Object(members) => members.values().any(counts),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The type of a schema that may be any of several, or say none.
fn kind(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("null")
        }
        _ if schema.get("items").is_some() => "array",
        _ if schema.get("properties").is_some() => "object",
        _ => "string",
    }
}

fn merge(value: &mut Value, other: Value) {
    if let (Value::Object(members), Value::Object(others)) = (value, other) {
        members.extend(others);
    }
}

fn said(words: &Words) -> String {
    words.prompt.chars().take(LONGEST).collect()
}

/// A value for a member that the prompt says nothing of.
fn plausible(name: &str) -> String {
    let lower = name.to_lowercase();
    let known = PLAUSIBLE.iter().find(|(known, _)| lower == *known);
    let known =
        known.or_else(|| PLAUSIBLE.iter().find(|(known, _)| known.len() > 3 && lower.contains(known)));
    match known {
        Some((_, value)) => (*value).to_owned(),
        None if name.is_empty() => "example".to_owned(),
        None => format!("example of {}", name.replace(['_', '-'], " ")),
    }
}

/// A text of the length that a schema wants.
fn fitted(text: &str, schema: &Value) -> String {
    let limit =
        |name: &str| schema.get(name).and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok());
    let mut text: String = text.chars().take(limit("maxLength").unwrap_or(usize::MAX)).collect();
    let missing = limit("minLength").unwrap_or(0).saturating_sub(text.chars().count());
    text.extend(std::iter::repeat_n('x', missing.min(LONGEST)));
    text
}

fn items<'a>(schema: &'a Value, name: &str) -> &'a [Value] {
    schema.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::fill;
    use crate::answer::words::Words;

    #[test]
    fn values_fit_their_schemas() {
        let words = Words::read("Add 2 and 3.5 for Ada in `Rome`");
        for (schema, value) in [
            (json!({ "type": "object" }), json!({})),
            (json!({ "enum": ["b", "a"] }), json!("b")),
            (json!({ "const": 5 }), json!(5)),
            (json!({ "type": ["null", "boolean"] }), json!(true)),
            (json!({ "anyOf": [{ "type": "null" }, { "type": "integer" }] }), json!(2)),
            (json!({ "type": "integer", "minimum": 10 }), json!(10)),
            (json!({ "type": "array", "items": { "type": "number" } }), json!([2, 3.5])),
            (json!({ "type": "array", "items": { "type": "string" } }), json!(["Rome", "Ada"])),
            (json!({ "type": "string", "format": "date" }), json!("2026-01-15")),
            (json!({ "type": "string", "minLength": 6 }), json!("Romexx")),
            (
                json!({
                    "type": "object",
                    "required": ["a", "c"],
                    "properties": {
                        "a": { "type": "number" },
                        "b": { "type": "string" },
                        "c": { "$ref": "#/$defs/c" },
                    },
                    "$defs": { "c": { "type": "object", "properties": { "city": { "type": "string" } } } },
                }),
                json!({ "a": 2, "c": { "city": "Rome" } }),
            ),
        ] {
            assert_eq!(fill(&schema, &words, false), value, "{schema}");
        }
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = json!({
            "type": "object",
            "properties": { "next": { "$ref": "#" }, "all": { "type": "array", "items": { "$ref": "#" } } },
        });
        assert!(fill(&schema, &Words::default(), false).is_object());
        let list = json!({
            "type": "object",
            "required": ["id", "next"],
            "properties": {
                "id": { "type": "string" },
                "next": { "anyOf": [{ "$ref": "#" }, { "type": "null" }] },
            },
        });
        let filled = fill(&list, &Words::read("order 17"), false);
        assert_eq!(filled["id"], "17");
        assert!(filled.to_string().contains(r#""next":null"#), "{filled}");
        let names: Vec<String> = ('a'..='z').map(String::from).collect();
        let members = names.iter().map(|name| (name.clone(), json!({ "$ref": "#" })));
        let properties = serde_json::Value::Object(members.collect());
        let wide = json!({ "type": "object", "required": names, "properties": properties });
        assert!(fill(&wide, &Words::default(), false).to_string().len() < 100_000);
    }
}
