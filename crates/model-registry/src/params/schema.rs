//! Parameters as JSON schema, for editors.

use serde_json::{Map, Value, json};

use super::{ParamKind, ParamSpec};

/// Any string with a reference to a secret may stand where another value is wanted.
fn or_reference(schema: &Value) -> Value {
    json!({ "anyOf": [schema, { "type": "string", "pattern": r"\$\{.*\}" }] })
}

fn value_schema(kind: ParamKind) -> Value {
    match kind {
        ParamKind::Text | ParamKind::Secret => json!({ "type": "string", "minLength": 1 }),
        ParamKind::Form { example } => json!({ "type": "string", "minLength": 1, "examples": [example] }),
        ParamKind::Forms { example, max } => {
            let text = json!({ "type": "string", "minLength": 1, "examples": [example] });
            json!({ "anyOf": [text, { "type": "array", "items": text, "minItems": 1, "maxItems": max }] })
        }
        // Words are taken in any case; the schema offers the usual one.
        ParamKind::Choice(words) => {
            let pattern = words.iter().map(|word| any_case(word)).collect::<Vec<_>>().join("|");
            or_reference(
                &json!({ "anyOf": [{ "enum": words }, { "type": "string", "pattern": format!("^({pattern})$") }] }),
            )
        }
        ParamKind::Integer { min, max } => {
            or_reference(&json!({ "type": "integer", "minimum": min, "maximum": max }))
        }
        ParamKind::Number { min, max } => {
            or_reference(&json!({ "type": "number", "minimum": min, "maximum": max }))
        }
        ParamKind::Texts { max } => json!({ "anyOf": [
            { "type": "string", "minLength": 1 },
            { "type": "array", "items": { "type": "string", "minLength": 1 }, "maxItems": max },
        ]}),
        ParamKind::Switch => or_reference(&json!({ "type": "boolean" })),
        ParamKind::Duration => or_reference(&json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" })),
        ParamKind::Ignored => json!({}),
        ParamKind::Refused(_) => json!({ "not": {} }),
    }
}

fn any_case(word: &str) -> String {
    let letter = |c: char| format!("[{}{}]", c.to_ascii_lowercase(), c.to_ascii_uppercase());
    word.chars().map(|c| if c.is_ascii_alphabetic() { letter(c) } else { c.to_string() }).collect()
}

/// Builds the schema of a `params` mapping from a provider's table.
pub fn schema(params: &[ParamSpec], prefix: &str) -> Value {
    let mut properties = Map::new();
    for param in params {
        for spelling in param.spellings(prefix) {
            let mut schema = value_schema(param.kind);
            if let Value::Object(schema) = &mut schema {
                schema.insert("description".into(), param.doc.into());
            }
            properties.insert(spelling, schema);
        }
        if param.prefixed {
            for name in std::iter::once(param.name).chain(param.aliases.iter().copied()) {
                let deprecated = json!({ "deprecated": true, "allOf": [value_schema(param.kind)] });
                properties.insert(format!("openai_{name}"), deprecated);
            }
        }
    }
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}
