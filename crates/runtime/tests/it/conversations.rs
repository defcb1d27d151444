//! Conversations at random: plain ones, odd ones, and such as agents write when something has gone wrong.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

/// What is said, from nothing to what has to be escaped.
const TEXTS: &[&str] = &[
    "hi",
    "weather",
    "get_weather in Paris",
    "words with an end \n",
    "",
    " ",
    "\n\t",
    "\u{a0}",
    "\u{200b}",
    "\u{feff}héllo \u{1f642}\u{2028}",
    "\u{0}\u{1f}",
    "<thinking>so</thinking>then",
    "\\\"{}[]",
    "data: [DONE]\n\n",
];

/// Names of tools.
const NAMES: &[&str] = &[
    "get_weather",
    "get-weather",
    "get.weather",
    "get weather",
    "2fa",
    "été",
    "json_output",
    "get_weather_get_weather_get_weather_get_weather_get_weather_get_weather",
    "get_weather_get_weather_get_weather_get_weather_get_weather_get_weathes",
    "",
];

/// Ids of calls.
const IDS: &[&str] = &[
    "call_1",
    "call_2",
    "call_3",
    "call|1",
    "call/1",
    "toolu_01.a:b-c",
    "идентификатор",
    "call_0123456789012345678901234567890123456789012345678901234567890123456789",
];

/// Texts of arguments.
const ARGUMENTS: &[&str] = &[
    "{}",
    "{\"city\":\"Paris\"}",
    "{ \"b\": 1.0, \"a\": 1e2, \"\\u00e9\": null }",
    "{\"a\":1,\"a\":2}",
    "",
    " ",
    "{}{\"city\":\"Rome\"}",
    "{\"city\":",
    "[]",
    "null",
];

/// Schemas of arguments and answers, as JSON.
const SCHEMAS: &[&str] = &[
    r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#,
    "{}",
    r#"{"type":"object"}"#,
    r#"{"properties":{"n":{"type":"integer","minimum":1}}}"#,
    r#"{"type":["object","null"],"properties":{"a":{"type":["string","null"]}}}"#,
    r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{"type":"object","properties":{"x":{"enum":["b","c"]}}}}}"##,
    r##"{"type":"object","properties":{"next":{"$ref":"#"}}}"##,
    r##"{"$ref":"#/definitions/a","definitions":{"a":{"type":"object","properties":{"b":{"type":"boolean"}}}}}"##,
    r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/gone"}}}"##,
    r#"{"type":"object","properties":{"$ref":{"type":"string"},"type":{"type":"string"}}}"#,
    r#"{"type":"object","properties":{"a":{"const":{"$ref":"x","type":"object"}}},"additionalProperties":{"type":"string"}}"#,
    r#"{"type":"object","additionalProperties":true}"#,
    r#"{"type":"object","properties":{"a":{"type":"array","items":{"type":"object","properties":{}}}},"additionalProperties":false}"#,
    r#"{"anyOf":[{"type":"object"},{"type":"object","properties":{"a":true}}]}"#,
    r#"{"type":"string"}"#,
];

/// The smallest picture.
const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// Where pictures are.
const PICTURES: &[&str] = &[
    PNG,
    "data:image/png;base64,R0lGODlhAQABAAAAACw=",
    "s3://bucket/picture.jpeg",
    "https://example.com/a.png",
];

/// Names and contents of files.
const FILES: &[(&str, &str)] = &[
    ("report.pdf", PDF),
    ("../é  report (1).v2.pdf", PDF),
    ("", "data:text/csv;base64,YSxiCjEsMgo="),
    ("…", "data:text/plain;base64,aGk="),
    ("page.html", "data:text/html;base64,PGI+aGk8L2I+"),
    ("picture.pdf", PNG),
    ("nothing", "data:application/octet-stream;base64,AAAA"),
];
const PDF: &str = "data:application/pdf;base64,JVBERi0xLjQK";

/// A request, without its model.
pub(crate) fn request() -> impl Strategy<Value = Value> {
    let messages = vec(turn(), 1..6).prop_map(|turns| Value::Array(turns.into_iter().flatten().collect()));
    (messages, settings(), offer()).prop_map(|(messages, settings, offer)| {
        let mut request = Map::from_iter([("messages".to_owned(), messages)]);
        request.extend(settings);
        request.extend(offer);
        Value::Object(request)
    })
}

