//! The tables as JSON schema, which editors understand.

use serde_json::{Map, Value, json};

use super::{Field, Mapping, SPICEPOD, Shape};

/// Builds the JSON schema of the manifest. `params` is the schema of a model's parameters.
pub fn schema(params: &Value) -> Value {
    let mut root = mapping(&SPICEPOD, params);
    if let Value::Object(root) = &mut root {
        root.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
        root.insert("title".into(), "Spicepod".into());
    }
    root
}

fn mapping(mapping: &Mapping, params: &Value) -> Value {
    let mut properties = Map::new();
    let mut required: Vec<&str> = Vec::new();
    for field in mapping.fields {
        for name in std::iter::once(field.name).chain(field.alias) {
            properties.insert(name.into(), described(field, params));
        }
        if field.required {
            required.push(field.name);
        }
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn described(field: &Field, params: &Value) -> Value {
    let mut schema = shape(field.shape, params);
    if let Value::Object(schema) = &mut schema {
        schema.insert("description".into(), field.doc.into());
        if matches!(field.shape, Shape::NotServed) {
            schema.insert("deprecated".into(), true.into());
        }
    }
    schema
}

fn shape(shape: Shape, params: &Value) -> Value {
    let text = || json!({ "type": "string", "pattern": r"\S" });
    let list = |items: Value| json!({ "type": ["array", "null"], "items": items });
    match shape {
        Shape::Text => text(),
        Shape::Word(words, old) => json!({ "enum": words.iter().chain(old).collect::<Vec<_>>() }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Count => json!({ "type": "integer", "minimum": 0 }),
        Shape::Duration => json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" }),
        Shape::Texts => list(text()),
        Shape::List(inner) => list(mapping(inner, params)),
        Shape::Components(inner) => {
            let reference = json!({
                "type": "object",
                "properties": { "ref": text(), "dependsOn": {}, "datasets": {} },
                "required": ["ref"],
                "additionalProperties": false,
            });
            let mut list = list(json!({ "anyOf": [mapping(inner, params), reference] }));
            if let Value::Object(list) = &mut list {
                list.insert("maxItems".into(), 10_000.into());
            }
            list
        }
        Shape::Map(inner) => {
            let mut schema = mapping(inner, params);
            if let Value::Object(schema) = &mut schema {
                schema.insert("type".into(), json!(["object", "null"]));
            }
            schema
        }
        Shape::Keys(inner) => list(json!({ "anyOf": [text(), mapping(inner, params)] })),
        Shape::AnyMap => json!({ "type": ["object", "null"] }),
        Shape::Params => json!({ "anyOf": [params, { "type": "null" }] }),
        Shape::NotServed => json!({}),
    }
}
