//! Guardrails: sent with every call, and never switched off by a client.

use bedrock_emulator::{BLOCKED_IN_ANSWERS, BLOCKED_IN_PROMPTS};
use serde_json::json;

use crate::support::{Gateway, hello, hello_streamed};

const GUARDED: [&str; 2] = ["bedrock_guardrail_identifier: abc123", "bedrock_guardrail_version: DRAFT"];

#[tokio::test]
async fn what_a_guardrail_blocks_ends_as_a_content_filter() {
    let (gateway, emulator) = Gateway::with_emulator(&GUARDED).await;
    let answer = gateway.http.post(&hello(BLOCKED_IN_PROMPTS)).await.json();
    assert_eq!(answer["choices"][0]["finish_reason"], "content_filter");
    assert!(answer.get("bedrock").is_none(), "{answer}");
    let events = gateway.http.post(&hello_streamed(BLOCKED_IN_PROMPTS)).await.events();
    assert!(events.done);
    assert_eq!(events.finish_reasons(), ["content_filter"]);
    assert_eq!(events.content(), answer["choices"][0]["message"]["content"].as_str().unwrap());
    let expected = json!({ "guardrailIdentifier": "abc123", "guardrailVersion": "DRAFT" });
    for request in emulator.requests() {
        let config = &request.json()["guardrailConfig"];
        assert_eq!(
            (&config["guardrailIdentifier"], &config["guardrailVersion"]),
            (&expected["guardrailIdentifier"], &expected["guardrailVersion"])
        );
    }
}

#[tokio::test]
async fn the_trace_comes_back_where_the_manifest_asks_for_it() {
    let params = [GUARDED[0], GUARDED[1], "bedrock_trace: enabled"];
    let (gateway, _emulator) = Gateway::with_emulator(&params).await;
    let prompt = format!("say {BLOCKED_IN_ANSWERS}");
    let answer = gateway.http.post(&hello(&prompt)).await.json();
    assert_eq!(answer["choices"][0]["finish_reason"], "content_filter");
    let trace = &answer["bedrock"]["trace"]["guardrail"];
    assert!(trace.to_string().contains(BLOCKED_IN_ANSWERS), "{answer}");
    let mut body = hello_streamed(&prompt);
    body["stream_options"] = json!({ "include_usage": true });
    let events = gateway.http.post(&body).await.events();
    let last = events.chunks.last().unwrap();
    assert_eq!((&last["choices"], &last["bedrock"]["trace"]["guardrail"]), (&json!([]), trace));
    assert_eq!(last["usage"], answer["usage"]);
}

#[tokio::test]
async fn a_request_brings_its_own_guardrail_only_where_the_manifest_lets_it() {
    let mut body = hello("hi");
    body["guardrail"] = json!({ "identifier": "abc123", "version": "1" });
    let (gateway, emulator) = Gateway::with_emulator(&GUARDED).await;
    gateway.http.post(&body).await.error((
        400,
        "invalid_request_error",
        Some("invalid_request"),
        Some("guardrail"),
    ));
    assert!(emulator.requests().is_empty());

    let (gateway, emulator) =
        Gateway::with_emulator(&[GUARDED[0], GUARDED[1], "bedrock_guardrail_override: allowed"]).await;
    assert_eq!(gateway.http.post(&body).await.status, 200);
    assert_eq!(emulator.requests()[0].json()["guardrailConfig"]["guardrailVersion"], "1");
    // None of these switches it off.
    for off in [
        json!({ "identifier": "", "version": "" }),
        json!({ "identifier": "abc123" }),
        json!(false),
        json!("off"),
    ] {
        body["guardrail"] = off.clone();
        assert_eq!(gateway.http.post(&body).await.status, 400, "{off}");
    }
    body["guardrail"] = json!(null);
    assert_eq!(gateway.http.post(&body).await.status, 200);
    assert_eq!(emulator.requests()[1].json()["guardrailConfig"]["guardrailVersion"], "DRAFT");
}

#[tokio::test]
async fn the_stream_mode_is_sent_for_streams_alone() {
    let (gateway, emulator) =
        Gateway::with_emulator(&[GUARDED[0], GUARDED[1], "bedrock_guardrail_stream_mode: async"]).await;
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
    assert!(gateway.http.post(&hello_streamed("hi")).await.events().done);
    let requests = emulator.requests();
    assert_eq!(requests[0].json()["guardrailConfig"].get("streamProcessingMode"), None);
    assert_eq!(requests[1].json()["guardrailConfig"]["streamProcessingMode"], "async");
}
