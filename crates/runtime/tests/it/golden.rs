//! The golden matrix: each file of `fixtures/chat` is one request, the exact body that reaches Bedrock, and the exact
//! answers to Bedrock's replies and streams.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use bedrock_emulator::{Config, Emulator, Reply};
use serde_json::{Value, json};

use crate::support::{Gateway, params_for, workspace};

/// Rules of translation that need more than one exchange, and the tests that hold them.
const ELSEWHERE: &[(u32, &str)] = &[
    (22, "tools_that_a_model_does_not_take_are_bedrocks_to_refuse"),
    (63, "a_refused_schema_is_asked_for_by_a_tool_and_remembered"),
    (77, "the_same_request_leaves_in_the_same_bytes"),
    (79, "the_trace_comes_back_where_the_manifest_asks_for_it"),
    (80, "a_request_brings_its_own_guardrail_only_where_the_manifest_lets_it"),
    (82, "what_a_guardrail_blocks_ends_as_a_content_filter"),
    (83, "the_trace_comes_back_where_the_manifest_asks_for_it"),
    (90, "ids_of_requests_are_the_clients_own_where_they_fit"),
    (91, "f17_a_body_that_ends_early"),
    (96, "f25_an_exception_in_the_middle"),
    (97, "f24_an_exception_at_the_start"),
    (98, "f26_an_end_without_a_stop"),
    (99, "f28_a_damaged_frame"),
    (100, "keep_alive_comments_bridge_a_silence"),
    (101, "f51_a_client_goes_in_the_middle"),
    (102, "a_client_that_does_not_read_holds_the_stream_back"),
    (103, "a_model_without_streamed_tools_answers_all_the_same"),
    (105, "the_same_request_leaves_in_the_same_bytes"),
    (106, "it_is_served_for_every_nova_model_with_keys_from_the_environment_or_a_file"),
    (107, "failures_before_the_head_are_tried_again_and_then_told"),
    (108, "failures_before_the_head_are_tried_again_and_then_told"),
    (109, "the_second_try_may_succeed"),
    (110, "previews_are_asked_for_by_name_and_of_claude_alone"),
    (111, "what_is_sent_is_signed_and_carries_nothing_of_the_client"),
];

/// The last rule that is about chats.
const LAST_RULE: u32 = 111;