/// One of the values; one of the last, which are refused, now and then only.
fn mostly<T: Clone + std::fmt::Debug + 'static>(
    values: &'static [T],
    refused: usize,
) -> impl Strategy<Value = T> {
    let (good, bad) = values.split_at(values.len() - refused);
    prop_oneof![24 => select(good), 1 => select(bad)]
}

fn text() -> impl Strategy<Value = Value> {
    select(TEXTS).prop_map(Value::from)
}

/// A wish to cache, which stands nearly anywhere.
fn cache() -> impl Strategy<Value = Option<Value>> {
    let kinds = [json!({ "type": "ephemeral" }), json!({ "type": "ephemeral", "ttl": "1h" }), Value::Null];
    weighted(0.15, select(kinds.to_vec()))
}

fn with(mut object: Value, name: &str, value: Option<Value>) -> Value {
    if let Some(value) = value {
        object[name] = value;
    }
    object
}

fn part(media: bool) -> impl Strategy<Value = Value> {
    let kinds = if media { 4 } else { 1 };
    (0..kinds, text(), mostly(PICTURES, 1), mostly(FILES, 1), cache()).prop_map(
        |(kind, text, picture, (name, data), cache)| {
            let part = match kind {
                0 | 1 => json!({ "type": "text", "text": text }),
                2 => json!({ "type": "image_url", "image_url": { "url": picture } }),
                _ => json!({ "type": "file", "file": { "filename": name, "file_data": data } }),
            };
            with(part, "cache_control", cache)
        },
    )
}

fn content(media: bool) -> impl Strategy<Value = Value> {
    prop_oneof![3 => text(), 2 => vec(part(media), 1..4).prop_map(Value::Array)]
}

/// The messages of one turn: what one side says, or calls and what came of them.
fn turn() -> impl Strategy<Value = Vec<Value>> {
    prop_oneof![
        3 => (content(true), cache()).prop_map(|(content, cache)| vec![message("user", &content, cache)]),
        1 => (select(vec!["system", "developer"]), content(false), cache())
            .prop_map(|(role, content, cache)| vec![message(role, &content, cache)]),
        2 => assistant().prop_map(|message| vec![message]),
        3 => exchange(),
    ]
}

fn message(role: &str, content: &Value, cache: Option<Value>) -> Value {
    with(json!({ "role": role, "content": content }), "cache_control", cache)
}

/// What the model said; what it thought is unsigned, as it comes of models that prove nothing.
fn assistant() -> impl Strategy<Value = Value> {
    let thoughts = text().prop_map(|text| json!([{ "type": "thinking", "thinking": text }]));
    let reasoning = weighted(0.2, text());
    let content = prop_oneof![2 => content(false), 1 => Just(Value::Null)];
    (content, weighted(0.2, thoughts), reasoning, weighted(0.1, text()), cache()).prop_map(
        |(content, thoughts, reasoning, refusal, cache)| {
            let said = with(message("assistant", &content, cache), "thinking_blocks", thoughts);
            with(with(said, "reasoning_content", reasoning), "refusal", refusal)
        },
    )
}

fn call() -> impl Strategy<Value = Value> {
    let names = prop_oneof![2 => Just("get_weather"), 1 => mostly(NAMES, 1)];
    (select(IDS), names, mostly(ARGUMENTS, 3), cache()).prop_map(|(id, name, arguments, cache)| {
        let call =
            json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } });
        with(call, "cache_control", cache)
    })
}

/// Calls, and their results in any order; now and then one is missing, told twice, or of no call.
fn exchange() -> impl Strategy<Value = Vec<Value>> {
    let results = vec((content(true), any::<Index>(), any::<bool>(), cache()), 4);
    (assistant(), vec(call(), 1..4), results, 0..24_u8).prop_map(|(mut asking, calls, results, defect)| {
        let mut told: Vec<Value> = Vec::new();
        for (call, (content, place, failed, cache)) in calls.iter().zip(&results) {
            let mut result = message("tool", content, cache.clone());
            result["tool_call_id"] = call["id"].clone();
            if *failed {
                result["is_error"] = true.into();
            }
            told.insert(place.index(told.len() + 1), result);
        }
        match defect {
            0 => drop(told.pop()),
            1 => told.push(told[0].clone()),
            2 => told[0]["tool_call_id"] = "call_unknown".into(),
            3 => told.insert(0, json!({ "role": "user", "content": "wait" })),
            4 => told.push(
                json!({ "role": "user", "content": [{ "type": "file", "file": { "file_data": PDF } }] }),
            ),
            5 => told.push(json!({ "role": "system", "content": "be brief" })),
            _ => {}
        }
        asking["tool_calls"] = calls.into();
        std::iter::once(asking).chain(told).collect()
    })
}

