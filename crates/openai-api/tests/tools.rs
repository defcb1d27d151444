//! Requests of agents: tools, calls, results, reasoning, and how the answer is to be.

#![expect(clippy::panic, reason = "a failed assertion names its case")]

use chat::{
    Assistant, Cache, Effort, JsonSchema, Latency, Message, Part, RawJson, Reasoning, ResponseFormat,
    ServiceTier, Tool, ToolCall, ToolChoice, ToolResult,
};
use openai_api::{ChatCompletionRequest, Translated, translate};
use proptest::prelude::*;
use serde_json::{Value, json};

fn accepted(body: &str) -> Translated {
    ChatCompletionRequest::from_slice(body.as_bytes())
        .and_then(translate)
        .unwrap_or_else(|error| panic!("{body}: {error:?}"))
}

fn with(members: &str) -> Translated {
    accepted(&format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],{members}}}"#))
}

fn saying(messages: &str) -> Translated {
    accepted(&format!(r#"{{"model":"m","messages":[{messages}]}}"#))
}

fn raw(text: &str) -> RawJson {
    RawJson::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.into(), name: name.into(), arguments: raw(arguments), cache: None }
}

fn result(call_id: &str, text: &str) -> Message {
    let content = vec![Part::text(text)];
    Message::Tool(ToolResult { call_id: call_id.into(), content, is_error: false, cache: None })
}

fn calling(calls: Vec<ToolCall>) -> Message {
    Message::Assistant(Assistant { tool_calls: calls, ..Assistant::default() })
}

#[test]
fn tools_keep_their_schema_byte_for_byte() {
    let schema = r#"{ "type":"object", "b":1.0, "a":1e2, "a":"\u00e9\/" }"#;
    let translated = with(&format!(
        r#""tools":[{{"function":{{"parameters":{schema},"strict":true,"description":"does f","name":"f"}},"type":"function"}},
           {{"type":"function","function":{{"name":"g.h/i","description":"","parameters":null,"strict":null,"x":1}},"cache_control":{{"type":"ephemeral","ttl":"1h"}},"y":1}},
           {{"type":"function","function":{{"name":"k","cache_control":{{"type":"ephemeral","ttl":"5m"}}}},"cache_control":null}}],
           "tool_choice":{{"type":"function","function":{{"name":"g.h/i"}}}},"parallel_tool_calls":false"#
    ));
    let bare = |name: &str, cache| Tool {
        name: name.into(),
        description: None,
        parameters: None,
        strict: None,
        cache,
    };
    let first = Tool {
        description: Some("does f".into()),
        parameters: Some(raw(schema)),
        strict: Some(true),
        ..bare("f", None)
    };
    let expected = [first, bare("g.h/i", Some(Cache::OneHour)), bare("k", Some(Cache::Default))];
    assert_eq!(translated.request.tools, expected);
    assert_eq!(translated.request.tool_choice, Some(ToolChoice::Named("g.h/i".into())));
    assert_eq!(translated.request.parallel_tool_calls, Some(false));
    assert_eq!(translated.ignored, ["tools[].function.x", "tools[].y"]);
    assert!(!translated.legacy_functions);
}

