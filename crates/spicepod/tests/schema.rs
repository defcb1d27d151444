//! The schema for editors says of a manifest what the parser says.

#![expect(clippy::unwrap_used, reason = "a failed assertion names its case")]

use std::fs;
use std::path::Path;

use jsonschema::Validator;
use serde_json::{Value, json};

fn params() -> Value {
    json!({ "description": "Parameters of the provider.", "type": "object" })
}

fn validator() -> Validator {
    jsonschema::draft202012::new(&spicepod::schema(&params())).unwrap()
}

/// A text as an editor sees it.
fn value(text: &str) -> Value {
    let mut value: serde_yaml::Value = serde_yaml::from_str(text.trim_start_matches('\u{feff}')).unwrap();
    // Once for each level of what is merged: the method does not look into what it has merged.
    (0..3).for_each(|_| value.apply_merge().unwrap());
    serde_json::to_value(value).unwrap()
}

fn verdict(validator: &Validator, text: &str) -> Vec<String> {
    validator.iter_errors(&value(text)).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn the_schema_is_one() {
    let schema = spicepod::schema(&params());
    jsonschema::meta::validate(&schema).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[test]
fn every_key_has_a_description() {
    fn walk(schema: &Value, path: &str) {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                let described = property.get("description").and_then(Value::as_str);
                assert!(described.is_some_and(|text| text.len() > 3), "{path}.{name} has no description");
            }
        }
        match schema {
            Value::Object(entries) => {
                entries.iter().for_each(|(key, value)| walk(value, &format!("{path}.{key}")))
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, path)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let schema = spicepod::schema(&params());
    assert!(schema["description"].is_string());
    walk(&schema, "");
}

#[test]
fn every_manifest_that_loads_is_valid_under_the_schema() {
    let validator = validator();
    let mut count = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/valid")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let loaded = spicepod::load(&path);
        assert!(!loaded.problems.iter().any(spicepod::Problem::is_error), "{}", path.display());
        let errors = verdict(&validator, &text);
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        count += 1;
    }
    assert!(count >= 10);
}

/// Whether a schema can say what is wrong: it sees no text, only values.
fn is_expressible(case: &str) -> bool {
    const BEYOND: &[&str] = &[
        "name_is_a_truth_value",
        "names_alike",
        "names_with_invisible_parts",
        "number_not_finite",
        "reference_outside",
        "reference_to_a_taken_name",
        "reference_to_bad_files",
        "reference_to_itself",
        "reference_to_nothing",
        "dependency_missing",
        "worker_mixed_routing",
        "worker_named_like_a_model",
        "worker_routes",
        "worker_routes_and_sql",
        "worker_to_a_bad_model",
        "worker_without_routes",
        "nesting_through_aliases",
        "deep_nesting",
    ];
    !BEYOND.contains(&case)
}

#[test]
fn the_schema_refuses_what_the_parser_refuses_where_it_sees_it() {
    let validator = validator();
    let mut count = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/invalid")).unwrap() {
        let path = entry.unwrap().path();
        let case = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.extension().unwrap() != "yaml" || !is_expressible(&case) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        // What is no YAML, or is refused as text, never reaches a schema.
        let told = fs::read_to_string(path.with_extension("txt")).unwrap();
        let by_text =
            ["not YAML", "cannot stand in a", "aliases", "alias", "`<<` merges", "stands here twice"];
        let by_text = by_text.iter().chain(&[
            "a key is",
            "no key",
            "one document",
            "indent",
            "too large",
            "readers of YAML",
        ]);
        if by_text.into_iter().any(|words| told.contains(words)) {
            continue;
        }
        assert!(!verdict(&validator, &text).is_empty(), "{case} is valid under the schema");
        count += 1;
    }
    assert!(count >= 25, "only {count} cases were compared");
}

#[test]
fn schema_and_parser_agree_on_single_settings() {
    const HEAD: &str = "version: v1\nkind: Spicepod\nname: demo\n";
    let validator = validator();
    let cases = [
        ("models: [{from: a:b, name: x}]", true),
        ("models: [{from: a:b}]", false),
        ("models: [{from: a:b, name: x, ref: y}]", false),
        ("models: [{ref: ''}]", false),
        ("models: [null]", false),
        ("models: {}", false),
        ("metadata: []", false),
        ("dependencies: [7]", false),
        ("dependencies: ''", false),
        ("secrets: [{from: env, description: }]", true),
        ("secrets: [{from: env, description: 5}]", false),
        ("runtime: {shutdown_timeout: 30s}", true),
        ("runtime: {shutdown_timeout: 30}", false),
        ("runtime: {shutdown_timeout: 30 s}", false),
        ("runtime: {shutdown_timeout: ' 30s'}", false),
        ("runtime: {shutdown_timeout: }", false),
        ("runtime: []", false),
        ("runtime: {auth: {api-key: , api_key: }}", false),
        ("runtime: {auth: {api-key: {keys: k}}}", true),
        ("runtime: {auth: {api-key: {keys: 5}}}", false),
        ("runtime: {auth: {api-key: {keys: [{key: k, models: m}]}}}", true),
        ("runtime: {auth: {api-key: {keys: [{key: k, models: [[m]]}]}}}", false),
        ("runtime: {cors: {enabled: 'true'}}", false),
        ("runtime: {cors: {enabled: }}", false),
        (
            "models: [{from: 'a:b', name: x}]\nworkers: [{name: w, load_balance: {routing: [{from: x, order: 0, weight: 1}]}}]",
            true,
        ),
        (
            "models: [{from: 'a:b', name: x}]\nworkers: [{name: w, load_balance: {routing: [{from: x, weight: 0}]}}]",
            false,
        ),
        (
            "models: [{from: 'a:b', name: x}]\nworkers: [{name: w, load_balance: {routing: [{from: x, order: -1}]}}]",
            false,
        ),
        (
            "models: [{from: 'a:b', name: x}]\nworkers: [{name: w, load_balance: {routing: [{from: x, order: 4294967296}]}}]",
            false,
        ),
        (
            "models: [{from: 'a:b', name: x}]\nworkers: [{name: w, load_balance: {routing: [{from: x, order: 1.5}]}}]",
            false,
        ),
        ("datasets: anything", true),
        ("datasetz: anything", false),
    ];
    for (line, expected) in cases {
        let text = format!("{HEAD}{line}\n");
        let loaded = spicepod::parse("spicepod.yaml", &text);
        let parsed = !loaded.problems.iter().any(spicepod::Problem::is_error);
        assert_eq!(parsed, expected, "{line}: {}", loaded.sources.render(&loaded.problems));
        let errors = verdict(&validator, &text);
        assert_eq!(errors.is_empty(), expected, "{line}: {errors:?}");
    }
}

#[test]
fn the_schema_names_the_misspelt_key() {
    let text = "version: v1\nkind: Spicepod\nname: demo\nmodels: [{from: a:b, name: x, parmas: {}}]\n";
    let errors = verdict(&validator(), text);
    let [error] = &errors[..] else { panic!("{errors:?}") };
    assert!(error.contains("/models/0") && error.contains("parmas"), "{error}");
}
