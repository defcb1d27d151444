//! Replies of `Converse`, and the same answers as streams: both must come to the same.

use chat::{Collector, FinishReason, Response};
use serde_json::{Value, json};

use super::*;

fn restore() -> Restore {
    Restore::default()
}

fn with_output() -> Restore {
    Restore { output_tool: Some("json_output".into()), ..restore() }
}

/// What is compared of two answers.
fn shown(response: &Response) -> String {
    let Response { reasoning, text, tool_calls, finish_reason, metadata } = response;
    let trace = metadata.guardrail_trace.as_ref().map(|trace| trace.get());
    let (tier, latency) = (&metadata.service_tier, &metadata.latency);
    format!(
        "{reasoning:?} {text:?} {tool_calls:?} {finish_reason:?} {:?} {trace:?} {tier:?} {latency:?}",
        metadata.usage
    )
}

/// The frames that Bedrock would have sent for a reply.
fn frames(reply: &Value) -> Vec<(&'static str, Value)> {
    let mut frames = vec![("messageStart", json!({ "role": "assistant" }))];
    let blocks = reply["output"]["message"]["content"].as_array().unwrap();
    for (index, block) in blocks.iter().enumerate() {
        let mut delta = |delta: Value| {
            frames.push(("contentBlockDelta", json!({ "contentBlockIndex": index, "delta": delta })));
        };
        if let Some(text) = block["text"].as_str() {
            let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
            let (head, tail) = text.split_at(middle);
            delta(json!({ "text": head }));
            delta(json!({ "text": tail }));
        } else if let Some(call) = block.get("toolUse") {
            let mut start = call.clone();
            start.as_object_mut().unwrap().remove("input");
            let start = json!({ "contentBlockIndex": index, "start": { "toolUse": start } });
            frames.push(("contentBlockStart", start));
            let input = call["input"].to_string();
            let (head, tail) = input.split_at(input.len() / 2);
            for piece in [head, "", tail].into_iter().filter(|_| input != "{}") {
                let delta = json!({ "toolUse": { "input": piece } });
                frames.push(("contentBlockDelta", json!({ "contentBlockIndex": index, "delta": delta })));
            }
        } else if let Some(thoughts) = block["reasoningContent"].get("reasoningText") {
            delta(json!({ "reasoningContent": { "text": thoughts["text"] } }));
            if let Some(signature) = thoughts.get("signature") {
                delta(json!({ "reasoningContent": { "signature": signature } }));
            }
        } else if let Some(data) = block["reasoningContent"].get("redactedContent") {
            delta(json!({ "reasoningContent": { "redactedContent": data } }));
        } else if let Some(cited) = block.get("citationsContent") {
            for piece in cited["content"].as_array().unwrap() {
                delta(piece.clone());
            }
            delta(json!({ "citation": { "title": "t" } }));
        } else {
            frames.push(("contentBlockStart", json!({ "contentBlockIndex": index, "start": { "new": {} } })));
        }
        frames.push(("contentBlockStop", json!({ "contentBlockIndex": index })));
    }
    frames.push(("messageStop", json!({ "stopReason": reply["stopReason"] })));
    let mut last = reply.clone();
    last.as_object_mut().unwrap().retain(|key, _| !matches!(key.as_str(), "output" | "stopReason"));
    frames.push(("metadata", last));
    frames
}

fn streamed(reply: &Value, restore: &Restore) -> Response {
    let mut translator = EventTranslator::new(restore.clone());
    let mut collector = Collector::default();
    for (event_type, payload) in frames(reply) {
        translator.push(event_type, payload.to_string().as_bytes()).unwrap();
        while let Some(event) = translator.pop() {
            collector.push(event);
        }
    }
    collector.finish().unwrap()
}

/// The whole answer, and the proof that a stream of it comes to the same.
fn answered(content: Value, stop: &str, restore: &Restore) -> Response {
    let mut reply = json!({
        "metrics": { "latencyMs": 1 },
        "output": { "message": { "role": "assistant" } },
        "stopReason": stop,
        "usage": {
            "inputTokens": 13, "outputTokens": 5, "totalTokens": 1522, "serverToolUsage": {},
            "cacheReadInputTokens": 1504, "cacheWriteInputTokens": 0, "cacheReadInputTokenCount": 1504,
        },
        "serviceTier": { "type": "flex" },
        "performanceConfig": { "latency": "optimized" },
        "trace": { "guardrail": { "b": 1, "a": [1.0] } },
    });
    reply["output"]["message"]["content"] = content;
    let (response, _) = response(reply.to_string().as_bytes(), restore).unwrap();
    assert_eq!(shown(&response), shown(&streamed(&reply, restore)), "{reply}");
    response
}