#[test]
fn every_choice_has_its_meaning() {
    let tools = r#""tools":[{"type":"function","function":{"name":"f"}}]"#;
    let rows = [
        ("null", None),
        ("\"auto\"", Some(ToolChoice::Auto)),
        ("\"none\"", Some(ToolChoice::None)),
        ("\"required\"", Some(ToolChoice::Required)),
        (r#"{"function":{"name":"f"},"type":"function"}"#, Some(ToolChoice::Named("f".into()))),
    ];
    for (choice, expected) in rows {
        let translated = with(&format!("\"tool_choice\":{choice},{tools}"));
        assert_eq!(translated.request.tool_choice, expected, "{choice}");
    }
    assert_eq!(with("\"tool_choice\":\"auto\",\"parallel_tool_calls\":true").request.tool_choice, None);
    assert_eq!(with("\"tool_choice\":\"none\"").request.tool_choice, Some(ToolChoice::None));
}

#[test]
fn a_conversation_with_calls_and_results_arrives_as_written() {
    let messages = r#"{"role":"user","content":"hi"},
        {"role":"assistant","content":null,"reasoning_content":"hm","thinking_blocks":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"redacted_thinking","data":"eA=="},{"type":"thinking","signature":"t"}],
         "tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{ \"x\": 1.0 }"},"index":0},{"id":"b","function":{"name":"g","arguments":""},"cache_control":{"type":"ephemeral"}},{"id":"c","function":{"name":"g"}}]},
        {"role":"tool","tool_call_id":"b","name":"g","content":"two"},
        {"role":"tool","tool_call_id":"a","content":[{"type":"text","text":"one","cache_control":{"type":"ephemeral","ttl":"1h"}}],"is_error":true},
        {"role":"tool","tool_call_id":"c","status":"error","cache_control":{"type":"ephemeral"}},
        {"role":"tool","tool_call_id":"c","content":"","status":"success","is_error":null},
        {"role":"assistant","content":"done","tool_calls":[],"thinking_blocks":[]}"#;
    let translated = saying(messages);
    let thinking = |text: &str, signature: &str| Reasoning::Thinking {
        text: text.into(),
        signature: Some(signature.into()),
    };
    let reasoning = vec![thinking("hm", "s"), Reasoning::Redacted("eA==".into()), thinking("", "t")];
    let cached = ToolCall { cache: Some(Cache::Default), ..call("b", "g", "{}") };
    let tool_calls = vec![call("a", "f", "{ \"x\": 1.0 }"), cached, call("c", "g", "{}")];
    let expected = [
        Message::user("hi"),
        Message::Assistant(Assistant { reasoning, content: Vec::new(), tool_calls }),
        result("b", "two"),
        Message::Tool(ToolResult {
            call_id: "a".into(),
            content: vec![Part::text("one")],
            is_error: true,
            cache: Some(Cache::OneHour),
        }),
        Message::Tool(ToolResult {
            call_id: "c".into(),
            content: Vec::new(),
            is_error: true,
            cache: Some(Cache::Default),
        }),
        result("c", ""),
        Message::assistant("done"),
    ];
    assert_eq!(translated.request.messages, expected);
    assert_eq!(translated.ignored, ["messages[].tool_calls[].index"]);
}

#[test]
fn arguments_of_several_objects_become_several_calls_with_a_result_each() {
    let translated = saying(
        r#"{"role":"assistant","tool_calls":[{"id":"x","function":{"name":"f","arguments":"{\"a\":1}{\"a\":2} {}"},"cache_control":{"type":"ephemeral"}},{"id":"x_2","function":{"name":"g","arguments":"{}"}}]},
           {"role":"tool","tool_call_id":"x","content":"r","cache_control":{"type":"ephemeral"}},{"role":"tool","tool_call_id":"x_2","content":"s"},
           {"role":"assistant","tool_calls":[{"id":"x","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"x","content":"t"}"#,
    );
    let cached = ToolCall { cache: Some(Cache::Default), ..call("x_4", "f", "{}") };
    let mut last =
        ToolResult { call_id: "x_4".into(), content: vec![Part::text("r")], is_error: false, cache: None };
    last.cache = Some(Cache::Default);
    let expected = [
        calling(vec![
            call("x", "f", "{\"a\":1}"),
            call("x_3", "f", "{\"a\":2}"),
            cached,
            call("x_2", "g", "{}"),
        ]),
        result("x", "r"),
        result("x_3", "r"),
        Message::Tool(last),
        result("x_2", "s"),
        calling(vec![call("x", "f", "{}")]),
        result("x", "t"),
    ];
    assert_eq!(translated.request.messages, expected);
}

#[test]
fn functions_are_tools_of_an_older_client() {
    let translated = accepted(
        r#"{"model":"m","functions":[{"name":"f","description":"d","parameters":{"type":"object"},"z":1}],"function_call":{"name":"f"},
            "messages":[{"role":"user","content":"hi"},{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{\"a\":1}{}"}},
            {"role":"function","name":"f","content":"r"},{"role":"assistant","content":"","function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":null}]}"#,
    );
    assert!(translated.legacy_functions);
    let request = translated.request;
    assert_eq!(request.tools.len(), 1);
    assert_eq!(request.tools[0].parameters, Some(raw("{\"type\":\"object\"}")));
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("f".into())));
    let empty =
        ToolResult { call_id: "call_function_3".into(), content: Vec::new(), is_error: false, cache: None };
    let expected = [
        Message::user("hi"),
        calling(vec![call("call_function_1", "f", "{\"a\":1}"), call("call_function_1_2", "f", "{}")]),
        result("call_function_1", "r"),
        result("call_function_1_2", "r"),
        Message::Assistant(Assistant {
            content: vec![Part::text("")],
            tool_calls: vec![call("call_function_3", "f", "{}")],
            ..Assistant::default()
        }),
        Message::Tool(empty),
    ];
    assert_eq!(request.messages, expected);
    assert_eq!(translated.ignored, ["functions[].z"]);
}

