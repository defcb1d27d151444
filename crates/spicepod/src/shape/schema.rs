//! The tables as JSON schema, which editors understand.

use serde_json::{Map, Value, json};

use super::{Field, MAX_COMPONENTS, Mapping, SPICEPOD, Shape};

/// Builds the JSON schema of the manifest. `params` is the schema of a model's parameters.
pub fn schema(params: &Value) -> Value {
    let mut root = Map::new();
    root.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    root.insert("title".into(), "Spicepod".into());
    root.insert("description".into(), "A manifest: what to serve, and how.".into());
    if let Value::Object(rest) = mapping(&SPICEPOD, params) {
        root.extend(rest);
    }
    Value::Object(root)
}

fn mapping(mapping: &Mapping, params: &Value) -> Value {
    let mut properties = Map::new();
    let mut required: Vec<&str> = Vec::new();
    // One setting under both of its spellings.
    let mut twice = Vec::new();
    for field in mapping.fields {
        for name in std::iter::once(field.name).chain(field.alias) {
            properties.insert(name.into(), described(field, params));
        }
        if field.required {
            required.push(field.name);
        }
        twice.extend(field.alias.map(|alias| json!({ "not": { "required": [field.name, alias] } })));
    }
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    if let (Value::Object(schema), false) = (&mut schema, twice.is_empty()) {
        schema.insert("allOf".into(), twice.into());
    }
    schema
}

fn described(field: &Field, params: &Value) -> Value {
    let mut described = Map::new();
    described.insert("description".into(), field.doc.into());
    if matches!(field.shape, Shape::NotServed) {
        described.insert("deprecated".into(), true.into());
    }
    if let Value::Object(shape) = shape(field.shape, params) {
        described.extend(shape);
    }
    Value::Object(described)
}

fn shape(shape: Shape, params: &Value) -> Value {
    let text = || json!({ "type": "string", "pattern": r"\S" });
    let list = |items: Value| json!({ "type": ["array", "null"], "items": items });
    match shape {
        Shape::Text => text(),
        Shape::Note => json!({ "type": ["string", "null"] }),
        Shape::Word(words, old) => json!({ "enum": words.iter().chain(old).collect::<Vec<_>>() }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Count(least) => json!({ "type": "integer", "minimum": least, "maximum": u32::MAX }),
        Shape::Duration => json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" }),
        Shape::Texts => json!({ "anyOf": [list(text()), text()] }),
        Shape::List(inner) => list(mapping(inner, params)),
        Shape::Components(inner) => components(inner, params),
        Shape::Map(inner) => json!({ "anyOf": [mapping(inner, params), { "type": "null" }] }),
        Shape::Keys(inner) => {
            json!({ "anyOf": [list(json!({ "anyOf": [text(), mapping(inner, params)] })), text()] })
        }
        Shape::AnyMap => json!({ "type": ["object", "null"] }),
        Shape::Params => json!({ "anyOf": [params, { "type": "null" }] }),
        Shape::NotServed => json!({}),
    }
}

fn components(inner: &Mapping, params: &Value) -> Value {
    let not_served = json!({ "description": "Known from Spice; has no effect here.", "deprecated": true });
    let reference = json!({
        "type": "object",
        "properties": {
            "ref": {
                "description": "File with the declaration, or folder that holds it; counts from the manifest.",
                "type": "string",
                "pattern": r"\S",
            },
            "dependsOn": not_served,
            "datasets": not_served,
        },
        "required": ["ref"],
        "additionalProperties": false,
    });
    // An editor that knows which of the two is meant names the misspelt key, not "no alternative matches".
    json!({
        "type": ["array", "null"],
        "maxItems": MAX_COMPONENTS,
        "items": {
            "type": "object",
            "if": { "required": ["ref"] },
            "then": reference,
            "else": mapping(inner, params),
        },
    })
}
