//! Answers in, bytes for the client out.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use chat::{Collector, Event, FinishReason, Metadata, Response, Usage};
use openai_api::{ApiError, ChunkEncoder, Identity, NotFinished, completion};
use serde_json::Value;
use serde_json::value::RawValue;

fn identity() -> Identity {
    Identity { id: "chatcmpl-1".into(), created: 7, model: "no\"va".into() }
}

fn usage() -> Usage {
    Usage { input_tokens: 5, output_tokens: 3, cache_read_tokens: 2, cache_write_tokens: 1 }
}

fn encode(events: &[Event], include_usage: bool) -> String {
    let mut encoder = ChunkEncoder::new(&identity(), include_usage);
    let mut out = Vec::new();
    for event in events {
        encoder.push(event, &mut out);
    }
    encoder.done(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn answer(trace: Option<&str>) -> Vec<Event> {
    let guardrail_trace = trace.map(|trace| RawValue::from_string(trace.to_owned()).unwrap());
    vec![
        Event::Started,
        Event::Text("Hel".into()),
        Event::Text(String::new()),
        Event::Text("lo\n".into()),
        Event::Finished(FinishReason::Length),
        Event::Metadata(Box::new(Metadata { usage: Some(usage()), guardrail_trace })),
    ]
}

#[test]
fn a_stream_is_exactly_these_bytes() {
    let head = r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"no\"va","choices":"#;
    let chunk = |delta: &str, reason: &str| {
        format!(r#"{head}[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{reason}}}]}}"#)
    };
    let expected = [
        chunk(r#"{"role":"assistant","content":""}"#, "null"),
        chunk(r#"{"content":"Hel"}"#, "null"),
        chunk(r#"{"content":"lo\n"}"#, "null"),
        chunk("{}", r#""length""#),
        "data: [DONE]".to_owned(),
        String::new(),
    ];
    assert_eq!(encode(&answer(None), false), expected.join("\n\n"));
}

#[test]
fn usage_and_trace_come_in_one_last_chunk_without_choices() {
    let text = encode(&answer(Some("{\"actionReason\":\n\"x\"}")), true);
    let events: Vec<&str> = text.split("\n\n").collect();
    assert_eq!(events.len(), 7);
    for event in &events[..4] {
        assert!(event.ends_with(r#","usage":null}"#), "{event}");
    }
    let usage = r#""choices":[],"usage":{"prompt_tokens":8,"completion_tokens":3,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":2}},"bedrock":{"trace":{"guardrail":{"actionReason": "x"}}}}"#;
    assert!(events[4].ends_with(usage), "{}", events[4]);
    let unasked = encode(&answer(Some("{}")), false);
    assert!(unasked.contains(r#""choices":[],"bedrock":{"trace":{"guardrail":{}}}}"#), "{unasked}");
    assert!(!unasked.contains("usage"), "{unasked}");
    let silent = encode(&answer(None), false);
    assert!(!silent.contains("usage"), "{silent}");
}

#[test]
fn an_answer_without_an_end_is_never_done() {
    let mut encoder = ChunkEncoder::new(&identity(), false);
    let mut out = Vec::new();
    encoder.push(&Event::Started, &mut out);
    encoder.push(&Event::Text("half".into()), &mut out);
    let before = out.len();
    assert_eq!(encoder.done(&mut out), Err(NotFinished));
    assert_eq!(out.len(), before);
}

#[test]
fn a_failed_stream_ends_with_the_error_alone() {
    let mut encoder = ChunkEncoder::new(&identity(), true);
    let mut out = Vec::new();
    encoder.push(&Event::Started, &mut out);
    out.clear();
    encoder.error(&ApiError::shutting_down(), &mut out);
    let text = String::from_utf8(out).unwrap();
    let body: Value = serde_json::from_str(text.strip_prefix("data: ").unwrap().trim_end()).unwrap();
    assert_eq!(body["error"]["code"], "server_shutting_down");
    assert!(text.ends_with("}}\n\n") && text.matches("data:").count() == 1, "{text}");
}

#[test]
fn text_cannot_break_out_of_its_event() {
    let hostile = "data: [DONE]\n\nevent: x\r\r\u{2028}\u{2029}\u{85}\0";
    let events = [Event::Started, Event::Text(hostile.into()), Event::Finished(FinishReason::Stop)];
    let text = encode(&events, false);
    assert_eq!(text.split("\n\n").filter(|event| !event.is_empty()).count(), 4);
    let chunk = text.split("\n\n").nth(1).unwrap();
    assert_eq!(chunk.lines().count(), 1);
    let json: Value = serde_json::from_str(chunk.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(json["choices"][0]["delta"]["content"], hostile);
}

#[test]
fn a_whole_answer_has_every_member_that_openai_requires() {
    let response = Response {
        text: Some("Hello\n".into()),
        finish_reason: FinishReason::ContentFilter,
        usage: Some(usage()),
        guardrail_trace: Some(RawValue::from_string("{\"a\":1}".into()).unwrap()),
    };
    let expected = concat!(
        r#"{"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"no\"va","#,
        r#""choices":[{"index":0,"message":{"role":"assistant","content":"Hello\n","refusal":null},"logprobs":null,"finish_reason":"content_filter"}],"#,
        r#""usage":{"prompt_tokens":8,"completion_tokens":3,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":2}},"#,
        r#""bedrock":{"trace":{"guardrail":{"a":1}}}}"#,
    );
    assert_eq!(String::from_utf8(completion(&identity(), &response)).unwrap(), expected);
    let bare = Response { text: None, usage: None, guardrail_trace: None, ..response };
    let body: Value = serde_json::from_slice(&completion(&identity(), &bare)).unwrap();
    assert_eq!(body["choices"][0]["message"]["content"], Value::Null);
    assert!(body.get("usage").is_none() && body.get("bedrock").is_none());
}

#[test]
fn the_chunks_put_together_are_the_whole_answer() {
    let events = answer(None);
    let mut collector = Collector::default();
    events.iter().cloned().for_each(|event| collector.push(event));
    let whole: Value =
        serde_json::from_slice(&completion(&identity(), &collector.finish().unwrap())).unwrap();
    let text = encode(&events, true);
    let chunks: Vec<Value> = text
        .split("\n\n")
        .filter_map(|event| serde_json::from_str(event.strip_prefix("data: ")?).ok())
        .collect();
    let joined: String =
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(whole["choices"][0]["message"]["content"], joined.as_str());
    assert_eq!(chunks.iter().filter(|chunk| chunk["choices"][0]["finish_reason"].is_string()).count(), 1);
    assert_eq!(chunks.last().unwrap()["usage"], whole["usage"]);
}