#[test]
fn the_shape_of_the_answer_arrives() {
    let format = |text: &str| with(&format!("\"response_format\":{text}")).request.response_format;
    assert_eq!(format(r#"{"type":"text"}"#), ResponseFormat::Text);
    assert_eq!(format(r#"{"type":"json_object"}"#), ResponseFormat::JsonObject);
    let schema = r#"{"$schema":"x","type":"object", "b":1.0}"#;
    let found = format(&format!(
        r#"{{"json_schema":{{"strict":true,"schema":{schema},"name":"n","description":"d"}},"type":"json_schema"}}"#
    ));
    let expected = JsonSchema {
        name: "n".into(),
        description: Some("d".into()),
        schema: raw(schema),
        strict: Some(true),
    };
    assert_eq!(found, ResponseFormat::JsonSchema(expected));
}

#[test]
fn effort_tier_and_latency_arrive_or_are_named() {
    let efforts = [
        ("none", Effort::None),
        ("minimal", Effort::Minimal),
        ("low", Effort::Low),
        ("medium", Effort::Medium),
        ("high", Effort::High),
        ("xhigh", Effort::XHigh),
    ];
    for (word, effort) in efforts {
        let plain = with(&format!("\"reasoning_effort\":\"{word}\""));
        let nested = with(&format!("\"reasoning\":{{\"effort\":\"{word}\"}}"));
        assert_eq!(plain.request.reasoning_effort, Some(effort));
        assert_eq!(nested.request.reasoning_effort, Some(effort));
    }
    let both = with(r#""reasoning":{"effort":"low","summary":"auto"},"reasoning_effort":"high""#);
    assert_eq!(both.request.reasoning_effort, Some(Effort::High));
    assert_eq!(both.ignored, ["reasoning.summary", "reasoning.effort"]);
    let tiers = [
        ("auto", None),
        ("default", Some(ServiceTier::Default)),
        ("flex", Some(ServiceTier::Flex)),
        ("priority", Some(ServiceTier::Priority)),
        ("scale", None),
    ];
    for (word, tier) in tiers {
        let translated = with(&format!("\"service_tier\":\"{word}\""));
        assert_eq!(translated.request.service_tier, tier);
        assert_eq!(translated.ignored.is_empty(), word != "scale");
    }
    for member in ["performance_config", "performanceConfig"] {
        let fast = with(&format!("\"{member}\":{{\"latency\":\"optimized\"}}"));
        assert_eq!(fast.request.latency, Some(Latency::Optimized));
    }
    let both = with(r#""performance_config":{"latency":"standard"},"performanceConfig":null"#);
    assert_eq!(both.request.latency, Some(Latency::Standard));
}

#[test]
fn what_a_role_does_not_have_is_named() {
    let translated = saying(
        r#"{"role":"user","content":"a","thinking_blocks":[{"type":"thinking","thinking":"x"}],"reasoning_content":"x","is_error":true,"status":"done"},
           {"role":"assistant","cache_control":{"type":"ephemeral"}},{"role":"tool","tool_call_id":"a","content":"b","status":"odd"},
           {"role":"assistant","content":"c","thinking_blocks":[{"type":"thinking","thinking":"x","pad":1}],"cache_control":{"type":"ephemeral","scope":1}}"#,
    );
    let expected = [
        "messages[].thinking_blocks",
        "messages[].reasoning_content",
        "messages[].is_error",
        "messages[].status",
        "messages[].thinking_blocks[].pad",
        "cache_control.scope",
        "messages[].cache_control",
    ];
    assert_eq!(translated.ignored, expected);
}

#[test]
fn there_are_limits_for_lists() {
    let tools: Vec<String> =
        (0..1_001).map(|i| format!(r#"{{"type":"function","function":{{"name":"f{i}"}}}}"#)).collect();
    let body = |count: usize| {
        format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":""}}],"tools":[{}]}}"#,
            tools[..count].join(",")
        )
    };
    assert_eq!(accepted(&body(1_000)).request.tools.len(), 1_000);
    let error = ChatCompletionRequest::from_slice(body(1_001).as_bytes()).unwrap_err();
    assert!(error.message.contains("more than 1000 tools"), "{error:?}");
}

/// A request with a schema.
type Body = fn(&str) -> String;

#[test]
fn schemas_have_limits_of_size_and_depth() {
    let tool: Body = |schema| {
        format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],"tools":[{{"type":"function","function":{{"name":"f","parameters":{schema}}}}}]}}"#
        )
    };
    let answer: Body = |schema| {
        format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],"response_format":{{"type":"json_schema","json_schema":{{"name":"f","schema":{schema}}}}}}}"#
        )
    };
    let deep =
        |levels: usize| format!("{}{}", r#"{"items":"#.repeat(levels - 1) + "{}", "}".repeat(levels - 1));
    let large = |bytes: usize| {
        let around = r#"{"type":"object","description":""}"#;
        around.replace(r#""""#, &format!("\"{}\"", "x".repeat(bytes - around.len())))
    };
    for (body, param) in
        [(tool, "tools[0].function.parameters"), (answer, "response_format.json_schema.schema")]
    {
        for (fits, beyond, said) in [
            (deep(64), deep(65), "it nests deeper than 64 levels"),
            (large(100 * 1024), large(100 * 1024 + 1), "it is larger than 100 KiB"),
        ] {
            accepted(&body(&fits));
            let error = ChatCompletionRequest::from_slice(body(&beyond).as_bytes()).unwrap_err();
            assert_eq!((error.status, error.param.as_deref()), (400, Some(param)));
            assert!(error.message.contains(said), "{error:?}");
        }
    }
}

/// Any JSON, not too deep.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "(function|text|image_url|thinking|f|data:;base64,aGk=|s3://b/k|\\{\\}\\{\\}|.{0,4})"
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        let key = "(type|function|name|arguments|id|role|content|url|image_url|file|file_data|text|thinking|cache_control|ttl|schema|json_schema|.)";
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..6).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// A turn of an agent: calls, and a result for each.
fn turn() -> impl Strategy<Value = Vec<(String, Value)>> {
    let arguments = proptest::collection::vec(("[a-z]{1,3}", anything()), 0..4)
        .prop_map(|pairs| Value::Object(pairs.into_iter().collect()));
    proptest::collection::vec(("[a-zA-Z0-9_.-]{1,40}", arguments), 1..4)
}

