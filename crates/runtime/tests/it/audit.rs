//! The log as an audit: a line for every request, of a form that tools can rely on, in an order that shows gaps.

use std::collections::BTreeMap;

use bedrock_emulator::{Gate, Reply};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Gateway, hello, hello_streamed};

/// A member of a line: its name, whether every line has it, and whether a value is of its form.
type Member = (&'static str, bool, fn(&Value) -> bool);

/// What stands in a line, in its order.
const MEMBERS: &[Member] = &[
    ("timestamp", true, is_time),
    ("level", true, |value| ["DEBUG", "INFO", "WARN"].map(Value::from).contains(value)),
    ("message", true, |value| value == "request"),
    ("request_id", true, is_text),
    ("method", true, is_text),
    ("route", true, |value| {
        ["chat_completions", "models", "health", "ready", "other"].map(Value::from).contains(value)
    }),
    ("model", false, is_text),
    ("leg", false, is_text),
    ("region", false, is_text),
    ("passed", false, is_text),
    ("stream", true, Value::is_boolean),
    ("status", true, Value::is_u64),
    ("end_reason", true, is_text),
    ("attempts", true, Value::is_u64),
    ("prompt_tokens", false, Value::is_u64),
    ("completion_tokens", false, Value::is_u64),
    ("duration_ms", true, Value::is_number),
    ("first_token_ms", false, Value::is_number),
    ("upstream_request_id", false, is_text),
    ("client", true, |value| value.as_str().is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok())),
    ("key_id", false, is_key_id),
    ("key", false, is_text),
    ("sequence", true, Value::is_u64),
];

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

/// `2026-01-31T23:59:59.123456Z`
fn is_time(value: &Value) -> bool {
    let form = "0000-00-00T00:00:00.000000Z";
    value.as_str().is_some_and(|text| {
        text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect::<String>() == form
    })
}

/// The first 8 digits of a digest in hexadecimal.
fn is_key_id(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.len() == 8 && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')))
}

/// Holds a line to the schema.
fn check(line: &Value) {
    let members = line.as_object().unwrap();
    let known: Vec<&str> = MEMBERS.iter().map(|(name, ..)| *name).collect();
    let order: Vec<&&str> = known.iter().filter(|name| members.contains_key(**name)).collect();
    assert!(members.keys().all(|name| known.contains(&name.as_str())), "unknown members: {line}");
    // The message stands where the library puts it.
    let unordered = |name: &str| name != "message";
    assert_eq!(
        members.keys().map(String::as_str).filter(|name| unordered(name)).collect::<Vec<_>>(),
        order.into_iter().copied().filter(|name| unordered(name)).collect::<Vec<_>>(),
    );
    for (name, always, is_sound) in MEMBERS {
        match members.get(*name) {
            Some(value) => assert!(is_sound(value), "{name}: {line}"),
            None => assert!(!always, "{name} is missing: {line}"),
        }
    }
}

/// Keys of their own for two callers, of which one may use one model.
const KEYS: &str = "runtime:
  auth:
    api-key:
      keys:
        - { key: sk-audited, name: team-a }
        - { key: sk-nameless, models: [nova] }
";

/// `printf %s sk-audited | sha256sum`, and the other one.
const IDS: [&str; 2] = ["3364ef52", "5d08e631"];

