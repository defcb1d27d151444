//! The arguments of a call that an assistant's message brings back.

use chat::RawJson;
use serde_json::value::RawValue;

use crate::json;

/// The most calls that one text of arguments may hold. Each gets a copy of the result, which may be large.
const MOST: usize = 16;

/// Reads a text of arguments: one object as a rule, and none is an empty one. Models at times write the objects of
/// several calls into one text, and clients send that back.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn read(text: Option<String>) -> Result<Vec<RawJson>, String> {
    let text = text.unwrap_or_default();
    if text.trim_ascii().is_empty() {
        return Ok(vec![RawJson::empty_object()]);
    }
    if chat::json::depth(&text) > json::DEEPEST {
        return Err(format!("the arguments nest deeper than {} levels", json::DEEPEST));
    }
    let objects = match serde_json::from_str::<&RawValue>(&text) {
        Ok(one) => vec![one.to_owned().into()],
        Err(_) => split(&text).ok_or_else(wrong)?,
    };
    if objects.iter().all(|object| object.get().starts_with('{')) { Ok(objects) } else { Err(wrong()) }
}

fn wrong() -> String {
    "expected a JSON object written out as a string, such as \"{\\\"city\\\": \\\"Paris\\\"}\"".to_owned()
}

fn split(text: &str) -> Option<Vec<RawJson>> {
    let mut objects = Vec::new();
    for object in serde_json::Deserializer::from_str(text).into_iter::<Box<RawValue>>() {
        if objects.len() >= MOST {
            return None;
        }
        objects.push(object.ok()?.into());
    }
    Some(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_is_kept_and_several_are_told_apart() {
        let rows: [(&str, &[&str]); 7] = [
            ("", &["{}"]),
            (" \n", &["{}"]),
            ("{ \"b\":1.0, \"a\":1e2,\"a\":\"\\u00e9\" }", &["{ \"b\":1.0, \"a\":1e2,\"a\":\"\\u00e9\" }"]),
            (" {} ", &["{}"]),
            ("{}{}", &["{}", "{}"]),
            ("{\"a\":\"}{\"} \n{\"b\":{}}{}", &["{\"a\":\"}{\"}", "{\"b\":{}}", "{}"]),
            ("{}\n", &["{}"]),
        ];
        for (text, expected) in rows {
            let found = read(Some(text.to_owned())).unwrap();
            assert_eq!(found.iter().map(RawJson::get).collect::<Vec<_>>(), expected, "{text}");
        }
        assert_eq!(read(None).unwrap(), [RawJson::empty_object()]);
    }

    #[test]
    fn anything_else_is_refused() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(121), "]".repeat(121));
        let many = "{}".repeat(17);
        for text in ["1", "[]", "null", "{", "{}[]", "{}x", "\"{}\"", "{'a':1}", "{},{}", &deep, &many] {
            assert!(read(Some(text.to_owned())).is_err(), "{text}");
        }
    }
}