proptest! {
    #[test]
    fn no_value_of_a_member_panics(value in anything(), member in 0usize..9) {
        let members = ["tools", "functions", "tool_choice", "function_call", "response_format", "reasoning",
            "service_tier", "performance_config", "metadata"];
        let body = json!({"model": "m", "messages": [{"role": "user", "content": ""}], members[member]: value});
        let _ = ChatCompletionRequest::from_slice(body.to_string().as_bytes()).and_then(translate);
    }

    #[test]
    fn no_member_of_a_message_panics(value in anything(), role in 0usize..6, member in 0usize..6) {
        let role = ["user", "assistant", "tool", "function", "system", "developer"][role];
        let member = ["content", "tool_calls", "function_call", "thinking_blocks", "cache_control", "tool_call_id"][member];
        let body = json!({"model": "m", "messages": [{"role": role, member: value}]});
        if let Err(error) = ChatCompletionRequest::from_slice(body.to_string().as_bytes()).and_then(translate) {
            prop_assert_eq!(error.status, 400);
        }
    }

    #[test]
    fn any_conversation_of_an_agent_arrives(turns in proptest::collection::vec(turn(), 0..6)) {
        let mut messages = vec![json!({"role": "user", "content": "go"})];
        for (number, turn) in turns.iter().enumerate() {
            let id = |index: usize| format!("call_{number}_{index}");
            let calls: Vec<Value> = turn.iter().enumerate().map(|(index, (name, arguments))| {
                json!({"id": id(index), "type": "function", "function": {"name": name, "arguments": arguments.to_string()}})
            }).collect();
            messages.push(json!({"role": "assistant", "content": null, "tool_calls": calls}));
            for index in (0..turn.len()).rev() {
                messages.push(json!({"role": "tool", "tool_call_id": id(index), "content": "ok"}));
            }
        }
        let translated = accepted(&json!({"model": "m", "messages": messages}).to_string());
        prop_assert!(translated.ignored.is_empty());
        prop_assert_eq!(translated.request.messages.len(), messages.len());
        let mut expected = turns.iter().flatten();
        for message in &translated.request.messages {
            if let Message::Assistant(assistant) = message {
                for (call, (name, arguments)) in assistant.tool_calls.iter().zip(&mut expected) {
                    prop_assert_eq!(&call.name, name);
                    prop_assert_eq!(call.arguments.get(), arguments.to_string());
                }
            }
        }
    }
}
