//! Answers in, bytes for the client out.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed one fails the test")]

use chat::{Collector, Event, FinishReason, Metadata, RawJson, Reasoning, Response, ToolCall, Usage};
use openai_api::{ApiError, ChunkEncoder, Identity, NotFinished, completion};
use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;

fn identity() -> Identity {
    Identity { id: "chatcmpl-1".into(), created: 7, model: "no\"va".into() }
}

fn usage() -> Usage {
    Usage { input_tokens: 5, output_tokens: 3, cache_read_tokens: 2, cache_write_tokens: 1 }
}

fn encode(events: &[Event], include_usage: bool) -> String {
    encode_for(events, include_usage, false)
}

fn encode_for(events: &[Event], include_usage: bool, legacy_functions: bool) -> String {
    let mut encoder = ChunkEncoder::new(&identity(), include_usage, legacy_functions);
    let mut out = Vec::new();
    for event in events {
        encoder.push(event, &mut out);
    }
    encoder.done(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn answer(trace: Option<&str>) -> Vec<Event> {
    let guardrail_trace = trace.map(|trace| RawValue::from_string(trace.to_owned()).unwrap());
    let metadata = Metadata { usage: Some(usage()), guardrail_trace, ..Metadata::default() };
    vec![
        Event::Started,
        Event::Text("Hel".into()),
        Event::Text(String::new()),
        Event::Text("lo\n".into()),
        Event::Finished(FinishReason::Length),
        Event::Metadata(Box::new(metadata)),
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
    let usage = r#""choices":[],"usage":{"prompt_tokens":8,"completion_tokens":3,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":2,"cache_write_tokens":1}},"bedrock":{"trace":{"guardrail":{"actionReason": "x"}}}}"#;
    assert!(events[4].ends_with(usage), "{}", events[4]);
    let unasked = encode(&answer(Some("{}")), false);
    assert!(unasked.contains(r#""choices":[],"bedrock":{"trace":{"guardrail":{}}}}"#), "{unasked}");
    assert!(!unasked.contains("usage"), "{unasked}");
    let silent = encode(&answer(None), false);
    assert!(!silent.contains("usage"), "{silent}");
}

#[test]
fn an_answer_without_an_end_is_never_done() {
    let mut encoder = ChunkEncoder::new(&identity(), false, false);
    let mut out = Vec::new();
    encoder.push(&Event::Started, &mut out);
    encoder.push(&Event::Text("half".into()), &mut out);
    let before = out.len();
    assert_eq!(encoder.done(&mut out), Err(NotFinished));
    assert_eq!(out.len(), before);
}

#[test]
fn a_failed_stream_ends_with_the_error_alone() {
    let mut encoder = ChunkEncoder::new(&identity(), true, false);
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
        reasoning: Vec::new(),
        text: Some("Hello\n".into()),
        tool_calls: Vec::new(),
        finish_reason: FinishReason::ContentFilter,
        metadata: Metadata {
            usage: Some(usage()),
            guardrail_trace: Some(RawValue::from_string("{\"a\":1}".into()).unwrap()),
            ..Metadata::default()
        },
    };
    let expected = concat!(
        r#"{"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"no\"va","#,
        r#""choices":[{"index":0,"message":{"role":"assistant","content":"Hello\n","refusal":null},"logprobs":null,"finish_reason":"content_filter"}],"#,
        r#""usage":{"prompt_tokens":8,"completion_tokens":3,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":2,"cache_write_tokens":1}},"#,
        r#""bedrock":{"trace":{"guardrail":{"a":1}}}}"#,
    );
    assert_eq!(String::from_utf8(completion(&identity(), &response, false)).unwrap(), expected);
    let bare = Response { text: None, metadata: Metadata::default(), ..response };
    let body: Value = serde_json::from_slice(&completion(&identity(), &bare, false)).unwrap();
    assert_eq!(body["choices"][0]["message"]["content"], Value::Null);
    assert!(body.get("usage").is_none() && body.get("bedrock").is_none());
}

/// An answer that thinks, speaks and calls.
fn acting() -> Vec<Event> {
    let thinking = |text: &str, signature: Option<&str>| {
        Event::Reasoning(Reasoning::Thinking { text: text.into(), signature: signature.map(Into::into) })
    };
    let arguments = |index, piece: &str| Event::ToolArguments { index, piece: piece.into() };
    let metadata = Metadata {
        usage: Some(usage()),
        guardrail_trace: None,
        service_tier: Some("flex".into()),
        latency: Some("optimized".into()),
    };
    vec![
        Event::Started,
        Event::ReasoningText("a".into()),
        Event::ReasoningText(String::new()),
        Event::ReasoningText("\"b".into()),
        thinking("a\"b", Some("sig")),
        Event::Reasoning(Reasoning::Redacted("eA==".into())),
        thinking("whole", None),
        thinking("", Some("t")),
        Event::Text("Hi".into()),
        Event::ToolCall { index: 0, id: "x".into(), name: "f\"".into() },
        arguments(0, ""),
        arguments(0, "{ \"b"),
        arguments(0, " c\" : 1.0,\n"),
        arguments(0, " "),
        Event::ToolCall { index: 1, id: "y".into(), name: "g".into() },
        arguments(0, "\"a\": \" \\\"\"}"),
        arguments(7, "{}"),
        Event::Finished(FinishReason::ToolCalls),
        Event::Metadata(Box::new(metadata)),
    ]
}

/// The deltas and the finish reasons of a stream.
fn deltas(text: &str) -> Vec<String> {
    let (start, end) = ("\"delta\":", ",\"logprobs\":null,\"finish_reason\":");
    text.split("\n\n")
        .filter_map(|event| event.split_once(start)?.1.split_once(end))
        .map(|(delta, rest)| if delta == "{}" { rest.split('}').next().unwrap() } else { delta }.to_owned())
        .collect()
}

#[test]
fn a_stream_of_thoughts_and_calls_is_exactly_these_deltas() {
    let expected = [
        r#"{"role":"assistant","content":""}"#,
        r#"{"reasoning_content":"a"}"#,
        r#"{"reasoning_content":"\"b"}"#,
        r#"{"thinking_blocks":[{"index":0,"type":"thinking","thinking":"a\"b","signature":"sig"}]}"#,
        r#"{"thinking_blocks":[{"index":1,"type":"redacted_thinking","data":"eA=="}]}"#,
        r#"{"reasoning_content":"whole"}"#,
        r#"{"thinking_blocks":[{"index":2,"type":"thinking","thinking":"whole"}]}"#,
        r#"{"thinking_blocks":[{"index":3,"type":"thinking","thinking":"","signature":"t"}]}"#,
        r#"{"content":"Hi"}"#,
        r#"{"tool_calls":[{"index":0,"id":"x","type":"function","function":{"name":"f\"","arguments":""}}]}"#,
        r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"b"}}]}"#,
        r#"{"tool_calls":[{"index":0,"function":{"arguments":" c\":1.0,"}}]}"#,
        r#"{"tool_calls":[{"index":1,"id":"y","type":"function","function":{"name":"g","arguments":""}}]}"#,
        r#"{"tool_calls":[{"index":0,"function":{"arguments":"\"a\":\" \\\"\"}"}}]}"#,
        r#"{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}"#,
        r#""tool_calls""#,
    ];
    let text = encode(&acting(), true);
    assert_eq!(deltas(&text), expected);
    let last = text.split("\n\n").nth(expected.len()).unwrap();
    assert!(last.contains(r#""choices":[],"service_tier":"flex","usage":{"prompt_tokens":8,"#), "{last}");
    assert!(last.ends_with(r#""bedrock":{"performance_config":{"latency":"optimized"}}}"#), "{last}");
    // Without usage or trace no client waits for a chunk without choices.
    assert!(!encode(&acting(), false).contains("\"choices\":[]"));
}

#[test]
fn an_older_client_is_told_of_one_function() {
    let expected = [
        r#"{"content":"Hi"}"#,
        r#"{"function_call":{"name":"f\"","arguments":""}}"#,
        r#"{"function_call":{"arguments":"{\"b"}}"#,
        r#"{"function_call":{"arguments":" c\":1.0,"}}"#,
        r#"{"function_call":{"arguments":"\"a\":\" \\\"\"}"}}"#,
        r#""function_call""#,
    ];
    assert_eq!(deltas(&encode_for(&acting(), false, true))[8..], expected);
    let mut collector = Collector::default();
    acting().into_iter().for_each(|event| collector.push(event));
    let body = completion(&identity(), &collector.finish().unwrap(), true);
    let body: Value = serde_json::from_slice(&body).unwrap();
    let choice = &body["choices"][0];
    assert_eq!(choice["finish_reason"], "function_call");
    assert_eq!(choice["message"]["function_call"]["arguments"], r#"{"b c":1.0,"a":" \""}"#);
    assert!(choice["message"].get("tool_calls").is_none());
}

#[test]
fn a_whole_answer_has_thoughts_calls_tier_and_latency() {
    let call = |id: &str, arguments: &str| ToolCall {
        id: id.into(),
        name: "f".into(),
        arguments: RawJson::parse(arguments).unwrap(),
        cache: None,
    };
    let response = Response {
        reasoning: vec![
            Reasoning::Thinking { text: "a".into(), signature: Some("s".into()) },
            Reasoning::Redacted("eA==".into()),
            Reasoning::Thinking { text: "b".into(), signature: None },
        ],
        text: None,
        tool_calls: vec![call("x", "{ \"z\": 1.50, \"a\": [ ] }"), call("y", "{}")],
        finish_reason: FinishReason::ToolCalls,
        metadata: Metadata {
            service_tier: Some("priority".into()),
            latency: Some("standard".into()),
            ..Metadata::default()
        },
    };
    let expected = concat!(
        r#""choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":null,"reasoning_content":"ab","#,
        r#""thinking_blocks":[{"type":"thinking","thinking":"a","signature":"s"},{"type":"redacted_thinking","data":"eA=="},{"type":"thinking","thinking":"b"}],"#,
        r#""tool_calls":[{"id":"x","type":"function","function":{"name":"f","arguments":"{\"z\":1.50,\"a\":[]}"}},{"id":"y","type":"function","function":{"name":"f","arguments":"{}"}}]},"#,
        r#""logprobs":null,"finish_reason":"tool_calls"}],"service_tier":"priority","bedrock":{"performance_config":{"latency":"standard"}}}"#,
    );
    let body = String::from_utf8(completion(&identity(), &response, false)).unwrap();
    assert!(body.ends_with(expected), "{body}");
}

/// Puts a stream together as clients do.
fn joined(text: &str) -> Value {
    let chunks: Vec<Value> = text
        .split("\n\n")
        .filter_map(|event| serde_json::from_str(event.strip_prefix("data: ")?).ok())
        .collect();
    let deltas = || chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]);
    let all = |member: &str| deltas().filter_map(|delta| delta[member].as_str()).collect::<String>();
    let list = |member: &str| {
        deltas().filter_map(|delta| delta[member].as_array()).flatten().cloned().collect::<Vec<_>>()
    };
    let mut calls: Vec<Value> = Vec::new();
    for mut piece in list("tool_calls") {
        let index = piece.as_object_mut().unwrap().remove("index").unwrap().as_u64().unwrap();
        match calls.get_mut(usize::try_from(index).unwrap()) {
            Some(call) => {
                let arguments = &mut call["function"]["arguments"];
                *arguments = format!(
                    "{}{}",
                    arguments.as_str().unwrap(),
                    piece["function"]["arguments"].as_str().unwrap()
                )
                .into();
            }
            None => calls.push(piece),
        }
    }
    let mut blocks = list("thinking_blocks");
    for (place, block) in blocks.iter_mut().enumerate() {
        assert_eq!(block.as_object_mut().unwrap().shift_remove("index"), Some(place.into()));
    }
    serde_json::json!({
        "content": all("content"), "reasoning_content": all("reasoning_content"),
        "thinking_blocks": blocks, "tool_calls": calls,
        "finish_reason": chunks.iter().find_map(|chunk| chunk["choices"][0]["finish_reason"].as_str()),
        "last": chunks.last().map(|chunk| [&chunk["usage"], &chunk["service_tier"], &chunk["bedrock"]]),
    })
}

fn whole(events: &[Event]) -> Value {
    let mut collector = Collector::default();
    events.iter().cloned().for_each(|event| collector.push(event));
    let body = completion(&identity(), &collector.finish().unwrap(), false);
    let body: Value = serde_json::from_slice(&body).unwrap();
    let choice = &body["choices"][0];
    let text = |member: &str| choice["message"][member].as_str().unwrap_or_default();
    let list = |member: &str| choice["message"][member].as_array().cloned().unwrap_or_default();
    serde_json::json!({
        "content": text("content"), "reasoning_content": text("reasoning_content"),
        "thinking_blocks": list("thinking_blocks"), "tool_calls": list("tool_calls"),
        "finish_reason": choice["finish_reason"],
        "last": [&body["usage"], &body["service_tier"], &body["bedrock"]],
    })
}

#[test]
fn the_chunks_put_together_are_the_whole_answer() {
    for events in [answer(None), answer(Some("{\"a\":1}")), acting()] {
        assert_eq!(joined(&encode(&events, true)), whole(&events));
    }
}

fn event() -> impl Strategy<Value = Event> {
    let text = "[ {}\"a\\\n\r\0\u{85}\u{2028}é\u{1f642}]{0,5}";
    let reason =
        prop_oneof![Just(FinishReason::ToolCalls), Just(FinishReason::Stop), Just(FinishReason::Length)];
    let trace = prop_oneof![Just(None), Just(Some("{\r\n\"a\" :\n[\"\u{2028}\"]\n}"))];
    prop_oneof![
        Just(Event::Started),
        text.prop_map(Event::Text),
        text.prop_map(Event::ReasoningText),
        text.prop_map(|text| Event::Reasoning(Reasoning::Thinking { text, signature: None })),
        (0usize..4, text).prop_map(|(index, name)| Event::ToolCall { index, id: "x".into(), name }),
        (0usize..4, text).prop_map(|(index, piece)| Event::ToolArguments { index, piece }),
        text.prop_map(|data| Event::Reasoning(Reasoning::Redacted(data))),
        reason.prop_map(Event::Finished),
        trace.prop_map(|trace| answer(trace).pop().unwrap()),
    ]
}

proptest! {
    #[test]
    fn any_sequence_of_events_gives_chunks_that_end_once(
        events in proptest::collection::vec(event(), 0..20), usage in any::<bool>(), legacy in any::<bool>(),
    ) {
        let mut encoder = ChunkEncoder::new(&identity(), usage, legacy);
        let mut out = Vec::new();
        events.iter().for_each(|event| encoder.push(event, &mut out));
        let text = String::from_utf8(out).unwrap();
        prop_assert!(text.is_empty() || text.ends_with("\n\n"));
        let mut ends = 0;
        for event in text.split_terminator("\n\n") {
            let data = event.strip_prefix("data: ").unwrap();
            prop_assert!(!data.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']), "{:?}", data);
            let chunk: Value = serde_json::from_str(data).unwrap();
            ends += usize::from(chunk["choices"][0]["finish_reason"].is_string());
        }
        prop_assert!(ends <= 1);
    }

    #[test]
    fn calls_arrive_whole_however_their_arguments_are_cut(cuts in proptest::collection::vec(1usize..6, 0..9)) {
        let arguments = "{ \"a b\" : [ 1.0 , \"\\\\\" ],\n\"c\":{} }";
        let mut events = vec![Event::Started, Event::ToolCall { index: 0, id: "x".into(), name: "f".into() }];
        let mut rest = arguments;
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            events.push(Event::ToolArguments { index: 0, piece: piece.into() });
            rest = after;
        }
        events.push(Event::ToolArguments { index: 0, piece: rest.into() });
        events.push(Event::Finished(FinishReason::ToolCalls));
        events.push(Event::Metadata(Box::new(Metadata { usage: Some(usage()), ..Metadata::default() })));
        let whole = whole(&events);
        prop_assert_eq!(&whole["tool_calls"][0]["function"]["arguments"], "{\"a b\":[1.0,\"\\\\\"],\"c\":{}}");
        prop_assert_eq!(joined(&encode(&events, true)), whole);
    }
}
