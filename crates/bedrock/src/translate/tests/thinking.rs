//! How much a model is to think.

use chat::{Effort, ToolChoice};

use super::*;

fn at(effort: Effort) -> Request {
    Request { reasoning_effort: Some(effort), ..of(vec![Message::user("q")]) }
}

#[test]
fn each_family_is_asked_in_its_own_words() {
    let table = [
        (CLAUDE, Effort::None, "", false),
        (CLAUDE, Effort::Low, r#"{"thinking":{"type":"enabled","budget_tokens":1024}}"#, false),
        (CLAUDE, Effort::Medium, r#"{"thinking":{"type":"enabled","budget_tokens":4096}}"#, false),
        (CLAUDE, Effort::XHigh, r#"{"thinking":{"type":"enabled","budget_tokens":32768}}"#, false),
        (
            "claude-4.6",
            Effort::Low,
            r#"{"thinking":{"type":"adaptive"},"output_config":{"effort":"low"}}"#,
            false,
        ),
        (
            "claude-4.6",
            Effort::XHigh,
            r#"{"thinking":{"type":"adaptive"},"output_config":{"effort":"max"}}"#,
            false,
        ),
        (
            "claude",
            Effort::XHigh,
            r#"{"thinking":{"type":"adaptive"},"output_config":{"effort":"xhigh"}}"#,
            false,
        ),
        ("claude", Effort::Minimal, "", true),
        (
            "nova-2",
            Effort::Minimal,
            r#"{"reasoningConfig":{"type":"enabled","maxReasoningEffort":"low"}}"#,
            true,
        ),
        (
            "nova-2",
            Effort::High,
            r#"{"reasoningConfig":{"type":"enabled","maxReasoningEffort":"high"}}"#,
            false,
        ),
        ("gpt-oss", Effort::High, r#"{"reasoning_effort":"high"}"#, false),
        ("deepseek", Effort::XHigh, r#"{"reasoning_effort":"high"}"#, true),
        ("qwen", Effort::Low, r#"{"reasoning_config":"low"}"#, false),
        ("qwen", Effort::Medium, r#"{"reasoning_config":"high"}"#, true),
        ("gpt-5", Effort::None, r#"{"reasoning":{"effort":"none"}}"#, false),
        ("gpt-5", Effort::Minimal, r#"{"reasoning":{"effort":"minimal"}}"#, false),
        ("deepseek-r1", Effort::None, "", false),
    ];
    for (family, effort, fields, adjusted) in table {
        let translated = translate(family, &at(effort));
        assert_eq!(member(&text(&translated), "additionalModelRequestFields"), fields, "{family} {effort:?}");
        assert_eq!(translated.adjusted.contains(&Field::ReasoningEffort), adjusted, "{family} {effort:?}");
        assert!(translated.ignored.is_empty());
    }
    assert_eq!(translate(NOVA, &at(Effort::High)).ignored, [Field::ReasoningEffort]);
}

#[test]
fn the_budget_fits_into_the_limit_or_the_limit_grows() {
    let table = [
        (Some(100_000), 16_384, "", false),
        (Some(10_000), 8000, r#"{"maxTokens":10000}"#, false),
        (Some(1100), 1024, r#"{"maxTokens":1100}"#, false),
        (Some(500), 1024, r#"{"maxTokens":1524}"#, true),
    ];
    for (max, budget, config, adjusted) in table {
        let mut asked = at(Effort::High);
        asked.sampling.max_tokens = max;
        let translated = translate(CLAUDE, &asked);
        let sent = text(&translated);
        assert!(sent.contains(&format!(r#""budget_tokens":{budget}}}"#)), "{sent}");
        assert!(sent.contains(config));
        assert_eq!(translated.adjusted.contains(&Field::MaxTokens), adjusted);
    }
}

#[test]
fn what_does_not_go_with_thinking_is_left_out() {
    let mut asked = at(Effort::High);
    asked.sampling.temperature = Some(0.1);
    asked.sampling.top_p = Some(0.1);
    asked.sampling.max_tokens = Some(9000);
    asked.tools = vec![tool("f")];
    asked.tool_choice = Some(ToolChoice::Required);
    let nova = translate("nova-2", &asked);
    assert_eq!(member(&text(&nova), "inferenceConfig"), "");
    assert_eq!(nova.adjusted, [Field::Temperature, Field::TopP, Field::MaxTokens]);
    asked.sampling.top_k = Some(3);
    let claude = translate(CLAUDE, &asked);
    assert_eq!(member(&text(&claude), "inferenceConfig"), r#"{"maxTokens":9000}"#);
    assert!(text(&claude).contains(r#""toolChoice":{"auto":{}}"#));
    assert_eq!(claude.adjusted, [Field::TopP, Field::Temperature, Field::TopK, Field::ToolChoice]);
}

#[test]
fn calls_without_their_thoughts_end_the_thinking() {
    let mut asked = at(Effort::Low);
    asked.tools = vec![tool("f")];
    let unsigned = Reasoning::Thinking { text: "hm".into(), signature: None };
    asked.messages.extend([
        Message::Assistant(Assistant {
            reasoning: vec![unsigned],
            content: Vec::new(),
            tool_calls: vec![call("1", "f", "{}")],
        }),
        result("1", "r"),
    ]);
    let translated = translate(CLAUDE, &asked);
    assert!(!text(&translated).contains("thinking") && !text(&translated).contains("reasoningContent"));
    assert_eq!(translated.adjusted, [Field::ReasoningEffort]);
    assert_eq!(translated.ignored, [Field::Reasoning(1)]);
    // A model that adapts needs none.
    assert!(body("claude-4.6", &asked).contains(r#""type":"adaptive""#));
}

#[test]
fn a_model_of_no_known_family_gets_back_what_it_signed() {
    let mut asked = of(vec![Message::user("q")]);
    asked.messages.push(Message::Assistant(Assistant {
        reasoning: vec![signed("hm", "s")],
        content: vec![Part::text("a")],
        tool_calls: Vec::new(),
    }));
    asked.messages.push(Message::user("go on"));
    let sent = body("unknown", &asked);
    assert!(sent.contains(r#"{"reasoningText":{"text":"hm","signature":"s"}}"#), "{sent}");
}

#[test]
fn the_thoughts_of_a_turn_may_stand_in_any_of_its_messages() {
    let said = |reasoning, text: &str, tool_calls| {
        Message::Assistant(Assistant { reasoning, content: vec![Part::text(text)], tool_calls })
    };
    let asking = |reasoning| said(reasoning, "", vec![call("x", "f", "{}")]);
    let proven = || vec![signed("hm", "s")];
    for (messages, thinks) in [
        (vec![asking(vec![]), result("x", "1"), said(proven(), " ", vec![])], false),
        (vec![asking(vec![]), said(vec![], "so", vec![]), result("x", "1")], false),
        (vec![said(proven(), "so", vec![]), Message::system(" "), asking(vec![]), result("x", "1")], true),
        (vec![asking(vec![]), result("x", "1"), said(vec![], "so", vec![]), Message::user("q")], true),
    ] {
        let mut asked = at(Effort::Low);
        asked.messages.extend(messages);
        let sent = body(CLAUDE, &asked);
        assert_eq!(sent.contains("budget_tokens"), thinks, "{sent}");
    }
}

#[test]
fn a_model_that_thinks_does_not_continue_its_own_turn() {
    let mut asked = at(Effort::Low);
    asked.messages.push(Message::assistant("so"));
    assert!(body(CLAUDE, &asked).contains(r#"{"role":"user","content":[{"text":"Continue."}]}]"#));
}

#[test]
fn thinking_in_the_model_s_own_words_counts_as_such_and_gives_way_to_an_effort() {
    let own = json(r#"{"thinking":{"type":"enabled","budget_tokens":2000},"output_config":{"x":1}}"#);
    let mut asked = of(vec![Message::user("q")]);
    asked.additional_fields = serde_json::from_str(own.get()).ok();
    asked.tools = vec![tool("f")];
    asked.tool_choice = Some(ToolChoice::Required);
    let translated = translate("claude-4.6", &asked);
    assert!(text(&translated).contains(r#""toolChoice":{"auto":{}}"#));
    assert_eq!(translated.adjusted, [Field::ToolChoice]);
    asked.reasoning_effort = Some(Effort::Low);
    assert_eq!(
        member(&body("claude-4.6", &asked), "additionalModelRequestFields"),
        r#"{"thinking":{"type":"adaptive"},"output_config":{"x":1,"effort":"low"}}"#
    );
}

#[test]
fn only_what_the_model_alone_can_read_goes_back_to_some() {
    let said = Assistant {
        reasoning: vec![signed("a", "c2ln"), Reasoning::Redacted("cmVk".into())],
        content: vec![Part::text("x")],
        tool_calls: Vec::new(),
    };
    let asked = of(vec![Message::user("q"), Message::Assistant(said), Message::user("r")]);
    let translated = translate("gpt", &asked);
    assert!(
        text(&translated)
            .contains(r#""content":[{"reasoningContent":{"redactedContent":"cmVk"}},{"text":"x"}]"#)
    );
    assert_eq!(translated.ignored, [Field::Reasoning(1)]);
}
