//! What becomes of schemas, and of what is none.

use super::*;

fn raw_of(text: &str) -> RawJson {
    RawJson::parse(text).unwrap()
}

fn inlined_text(text: &str) -> Result<(String, bool), String> {
    arguments(Some(&raw_of(text)), false).map(|found| (found.json.get().to_owned(), found.cut))
}

#[test]
fn a_schema_that_needs_nothing_is_not_touched() {
    let text = r##"{ "properties": {"z": {"$ref": "#/$defs/Z"}}, "type": "object", "$defs": {"Z": {}} }"##;
    let schema = raw_of(text);
    assert_eq!(arguments(Some(&schema), true).unwrap().json.get(), text);
}

#[test]
fn the_root_is_an_object() {
    let rooted = |text: &str| arguments(Some(&raw_of(text)), true).map(|found| found.json.get().to_owned());
    assert_eq!(rooted(r#"{"anyOf":[{}]}"#).unwrap(), r#"{"type":"object","anyOf":[{}]}"#);
    assert_eq!(rooted(r#"{"type":["object","null"]}"#).unwrap(), r#"{"type":"object"}"#);
    for text in [r#"{"type":"string"}"#, "[]", "1", "null"] {
        assert!(rooted(text).is_err(), "{text}");
    }
}

#[test]
fn references_are_inlined_with_what_stands_beside_them() {
    let text = r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/A","description":"mine"},"default":{"$ref":"#/definitions/B"}},"default":{"$ref":"data"},"$defs":{"A":{"type":"array","items":{"$ref":"#/definitions/B"},"description":"its"}},"definitions":{"B":{"type":"string"}}}"##;
    assert_eq!(
        inlined_text(text).unwrap(),
        (
            r#"{"type":"object","properties":{"a":{"type":"array","items":{"type":"string"},"description":"mine"},"default":{"type":"string"}},"default":{"$ref":"data"}}"#.to_owned(),
            false
        )
    );
}

#[test]
fn a_reference_to_itself_is_cut() {
    let text = r##"{"type":"object","properties":{"next":{"$ref":"#"}}}"##;
    let (schema, cut) = inlined_text(text).unwrap();
    assert!(cut);
    assert!(
        schema.starts_with(
            r#"{"type":"object","properties":{"next":{"type":"object","properties":{"next":{}}}"#
        ),
        "{schema}"
    );
}

#[test]
fn references_elsewhere_and_bombs_are_refused() {
    assert!(inlined_text(r#"{"type":"object","x":{"$ref":"https://example.com/a"}}"#).is_err());
    let mut definitions = vec![r##""d0":{"type":"string"}"##.to_owned()];
    for n in 1..40 {
        let below = n - 1;
        definitions.push(format!(
            r##""d{n}":{{"a":{{"$ref":"#/$defs/d{below}"}},"b":{{"$ref":"#/$defs/d{below}"}}}}"##
        ));
    }
    let bomb = format!(
        r##"{{"type":"object","x":{{"$ref":"#/$defs/d39"}},"$defs":{{{}}}}}"##,
        definitions.join(",")
    );
    assert!(inlined_text(&bomb).unwrap_err().contains("too large"));
}
