//! JSON schemas. They leave byte for byte as they came unless a family needs them otherwise.

use std::borrow::Cow;

use chat::{RawJson, json};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

/// The most values that a schema may have once its references are inlined. A few hundred bytes can ask for billions.
const MOST_VALUES: usize = 20_000;

/// How deep schemas are followed.
const DEEPEST: usize = 100;

/// Keys whose values are data, whatever they look like.
const DATA: &[&str] = &["enum", "const", "default", "examples"];

/// Keys whose values are objects with a schema under each key.
const MAPS: &[&str] = &["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/// A schema for the arguments of a tool.
#[derive(Debug)]
pub(super) struct Arguments<'a> {
    pub(super) json: Cow<'a, RawValue>,
    /// Whether a reference to itself had to be cut.
    pub(super) cut: bool,
}

/// Gives the schema of a tool's arguments: an object at the root, and without references where a family takes none.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn arguments(schema: Option<&RawJson>, refs: bool) -> Result<Arguments<'_>, String> {
    let Some(schema) = schema else {
        let json = Cow::Owned(raw(&empty())?);
        return Ok(Arguments { json, cut: false });
    };
    let keeps_refs = refs || !schema.get().contains("\"$ref\"");
    let kind = json::member(schema.get(), "type");
    if keeps_refs && kind.is_some_and(|kind| kind.starts_with("\"object\"")) {
        return Ok(Arguments { json: Cow::Borrowed(schema.as_raw()), cut: false });
    }
    let Ok(Value::Object(mut parsed)) = serde_json::from_str(schema.get()) else {
        return Err("must be a JSON schema: an object".to_owned());
    };
    let mut cut = false;
    if !keeps_refs {
        (parsed, cut) = inlined(parsed)?;
    }
    match parsed.get("type") {
        Some(Value::String(kind)) if kind == "object" => {}
        Some(Value::Array(kinds)) if kinds.iter().any(|kind| kind == "object") => {
            parsed.insert("type".into(), "object".into());
        }
        Some(_) => return Err("the arguments of a tool are an object; use `\"type\": \"object\"`".to_owned()),
        None => drop(parsed.shift_insert(0, "type".into(), "object".into())),
    }
    Ok(Arguments { json: Cow::Owned(raw(&parsed)?), cut })
}

/// Gives a schema in which every object says that it has no other members, as native structured output wants it;
/// `None` where one says that it has.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn closed(schema: &RawJson) -> Result<Option<Cow<'_, str>>, String> {
    let Ok(mut value) = serde_json::from_str::<Value>(schema.get()) else {
        return Err("must be a JSON schema: an object".to_owned());
    };
    let mut closing = Closing::default();
    closing.close(&mut value, DEEPEST);
    match closing {
        Closing { has_open: true, .. } => Ok(None),
        Closing { changed: true, .. } => serde_json::to_string(&value)
            .map(|text| Some(Cow::Owned(text)))
            .map_err(|error| error.to_string()),
        Closing { .. } => Ok(Some(Cow::Borrowed(schema.get()))),
    }
}

fn raw(map: &Map<String, Value>) -> Result<Box<RawValue>, String> {
    to_raw_value(map).map_err(|error| error.to_string())
}

fn empty() -> Map<String, Value> {
    Map::from_iter([
        ("type".to_owned(), Value::from("object")),
        ("properties".to_owned(), Value::Object(Map::new())),
    ])
}

/// Closes every object that does not say itself whether it has other members.
#[derive(Debug, Default)]
struct Closing {
    /// Whether there was one to close.
    changed: bool,
    /// Whether one says that it has others.
    has_open: bool,
}

impl Closing {
    fn close(&mut self, schema: &mut Value, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        match schema {
            Value::Object(map) => {
                for (key, value) in map.iter_mut() {
                    if DATA.contains(&key.as_str()) {
                        continue;
                    }
                    if let Some(inner) = value.as_object_mut().filter(|_| MAPS.contains(&key.as_str())) {
                        inner.values_mut().for_each(|value| self.close(value, depth));
                    } else {
                        self.close(value, depth);
                    }
                }
                if !is_object_schema(map) {
                    return;
                }
                match map.get("additionalProperties") {
                    Some(others) => self.has_open |= *others != Value::Bool(false),
                    None => {
                        map.insert("additionalProperties".into(), false.into());
                        self.changed = true;
                    }
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.close(value, depth)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

fn is_object_schema(map: &Map<String, Value>) -> bool {
    match map.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        Some(_) => false,
        None => map.get("properties").is_some_and(Value::is_object),
    }
}

/// Puts what references point at in their place, and says whether one had to be cut because it meets itself.
fn inlined(root: Map<String, Value>) -> Result<(Map<String, Value>, bool), String> {
    let root = Value::Object(root);
    let mut inliner = Inliner { root: &root, open: Vec::new(), values: 0, cut: false };
    let Value::Object(mut map) = inliner.schema(&root, 0)? else {
        return Err("must be a JSON schema: an object".to_owned());
    };
    map.shift_remove("$defs");
    map.shift_remove("definitions");
    Ok((map, inliner.cut))
}

struct Inliner<'a> {
    root: &'a Value,
    /// The references that are being followed.
    open: Vec<&'a str>,
    values: usize,
    cut: bool,
}

impl<'a> Inliner<'a> {
    fn schema(&mut self, schema: &'a Value, depth: usize) -> Result<Value, String> {
        self.values = self.values.saturating_add(1);
        if self.values > MOST_VALUES || depth > DEEPEST {
            return Err("is too large once its references are inlined, which this model needs".to_owned());
        }
        match schema {
            Value::Object(map) => match map.get("$ref") {
                Some(Value::String(reference)) => self.reference(reference, map, depth),
                _ => self.members(map, depth).map(Value::Object),
            },
            Value::Array(values) => values
                .iter()
                .map(|value| self.schema(value, depth + 1))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(schema.clone()),
        }
    }

    fn members(&mut self, map: &'a Map<String, Value>, depth: usize) -> Result<Map<String, Value>, String> {
        let mut members = Map::with_capacity(map.len());
        for (key, value) in map {
            // What is only pointed at is followed where it is pointed at.
            if depth == 0 && (key == "$defs" || key == "definitions") || key == "$ref" && value.is_string() {
                continue;
            }
            let value = if DATA.contains(&key.as_str()) {
                value.clone()
            } else if let Some(inner) = value.as_object().filter(|_| MAPS.contains(&key.as_str())) {
                let mut outer = Map::with_capacity(inner.len());
                for (name, schema) in inner {
                    outer.insert(name.clone(), self.schema(schema, depth + 1)?);
                }
                Value::Object(outer)
            } else {
                self.schema(value, depth + 1)?
            };
            members.insert(key.clone(), value);
        }
        Ok(members)
    }

    fn reference(
        &mut self,
        reference: &'a str,
        map: &'a Map<String, Value>,
        depth: usize,
    ) -> Result<Value, String> {
        let beside = self.members(map, depth)?;
        let mut target = if self.open.contains(&reference) {
            self.cut = true;
            Value::Object(Map::new())
        } else {
            let pointer = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            let Some(target) = pointer else {
                return Err(format!(
                    "`{reference}` is not found in the schema, and this model follows no others"
                ));
            };
            self.open.push(reference);
            let target = self.schema(target, depth + 1)?;
            self.open.pop();
            target
        };
        if let Value::Object(target) = &mut target {
            target.extend(beside);
        }
        Ok(target)
    }
}

#[cfg(test)]
mod tests;