#[test]
fn texts_are_joined_and_what_is_known_besides_is_told() {
    let response = answered(json!([{ "text": "one " }, { "text": "two" }]), "end_turn", &restore());
    assert_eq!(response.text.as_deref(), Some("one two"));
    assert_eq!(response.finish_reason, FinishReason::Stop);
    let usage = response.metadata.usage.unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens, usage.cache_read_tokens), (13, 5, 1504));
    assert_eq!(response.metadata.service_tier.as_deref(), Some("flex"));
    assert_eq!(response.metadata.latency.as_deref(), Some("optimized"));
    assert_eq!(response.metadata.guardrail_trace.unwrap().get(), r#"{"b":1,"a":[1.0]}"#);
}

#[test]
fn calls_keep_their_text_order_and_names() {
    let restore =
        Restore { names: [("get_weather".to_owned(), "get-weather".to_owned())].into(), ..restore() };
    let content = json!([
        { "text": "<thinking> two </thinking> " },
        { "toolUse": { "toolUseId": "t1", "name": "get_weather", "input": { "z": 1, "a": 2.50 } } },
        { "toolUse": { "toolUseId": "functions.f:0", "name": "f", "input": {} } },
    ]);
    for stop in ["tool_use", "end_turn"] {
        let response = answered(content.clone(), stop, &restore);
        assert_eq!(response.finish_reason, FinishReason::ToolCalls, "{stop}");
        assert_eq!(response.text.as_deref(), Some("<thinking> two </thinking> "));
        let calls: Vec<_> =
            response.tool_calls.iter().map(|c| (&*c.id, &*c.name, c.arguments.get())).collect();
        assert_eq!(calls, [("t1", "get-weather", r#"{"z":1,"a":2.5}"#), ("functions.f:0", "f", "{}")]);
    }
}

#[test]
fn content_that_is_null_is_none() {
    let reply = br#"{"output":{"message":{"role":"assistant","content":null}},"stopReason":"end_turn"}"#;
    let (response, _) = response(reply, &restore()).unwrap();
    assert_eq!((response.text, response.finish_reason), (None, FinishReason::Stop));
}

#[test]
fn arguments_of_a_whole_reply_stay_byte_for_byte() {
    let reply = br#"{"output":{"message":{"content":[{"toolUse":{"toolUseId":"t","name":"f","input":{"b":1.0,"a":1e2}}},{"toolUse":{"toolUseId":"u","name":"g","input":null}}]}},"stopReason":"tool_use"}"#;
    let (response, _) = response(reply, &restore()).unwrap();
    assert_eq!(response.tool_calls[0].arguments.get(), r#"{"b":1.0,"a":1e2}"#);
    assert_eq!(response.tool_calls[1].arguments.get(), "{}");
}

#[test]
fn thoughts_are_kept_in_order_with_their_signatures() {
    let content = json!([
        { "reasoningContent": { "reasoningText": { "text": "a", "signature": "c2ln" } } },
        { "reasoningContent": { "redactedContent": "cmVk" } },
        { "reasoningContent": { "reasoningText": { "text": "b" } } },
        { "reasoningContent": { "reasoningText": { "text": "", "signature": "c2ln" } } },
        { "text": "x" },
    ]);
    let response = answered(content, "end_turn", &restore());
    let unsigned = Reasoning::Thinking { text: "b".into(), signature: None };
    let redacted = Reasoning::Redacted("cmVk".into());
    assert_eq!(response.reasoning, [signed("a", "c2ln"), redacted, unsigned, signed("", "c2ln")]);
    assert_eq!(response.text.as_deref(), Some("x"));
}

#[test]
fn no_text_is_none() {
    let content = json!([{ "reasoningContent": { "reasoningText": { "text": "only" } } }]);
    assert_eq!(answered(content, "end_turn", &restore()).text, None);
}

#[test]
fn cited_text_is_text_and_the_unknown_is_skipped_and_counted() {
    let content = json!([
        { "citationsContent": { "content": [{ "text": "a" }, { "text": "b" }], "citations": [{}] } },
        { "audio": {} },
    ]);
    assert_eq!(answered(content.clone(), "end_turn", &restore()).text.as_deref(), Some("ab"));
    let reply = json!({ "output": { "message": { "content": content } }, "stopReason": "new_reason" });
    let (response, skipped) = response(reply.to_string().as_bytes(), &restore()).unwrap();
    // The block and the reason.
    assert_eq!((response.finish_reason, skipped), (FinishReason::Stop, 2));
}

#[test]
fn calls_that_bedrock_makes_itself_are_not_the_client_s() {
    let call =
        json!({ "toolUseId": "s", "name": "nova_code_interpreter", "type": "server_tool_use", "input": {} });
    let content = json!([{ "toolUse": call }, { "text": "7" }]);
    let response = answered(content, "end_turn", &restore());
    assert_eq!((response.tool_calls.len(), response.finish_reason), (0, FinishReason::Stop));
}

#[test]
fn every_reason_has_a_meaning() {
    for (stop, reason) in [
        ("end_turn", FinishReason::Stop),
        ("stop_sequence", FinishReason::Stop),
        ("tool_use", FinishReason::Stop),
        ("max_tokens", FinishReason::Length),
        ("model_context_window_exceeded", FinishReason::Length),
        ("guardrail_intervened", FinishReason::ContentFilter),
        ("content_filtered", FinishReason::ContentFilter),
    ] {
        assert_eq!(answered(json!([{ "text": "x" }]), stop, &restore()).finish_reason, reason, "{stop}");
    }
    let reply = json!({ "output": { "message": { "content": [] } }, "stopReason": "malformed_tool_use" });
    let error = response(reply.to_string().as_bytes(), &restore()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MalformedOutput);
}

#[test]
fn what_is_no_reply_is_the_upstream_s_fault() {
    for body in ["", "[]", "{}", r#"{"output":{}}"#, r#"{"output":{"message":{"content":[]}}}"#] {
        assert_eq!(response(body.as_bytes(), &restore()).unwrap_err().kind(), ErrorKind::Upstream, "{body}");
    }
}

fn output(input: &Value) -> Value {
    json!({ "toolUse": { "toolUseId": "o", "name": "json_output", "input": input } })
}

#[test]
fn the_arguments_of_the_output_tool_are_the_answer() {
    let content =
        json!([{ "text": "Here:" }, output(&json!({ "b": 1, "a": "x" })), output(&json!({ "c": 1 }))]);
    let response = answered(content, "tool_use", &with_output());
    assert_eq!(response.text.as_deref(), Some(r#"{"b":1,"a":"x"}"#));
    assert_eq!((response.tool_calls.len(), response.finish_reason), (0, FinishReason::Stop));
    let response = answered(json!([output(&json!({}))]), "tool_use", &with_output());
    assert_eq!(response.text.as_deref(), Some("{}"));
}

#[test]
fn other_calls_beside_the_output_tool_stay_calls() {
    let other = json!({ "toolUse": { "toolUseId": "t", "name": "f", "input": {} } });
    let response = answered(json!([{ "text": "calling" }, other]), "tool_use", &with_output());
    assert_eq!((response.text.as_deref(), response.tool_calls.len()), (Some("calling"), 1));
    assert_eq!(response.finish_reason, FinishReason::ToolCalls);
    let blocked = answered(json!([{ "text": "Blocked." }]), "guardrail_intervened", &with_output());
    assert_eq!(blocked.text.as_deref(), Some("Blocked."));
}

#[test]
fn calls_are_dropped_where_the_client_allows_none() {
    let restore = Restore { drops_calls: true, ..restore() };
    let call = json!({ "toolUse": { "toolUseId": "t", "name": "f", "input": { "x": 1 } } });
    let response = answered(json!([{ "text": "a" }, call]), "tool_use", &restore);
    assert_eq!((response.tool_calls.len(), response.finish_reason), (0, FinishReason::Stop));
}

#[test]
fn thoughts_in_the_text_are_lifted_where_that_is_wanted() {
    let restore = Restore { lifts_thinking: true, ..restore() };
    let call = json!({ "toolUse": { "toolUseId": "t", "name": "f", "input": {} } });
    let response = answered(json!([{ "text": "<thinking> hm </thinking>\n" }, call]), "tool_use", &restore);
    assert_eq!(response.reasoning, [Reasoning::Thinking { text: " hm ".into(), signature: None }]);
    assert_eq!(response.text, None);
    let response = answered(json!([{ "text": "<thinking>a</thinking>\n\nb" }]), "end_turn", &restore);
    assert_eq!(response.text.as_deref(), Some("b"));
}

#[test]
fn a_whole_reply_gives_the_events_of_a_stream() {
    let call = json!({ "toolUse": { "toolUseId": "t", "name": "f", "input": { "x": 1 } } });
    let thoughts = json!({ "reasoningContent": { "reasoningText": { "text": "a", "signature": "c2ln" } } });
    let content = json!([thoughts, { "text": "x" }, call]);
    let reply = json!({ "output": { "message": { "content": content } }, "stopReason": "tool_use" });
    let told = events(reply.to_string().as_bytes(), &restore()).unwrap().events;
    let told: Vec<String> = told.iter().map(|event| format!("{event:?}")).collect();
    assert_eq!(
        told,
        [
            "Started",
            r#"ReasoningText("a")"#,
            r#"Reasoning(Thinking { text: "a", signature: Some("c2ln") })"#,
            r#"Text("x")"#,
            r#"ToolCall { index: 0, id: "t", name: "f" }"#,
            r#"ToolArguments { index: 0, piece: "{\"x\":1}" }"#,
            "Finished(ToolCalls)",
            "Metadata(Metadata { usage: None, guardrail_trace: None, service_tier: None, latency: None })",
        ]
    );
    assert!(matches!(events(b"{}", &restore()), Err(error) if error.kind() == ErrorKind::Upstream));
}