/// Asks in ways that end in every kind of end, and gives how many requests that were.
async fn all_kinds(gateway: &Gateway, emulator: &bedrock_emulator::Emulator) -> usize {
    let named = gateway.http.with("authorization", "Bearer sk-audited");
    let nameless = gateway.http.with("x-api-key", "sk-nameless");
    let mut unknown = hello("hi");
    unknown["model"] = json!("gpt-9");
    let mut wrong = hello("hi");
    wrong["temperature"] = json!("hot");
    assert_eq!(named.post(&hello("hi")).await.status, 200);
    assert!(nameless.post(&hello_streamed("hi")).await.events().done);
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 401);
    assert_eq!(gateway.http.with("x-api-key", "sk-wrong").post(&hello("hi")).await.status, 401);
    assert_eq!(named.post(&unknown).await.status, 404);
    assert_eq!(named.post(&wrong).await.status, 400);
    assert_eq!(named.send("POST", "/v1/chat/completions", "{").await.status, 400);
    assert_eq!(named.get("/v1/models").await.status, 200);
    assert_eq!(named.send("DELETE", "/v1/models", "").await.status, 405);
    assert_eq!(named.get("/nowhere?api_key=sk-audited").await.status, 404);
    emulator.push(Reply::error(400, "ValidationException", "no"));
    assert_eq!(named.post(&hello("hi")).await.status, 400);
    emulator.push(Reply::events().event("messageStart", &json!({ "role": "assistant" })).text_delta("a"));
    named.post(&hello_streamed("hi")).await;
    12
}

#[tokio::test]
async fn every_request_leaves_one_line_of_a_form_that_tools_can_rely_on() {
    let arguments = ["--max-in-flight", "1", "--max-queued", "0", "--log", "debug"];
    let (mut gateway, emulator) = Gateway::with_emulator_and(KEYS, &[], &arguments).await;
    let mut requests = all_kinds(&gateway, &emulator).await;
    for path in ["/health", "/v1/ready", "/v1/ready?verbose=true"] {
        assert_eq!(gateway.http.get(path).await.status, 200);
        requests += 1;
    }
    // One that is sent away, because another is not answered yet; and that one, whose client goes.
    let gate = Gate::default();
    emulator.push(Reply::silence().wait(&gate));
    let seen = emulator.requests().len();
    let http = gateway.http.with("authorization", "Bearer sk-audited");
    let mut cut = JoinSet::new();
    let asking = http.clone();
    cut.spawn(async move { asking.post(&hello("hi")).await });
    emulator.wait_for_requests(seen + 1).await;
    assert_eq!(http.post(&hello("hi")).await.status, 503);
    cut.shutdown().await;
    let gone = gateway.log(|log| log["end_reason"] == "client_closed");
    requests += 2;
    assert_eq!((&gone["key_id"], &gone["status"]), (&json!(IDS[0]), &json!(0)));
    gate.open();

    let log = gateway.stop();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let asked: Vec<&Value> = lines.iter().filter(|line| line["message"] == "request").collect();
    assert_eq!(asked.len(), requests, "{log}");
    asked.iter().for_each(|line| check(line));
    let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
    for line in &asked {
        *ends.entry(line["end_reason"].as_str().unwrap()).or_default() += 1;
    }
    let expected = [
        ("client_closed", 1),
        ("completed", 6),
        ("incomplete", 1),
        ("invalid_api_key", 2),
        ("invalid_request", 1),
        ("invalid_request_error", 2),
        ("method_not_allowed", 1),
        ("model_not_found", 1),
        ("server_overloaded", 1),
        ("unknown_url", 1),
    ];
    assert_eq!(ends, BTreeMap::from(expected));
    // Who called is known wherever a key was, also where the key has no name; and no key is in the log.
    for line in asked {
        let key = match (line["status"].as_u64().unwrap(), line["stream"].as_bool().unwrap()) {
            (401, _) => None,
            (200, _) if ["health", "ready"].contains(&line["route"].as_str().unwrap()) => None,
            (_, true) if line.get("key").is_none() => Some((IDS[1], None)),
            _ => Some((IDS[0], Some("team-a"))),
        };
        assert_eq!(line.get("key_id").and_then(Value::as_str), key.map(|(id, _)| id), "{line}");
        assert_eq!(line.get("key").and_then(Value::as_str), key.and_then(|(_, name)| name), "{line}");
    }
    assert!(!log.contains("sk-"), "{log}");
    // Every line is numbered, so that one that is taken out or moved is noticed.
    let numbers: Vec<u64> = lines.iter().map(|line| line["sequence"].as_u64().unwrap()).collect();
    assert!(numbers.iter().copied().eq((1..).take(numbers.len())), "{numbers:?}");
}