struct Case {
    name: String,
    file: Value,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = std::fs::read_dir(workspace().join("fixtures/chat"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let file = serde_json::from_str(&std::fs::read_to_string(&path).unwrap());
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            Case { file: file.unwrap_or_else(|error| panic!("{}: {error}", path.display())), name }
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(cases.len() > 100, "the fixtures are gone");
    cases
}

/// One model for each case, which all lead to the emulator.
fn manifest(cases: &[Case], emulator: &Emulator) -> String {
    let mut manifest = String::from("version: v1\nkind: Spicepod\nname: golden\nmodels:\n");
    for Case { name, file } in cases {
        let model = file["model"].as_str().unwrap();
        let _ = write!(
            manifest,
            "  - from: 'bedrock:{model}'\n    name: {name}\n    params:\n      aws_region: us-east-1\n"
        );
        let own =
            file["params"].as_array().into_iter().flatten().map(|line| line.as_str().unwrap().to_owned());
        for line in params_for(emulator).into_iter().chain(own) {
            let _ = writeln!(manifest, "      {line}");
        }
    }
    manifest
}

#[tokio::test]
async fn every_case_is_translated_to_the_letter() {
    let emulator = Emulator::start(Config::default()).await.unwrap();
    let cases = cases();
    let gateway = Gateway::start(&manifest(&cases, &emulator), &[]);
    let mut wrong = String::new();
    for case in &cases {
        for difference in case.differences(&gateway, &emulator).await {
            let _ = writeln!(wrong, "{}: {difference}", case.name);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

impl Case {
    async fn differences(&self, gateway: &Gateway, emulator: &Emulator) -> Vec<String> {
        let mut found = self.whole(gateway, emulator).await;
        found.extend(self.streamed(gateway, emulator).await);
        found
    }

    fn request(&self, stream: bool) -> Value {
        let mut request = self.file["request"].clone();
        request["model"] = self.name.clone().into();
        if stream {
            request["stream"] = true.into();
            request["stream_options"] = json!({ "include_usage": true });
        }
        request
    }

    async fn whole(&self, gateway: &Gateway, emulator: &Emulator) -> Vec<String> {
        let before = emulator.requests().len();
        if let Some(reply) = self.file.get("reply") {
            // As text, because the order of what a model writes counts.
            let reply = Reply::text(200, &reply.to_string()).header("content-type", "application/json");
            emulator.push_for(self.file["model"].as_str().unwrap(), reply);
        }
        let answer = gateway.http.post(&self.request(false)).await;
        if let Some(refused) = self.file.get("refused") {
            let mut found = difference("refused", refused, &answer.json()["error"]);
            found.extend(difference("status", &json!(400), &json!(answer.status.as_u16())));
            found.extend(difference("calls", &json!(before), &json!(emulator.requests().len())));
            return found;
        }
        let mut found = difference("status", &json!(200), &json!(answer.status.as_u16()));
        if !found.is_empty() {
            found.push(answer.text().to_owned());
            return found;
        }
        let body = emulator.requests().pop().unwrap().body;
        found.extend(difference(
            "converse",
            &self.file["converse"],
            &json!(std::str::from_utf8(&body).unwrap()),
        ));
        for name in ["ignored", "adjusted"] {
            let expected = self.file.get(name).cloned().unwrap_or_else(|| json!(""));
            found.extend(difference(name, &expected, &json!(answer.header(&format!("x-spicerack-{name}")))));
        }
        if let Some(expected) = self.file.get("answer") {
            found.extend(difference("answer", expected, &without_identity(answer.json())));
        }
        found
    }

    /// The streaming twin: the same body, or the same refusal, and the stream's own chunks.
    async fn streamed(&self, gateway: &Gateway, emulator: &Emulator) -> Vec<String> {
        if let Some(events) = self.file.get("events").and_then(Value::as_array) {
            let reply = events
                .iter()
                .fold(Reply::events(), |reply, event| reply.event(event[0].as_str().unwrap(), &event[1]));
            emulator.push_for(self.file["model"].as_str().unwrap(), reply);
        }
        let answer = gateway.http.post(&self.request(true)).await;
        if let Some(refused) = self.file.get("refused") {
            return difference("refused stream", refused, &answer.json()["error"]);
        }
        if answer.status != 200 {
            return vec![format!("stream: {}", answer.text())];
        }
        let events = answer.events();
        let body = emulator.requests().pop().unwrap().body;
        let body = json!(std::str::from_utf8(&body).unwrap());
        let mut found = difference("converse of the stream", &self.file["converse"], &body);
        found.extend(difference("done", &json!(true), &json!(events.done)));
        if let Some(expected) = self.file.get("chunks") {
            let chunks: Value = events.chunks.into_iter().map(without_identity).collect();
            found.extend(difference("chunks", expected, &chunks));
        }
        found
    }
}

/// What changes from run to run, taken out.
fn without_identity(mut body: Value) -> Value {
    let members = body.as_object_mut().unwrap();
    for name in ["id", "created", "model"] {
        assert!(members.shift_remove(name).is_some(), "{name} is missing in {members:?}");
    }
    body
}

fn difference(what: &str, expected: &Value, found: &Value) -> Vec<String> {
    // Text against text, so that the order of keys counts as well.
    let (expected, found) = (expected.to_string(), found.to_string());
    if expected == found {
        return Vec::new();
    }
    vec![format!("{what}\n  expected {expected}\n  found    {found}")]
}

#[test]
fn every_rule_has_a_case_or_a_test() {
    let mut held: BTreeSet<u32> = ELSEWHERE.iter().map(|(rule, _)| *rule).collect();
    for case in cases() {
        held.extend(
            case.file["rules"]
                .as_array()
                .unwrap()
                .iter()
                .map(|rule| u32::try_from(rule.as_u64().unwrap()).unwrap()),
        );
    }
    let missing: Vec<u32> = (1..=LAST_RULE).filter(|rule| !held.contains(rule)).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut sources = std::fs::read_to_string(tests.join("faults/rows.rs")).unwrap();
    for entry in std::fs::read_dir(tests.join("it")).unwrap() {
        sources.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    for (rule, test) in ELSEWHERE {
        let (test, row) = (format!("fn {test}("), format!("\n    {test} \""));
        assert!(sources.contains(&test) || sources.contains(&row), "rule {rule}: there is no test {test}");
    }
}
