//! Tools, their calls and their results.

use chat::ToolChoice;

use super::*;

fn with_tools(tools: Vec<Tool>) -> Request {
    Request { tools, ..of(vec![Message::user("q")]) }
}

#[test]
fn a_tool_keeps_its_schema_byte_for_byte() {
    let mut asked = with_tools(vec![tool("get_weather")]);
    asked.tools[0].description = Some("Tells the weather.".into());
    asked.tools[0].parameters =
        Some(json(r#"{ "type": "object", "properties": {"z":{"type":"number","maximum":1.50},"a":{}} }"#));
    assert_eq!(
        body(NOVA, &asked),
        r#"{"messages":[{"role":"user","content":[{"text":"q"}]}],"toolConfig":{"tools":[{"toolSpec":{"name":"get_weather","description":"Tells the weather.","inputSchema":{"json":{ "type": "object", "properties": {"z":{"type":"number","maximum":1.50},"a":{}} }}}}]}}"#
    );
}

#[test]
fn a_tool_without_parameters_takes_an_empty_object_and_a_blank_description_is_left_out() {
    let mut asked = with_tools(vec![tool("f")]);
    asked.tools[0].description = Some(" ".into());
    asked.tools[0].parameters = None;
    assert_eq!(
        member(&body(NOVA, &asked), "toolConfig"),
        r#"{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object","properties":{}}}}}]}"#
    );
}

#[test]
fn names_that_the_family_refuses_are_mapped_in_tools_history_and_choice() {
    let mut asked = with_tools(vec![tool("get-weather"), tool("get_weather"), tool("a.b")]);
    asked.messages.extend([calls(vec![call("1", "get-weather", "{}")]), result("1", "r")]);
    asked.tool_choice = Some(ToolChoice::Named("get-weather".into()));
    let translated = translate(NOVA, &asked);
    let wire = translated.restore.names.iter().find(|(_, name)| *name == "get-weather").unwrap().0.clone();
    assert!(wire.starts_with("get_weather_") && wire.len() == "get_weather_".len() + 8, "{wire}");
    assert_eq!(translated.restore.names["a_b"], "a.b");
    let sent = text(&translated);
    assert!(!sent.contains("get-weather"));
    assert_eq!(sent.matches(&format!(r#""name":"{wire}""#)).count(), 3, "{sent}");
    assert!(translated.adjusted.is_empty() && translated.ignored.is_empty());
    // Where hyphens are taken, nothing but the dot changes.
    assert_eq!(translate(CLAUDE, &asked).restore.names.len(), 1);
}

#[test]
fn tools_are_told_apart_by_their_names() {
    let (_, field, message) = refused(NOVA, &with_tools(vec![tool("f"), tool("f")]));
    assert_eq!(field, Some(Field::ToolName(1)));
    assert!(message.contains("`f`"));
}

#[test]
fn each_choice_becomes_the_nearest_that_the_family_takes() {
    let named = || ToolChoice::Named("f".into());
    let table = [
        (NOVA, ToolChoice::Auto, r#"{"auto":{}}"#, false),
        (NOVA, ToolChoice::Required, r#"{"any":{}}"#, false),
        (NOVA, named(), r#"{"tool":{"name":"f"}}"#, false),
        ("mistral", ToolChoice::Required, r#"{"any":{}}"#, false),
        ("mistral", named(), r#"{"any":{}}"#, true),
        ("llama", ToolChoice::Auto, r#"{"auto":{}}"#, false),
        ("llama", ToolChoice::Required, r#"{"auto":{}}"#, true),
        ("qwen", ToolChoice::Auto, "", false),
        ("qwen", named(), "", true),
        ("unknown", named(), r#"{"tool":{"name":"f"}}"#, false),
    ];
    for (family, choice, sent, adjusted) in table {
        let mut asked = with_tools(vec![tool("f"), tool("g")]);
        asked.tool_choice = Some(choice.clone());
        let translated = translate(family, &asked);
        let config: serde_json::Value =
            serde_json::from_str(&member(&text(&translated), "toolConfig")).unwrap();
        let found = config.get("toolChoice").map_or_else(String::new, ToString::to_string);
        assert_eq!(found, sent, "{family} {choice:?}");
        assert_eq!(translated.adjusted.contains(&Field::ToolChoice), adjusted, "{family} {choice:?}");
    }
}

#[test]
fn a_choice_without_its_tool_is_refused() {
    let mut asked = with_tools(vec![tool("f")]);
    asked.tool_choice = Some(ToolChoice::Named("g".into()));
    assert_eq!(refused(NOVA, &asked).1, Some(Field::ToolChoice));
    let mut asked = with_tools(Vec::new());
    asked.tool_choice = Some(ToolChoice::Required);
    assert_eq!(refused(NOVA, &asked).1, Some(Field::ToolChoice));
}

#[test]
fn where_no_call_is_allowed_tools_are_left_out_or_explained() {
    let mut asked = with_tools(vec![tool("f")]);
    asked.tool_choice = Some(ToolChoice::None);
    let translated = translate(NOVA, &asked);
    assert_eq!(text(&translated), r#"{"messages":[{"role":"user","content":[{"text":"q"}]}]}"#);
    assert!(translated.restore.drops_calls);
    asked.messages.extend([calls(vec![call("1", "f", "{}")]), result("1", "r")]);
    let sent = body(NOVA, &asked);
    assert!(sent.contains(
        r#"{"text":"r"}]}},{"text":"Answer without calling any tool."}]}],"toolConfig":{"tools":[{"#
    ));
    assert!(!sent.contains("toolChoice"));
    // Text beside results is refused there.
    assert!(body("llama", &asked).contains(
        r#"{"text":"r"}]}}]},{"role":"assistant","content":[{"text":"."}]},{"role":"user","content":[{"text":"Answer without calling any tool."}]}"#
    ));
}

#[test]
fn a_conversation_with_calls_brings_its_tools_along() {
    let asked = of(vec![
        Message::user("q"),
        calls(vec![call("1", "b", "{}"), call("2", "a", "{}"), call("3", "b", "{}")]),
        result("1", "x"),
        result("2", "y"),
        result("3", "z"),
    ]);
    assert_eq!(
        member(&body(NOVA, &asked), "toolConfig"),
        r#"{"tools":[{"toolSpec":{"name":"b","description":"unavailable","inputSchema":{"json":{"type":"object","properties":{}}}}},{"toolSpec":{"name":"a","description":"unavailable","inputSchema":{"json":{"type":"object","properties":{}}}}}]}"#
    );
}

#[test]
fn a_turn_of_the_model_is_thoughts_then_text_then_calls_then_the_cache_point() {
    let mut asked = of(vec![
        Message::user("q"),
        Message::Assistant(Assistant {
            reasoning: vec![signed("hm", "c2ln"), Reasoning::Redacted("cmVk".into())],
            content: vec![Part::text("")],
            tool_calls: vec![
                ToolCall { cache: Some(Cache::OneHour), ..call("1", "f", r#"{"b":1.0,"a":[ ]}"#) },
                call("2", "f", "{}"),
            ],
        }),
        Message::user("and"),
        result("2", "two"),
        result("1", "one"),
    ]);
    asked.tools = vec![tool("f")];
    if let Message::Assistant(assistant) = &mut asked.messages[1] {
        assistant.content.push(Part::text("calling"));
    }
    let translated = translate(CLAUDE, &asked);
    let sent = text(&translated);
    assert!(sent.contains(r#""content":[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"c2ln"}}},{"reasoningContent":{"redactedContent":"cmVk"}},{"text":"calling"},{"toolUse":{"toolUseId":"1","name":"f","input":{"b":1.0,"a":[ ]}}},{"toolUse":{"toolUseId":"2","name":"f","input":{}}},{"cachePoint":{"type":"default","ttl":"1h"}}]"#), "{sent}");
    // Results follow the calls' order, and come before anything else.
    assert!(sent.contains(r#"{"role":"user","content":[{"toolResult":{"toolUseId":"1","content":[{"text":"one"}]}},{"toolResult":{"toolUseId":"2","content":[{"text":"two"}]}},{"text":"and"}]}"#), "{sent}");
    assert!(translated.adjusted.is_empty() && translated.ignored.is_empty());
    // Nova takes no thoughts back, and caches for five minutes.
    let translated = translate(NOVA, &asked);
    assert!(!text(&translated).contains("reasoningContent"));
    assert_eq!(translated.ignored, [Field::Reasoning(1)]);
    assert_eq!(translated.adjusted, [Field::CacheControl]);
}

#[test]
fn calls_and_results_come_in_pairs() {
    let table = [
        (vec![result("9", "r")], Field::ToolCallId(1), "9"),
        (vec![calls(vec![call("a", "f", "{}")])], Field::ToolCall(1, 0), "a"),
        (vec![calls(vec![call("a", "f", "{}")]), Message::user("no")], Field::ToolCall(1, 0), "a"),
        (
            vec![calls(vec![call("a", "f", "{}"), call("b", "f", "{}")]), result("a", "r")],
            Field::ToolCall(1, 1),
            "b",
        ),
        (
            vec![
                calls(vec![call("a", "f", "{}")]),
                result("a", "r"),
                Message::assistant("x"),
                result("a", "r"),
            ],
            Field::ToolCallId(4),
            "a",
        ),
    ];
    for (rest, field, id) in table {
        let mut asked = with_tools(vec![tool("f")]);
        asked.messages.extend(rest);
        let (kind, found, message) = refused(NOVA, &asked);
        assert_eq!((kind, found.as_ref()), (ErrorKind::InvalidRequest, Some(&field)));
        assert!(message.contains(&format!("`{id}`")), "{message}");
    }
}

#[test]
fn ids_are_unique_and_of_the_wire_s_form() {
    let mut asked = with_tools(vec![tool("f")]);
    for _ in 0..2 {
        asked.messages.extend([
            calls(vec![call("c", "f", "{}"), call("c", "f", "{}")]),
            result("c", "1"),
            result("c", "2"),
            result("c", "3"),
            Message::assistant("ok"),
            Message::user("more"),
        ]);
    }
    asked.messages.extend([calls(vec![call("a b", "f", "{}")]), result("a b", "r")]);
    let sent = body(NOVA, &asked);
    for (id, content) in
        [("c", r#"{"text":"1"}"#), ("c_2", r#"{"text":"2"},{"text":"3"}"#), ("c_3", r#"{"text":"1"}"#)]
    {
        assert_eq!(sent.matches(&format!(r#"{{"toolUse":{{"toolUseId":"{id}","#)).count(), 1, "{id}");
        let answer = format!(r#"{{"toolResult":{{"toolUseId":"{id}","content":[{content}]}}}}"#);
        assert!(sent.contains(&answer), "{answer} in {sent}");
    }
    assert_eq!(sent.matches(r#""toolUseId":"a_b_"#).count(), 2);
}

#[test]
fn an_empty_result_says_so_and_a_failed_one_too() {
    let failed = Message::Tool(ToolResult {
        call_id: "1".into(),
        content: vec![Part::text(" ")],
        is_error: true,
        cache: Some(Cache::Default),
    });
    let mut asked = with_tools(vec![tool("f")]);
    asked.messages.extend([calls(vec![call("1", "f", "{}")]), failed]);
    let translated = translate(NOVA, &asked);
    assert!(text(&translated).contains(
        r#"{"toolResult":{"toolUseId":"1","content":[{"text":"(empty)"}],"status":"error"}},{"cachePoint":{"type":"default"}}]"#
    ));
    assert_eq!(translated.adjusted, [Field::Part(2, 0)]);
    let translated = translate("palmyra", &asked);
    assert!(!text(&translated).contains("status"));
    assert_eq!(translated.adjusted, [Field::Message(2), Field::Part(2, 0)]);
    assert_eq!(translated.ignored, [Field::CacheControl]);
}

#[test]
fn strict_goes_where_it_is_taken() {
    let mut asked = with_tools(vec![tool("f")]);
    asked.tools[0].strict = Some(true);
    assert!(body(CLAUDE, &asked).contains(r#""strict":true"#));
    let translated = translate(NOVA, &asked);
    assert!(!text(&translated).contains("strict"));
    assert_eq!(translated.ignored, [Field::ToolStrict(0)]);
}

#[test]
fn text_stands_apart_from_results_where_the_family_wants_it() {
    let mut asked = with_tools(vec![tool("f")]);
    asked.messages.extend([calls(vec![call("1", "f", "{}")]), result("1", "r"), Message::user("and")]);
    assert!(body(NOVA, &asked).contains(r#"{"text":"r"}]}},{"text":"and"}]}"#));
    let translated = translate("mistral", &asked);
    assert!(text(&translated).contains(
        r#"{"text":"r"}]}}]},{"role":"assistant","content":[{"text":"."}]},{"role":"user","content":[{"text":"and"}]}"#
    ));
    assert_eq!(translated.adjusted, [Field::Message(3)]);
}

#[test]
fn a_loop_of_an_agent_only_ever_grows_at_its_end() {
    let mut asked = with_tools(vec![tool("f")]);
    asked.reasoning_effort = Some(chat::Effort::Medium);
    let mut before = String::new();
    for turn in 0..20 {
        let sent = member(&body(CLAUDE, &asked), "messages");
        let prefix = before.trim_end_matches(']');
        assert!(sent.starts_with(prefix), "turn {turn}");
        assert!(body(CLAUDE, &asked).contains(r#""thinking":{"type":"enabled""#), "turn {turn}");
        before = sent;
        let tool_calls: Vec<ToolCall> =
            (0..3).map(|n| call(&format!("call_{n}"), "f", r#"{"n":1}"#)).collect();
        asked.messages.push(Message::Assistant(Assistant {
            reasoning: vec![signed(&format!("thought {turn}"), "c2ln")],
            content: Vec::new(),
            tool_calls,
        }));
        asked.messages.extend((0..3).rev().map(|n| result(&format!("call_{n}"), "done")));
    }
}