fn tool() -> impl Strategy<Value = Value> {
    let strict = weighted(0.2, any::<bool>().prop_map(Value::from));
    let name = prop_oneof![1 => Just("get_weather"), 2 => mostly(NAMES, 1)];
    (name, weighted(0.8, schema()), weighted(0.5, text()), strict, cache()).prop_map(
        |(name, schema, description, strict, cache)| {
            let function = with(json!({ "name": name }), "parameters", schema);
            let function = with(with(function, "description", description), "strict", strict);
            with(json!({ "type": "function", "function": function }), "cache_control", cache)
        },
    )
}

fn schema() -> impl Strategy<Value = Value> {
    mostly(SCHEMAS, 1).prop_map(|text| serde_json::from_str(text).unwrap_or_default())
}

/// Tools, and a choice among them.
fn offer() -> impl Strategy<Value = Map<String, Value>> {
    let choice = prop_oneof![
        10 => select(vec!["auto", "none", "required"]).prop_map(Value::from),
        6 => any::<Index>().prop_map(|index| json!({ "at": index.index(1000) })),
        1 => Just(json!({ "type": "function", "function": { "name": "unknown" } })),
    ];
    let parallel = weighted(0.3, any::<bool>().prop_map(Value::from));
    (weighted(0.7, vec(tool(), 1..4)), weighted(0.5, choice), parallel, weighted(0.02, Just(()))).prop_map(
        |(tools, choice, parallel, twice)| {
            let mut tools = tools.unwrap_or_default();
            if twice.is_none() {
                let mut names = HashSet::new();
                tools.retain(|tool| names.insert(tool["function"]["name"].clone()));
            }
            let mut offer = Map::new();
            let choice = choice.map(|choice| match choice["at"].as_u64() {
                Some(at) if !tools.is_empty() => {
                    let at = usize::try_from(at).unwrap_or_default() % tools.len();
                    json!({ "type": "function", "function": { "name": tools[at]["function"]["name"] } })
                }
                Some(_) => json!("auto"),
                None if tools.is_empty() && choice == "required" => json!("none"),
                None => choice,
            });
            offer.extend(choice.map(|choice| ("tool_choice".to_owned(), choice)));
            offer.extend(parallel.map(|parallel| ("parallel_tool_calls".to_owned(), parallel)));
            if !tools.is_empty() {
                offer.insert("tools".to_owned(), tools.into());
            }
            offer
        },
    )
}

/// The shape of the answer.
fn format() -> impl Strategy<Value = Value> {
    let schema = (schema(), mostly(&["person", "an odd name é", ""], 1), weighted(0.3, text())).prop_map(
        |(schema, name, description)| {
            let wanted = with(json!({ "name": name, "schema": schema }), "description", description);
            json!({ "type": "json_schema", "json_schema": wanted })
        },
    );
    prop_oneof![1 => Just(json!({ "type": "text" })), 2 => Just(json!({ "type": "json_object" })), 4 => schema]
}

fn settings() -> impl Strategy<Value = Map<String, Value>> {
    let efforts = select(vec!["none", "minimal", "low", "medium", "high", "xhigh"]).prop_map(Value::from);
    let number = |values: &[f64]| weighted(0.3, select(values.to_vec()).prop_map(Value::from));
    let limits = select(vec![1_u64, 20, 1024, 4000]).prop_map(Value::from);
    let stops = [json!("END"), json!(["a", " ", ""]), json!([])];
    let metadata = [json!({ "a": "b" }), json!({ "é": "\u{0}", "k": "é" }), json!({})];
    let mostly = (
        weighted(0.3, format()),
        weighted(0.3, efforts),
        number(&[0.0, 0.5, 1.0, 1.0, 1.5]),
        number(&[0.1, 0.9, 1.0]),
        weighted(0.05, select(vec![1_u64, 50]).prop_map(Value::from)),
        weighted(0.4, limits),
        weighted(0.2, select(stops.to_vec())),
        weighted(0.1, select(metadata.to_vec())),
    );
    mostly.prop_map(|(format, effort, temperature, top_p, top_k, limit, stop, metadata)| {
        let settings = [
            ("response_format", format),
            ("reasoning_effort", effort),
            ("temperature", temperature),
            ("top_p", top_p),
            ("top_k", top_k),
            ("max_tokens", limit),
            ("stop", stop),
            ("metadata", metadata),
        ];
        settings.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    })
}
