//! Everything else of a body: additional fields, metadata, tiers, cache points and guardrails.

use chat::{GuardedText, GuardrailMode, GuardrailTrace, JsonObject, Latency, Qualifier, ServiceTier};

use super::*;

#[test]
fn tier_latency_and_metadata_stand_at_their_places() {
    let mut asked = of(vec![Message::user("q")]);
    asked.service_tier = Some(ServiceTier::Flex);
    asked.latency = Some(Latency::Optimized);
    asked.metadata =
        vec![("user".into(), "u-1".into()), ("bad".into(), "é".into()), (String::new(), "x".into())];
    let translated = translate(NOVA, &asked);
    assert_eq!(
        text(&translated),
        r#"{"messages":[{"role":"user","content":[{"text":"q"}]}],"requestMetadata":{"user":"u-1"},"performanceConfig":{"latency":"optimized"},"serviceTier":{"type":"flex"}}"#
    );
    assert_eq!(translated.ignored, [Field::Metadata("bad".into()), Field::Metadata(String::new())]);
}

#[test]
fn no_more_metadata_than_the_log_takes() {
    let mut asked = of(vec![Message::user("q")]);
    asked.metadata = (0..17).map(|n| (format!("k{n}"), "v".repeat(256))).collect();
    asked.metadata[3].1.push('v');
    assert_eq!(translate(NOVA, &asked).ignored, [Field::Metadata("k3".into())]);
    asked.metadata[3].1.clear();
    assert_eq!(translate(NOVA, &asked).ignored, [Field::Metadata("k16".into())]);
}

#[test]
fn our_own_fields_win_over_the_client_s() {
    let mut asked = of(vec![Message::user("q")]);
    asked.sampling.top_k = Some(7);
    let fields = json(r#"{"inferenceConfig":{"topK":1,"x":2},"y":[1.0]}"#);
    asked.additional_fields = serde_json::from_str::<JsonObject>(fields.get()).ok();
    assert_eq!(
        member(&body(NOVA, &asked), "additionalModelRequestFields"),
        r#"{"inferenceConfig":{"topK":7,"x":2},"y":[1.0]}"#
    );
}

#[test]
fn one_call_at_a_time_is_a_wish_that_claude_alone_understands() {
    let mut asked = of(vec![Message::user("q")]);
    asked.parallel_tool_calls = Some(false);
    assert_eq!(member(&body(CLAUDE, &asked), "additionalModelRequestFields"), "");
    asked.tools = vec![tool("f")];
    let sent = |asked: &Request| member(&body(CLAUDE, asked), "additionalModelRequestFields");
    assert_eq!(sent(&asked), r#"{"tool_choice":{"type":"auto","disable_parallel_tool_use":true}}"#);
    asked.tool_choice = Some(chat::ToolChoice::Auto);
    assert_eq!(sent(&asked), r#"{"tool_choice":{"disable_parallel_tool_use":true}}"#);
    assert_eq!(translate(NOVA, &asked).ignored, [Field::ParallelToolCalls]);
}

#[test]
fn previews_that_are_known_go_to_claude() {
    let mut asked = of(vec![Message::user("q")]);
    asked.betas = vec!["context-1m-2025-08-07".into(), "made-up".into()];
    let translated = translate(CLAUDE, &asked);
    assert_eq!(
        member(&text(&translated), "additionalModelRequestFields"),
        r#"{"anthropic_beta":["context-1m-2025-08-07"]}"#
    );
    assert_eq!(translated.ignored, [Field::Betas]);
    let translated = translate(NOVA, &asked);
    assert!(!text(&translated).contains("anthropic_beta"));
    assert_eq!(translated.ignored, [Field::Betas]);
}

#[test]
fn cache_points_stand_behind_what_they_cover() {
    let mut asked =
        of(vec![Message::System(vec![cached("s")]), Message::User(vec![cached("a"), Part::text("b")])]);
    asked.tools = vec![Tool { cache: Some(Cache::OneHour), ..tool("f") }];
    let sent = body(CLAUDE, &asked);
    assert!(sent.contains(r#""system":[{"text":"s"},{"cachePoint":{"type":"default"}}]"#), "{sent}");
    assert!(sent.contains(r#"[{"text":"a"},{"cachePoint":{"type":"default"}},{"text":"b"}]"#), "{sent}");
    assert!(sent.ends_with(r#"}},{"cachePoint":{"type":"default","ttl":"1h"}}]}}"#), "{sent}");
    let nova = translate(NOVA, &asked);
    assert_eq!(text(&nova).matches("cachePoint").count(), 2);
    assert_eq!(nova.ignored, [Field::CacheControl]);
    let llama = translate("llama", &asked);
    assert_eq!(text(&llama).matches("cachePoint").count(), 0);
    assert_eq!(llama.ignored, [Field::CacheControl]);
}

#[test]
fn the_earliest_surplus_of_cache_points_is_dropped() {
    let parts = (0..6).map(|n| cached(&n.to_string())).collect();
    let translated = translate(CLAUDE, &of(vec![Message::User(parts)]));
    let sent = text(&translated);
    assert!(sent.contains(r#"[{"text":"0"},{"text":"1"},{"text":"2"},{"cachePoint""#), "{sent}");
    assert_eq!(sent.matches("cachePoint").count(), 4);
    assert_eq!(translated.adjusted, [Field::CacheControl]);
}

#[test]
fn a_cache_point_behind_a_document_waits_for_a_text() {
    let pdf = Part { cache: Some(Cache::Default), ..document(DocumentFormat::Pdf, None) };
    let asked = of(vec![Message::User(vec![Part::text("a"), pdf.clone(), Part::text("b")])]);
    let sent = body(CLAUDE, &asked);
    assert!(sent.ends_with(r#"{"text":"b"},{"cachePoint":{"type":"default"}}]}]}"#), "{sent}");
    let translated = translate(CLAUDE, &of(vec![Message::User(vec![Part::text("a"), pdf.clone()])]));
    assert!(!text(&translated).contains("cachePoint"));
    assert_eq!(translated.adjusted, [Field::CacheControl]);
    let nova = body(NOVA, &of(vec![Message::User(vec![Part::text("a"), pdf])]));
    assert!(nova.ends_with(r#"{"cachePoint":{"type":"default"}}]}]}"#));
}

#[test]
fn cache_points_of_our_own_accord_stand_aside_for_the_client_s() {
    let mut asked = of(vec![Message::system("s"), Message::user("q")]);
    asked.tools = vec![tool("f")];
    let auto = |family| Context { cache: true, ..context(family) };
    let sent = |asked: &Request, family| text(&request(asked, auto(family), Operation::Converse).unwrap());
    assert_eq!(sent(&asked, CLAUDE).matches("cachePoint").count(), 3);
    assert_eq!(sent(&asked, NOVA).matches("cachePoint").count(), 2);
    assert_eq!(sent(&asked, "llama").matches("cachePoint").count(), 0);
    asked.messages.push(Message::User(vec![cached("r")]));
    assert_eq!(sent(&asked, CLAUDE).matches("cachePoint").count(), 1);
    // Words of ours that the next request lacks stand behind the point.
    let mut asked = of(vec![Message::user("q"), calls(vec![call("1", "f", "{}")]), result("1", "r")]);
    asked.tools = vec![tool("f")];
    asked.tool_choice = Some(chat::ToolChoice::None);
    assert!(sent(&asked, CLAUDE).contains(r#"{"cachePoint":{"type":"default"}},{"text":"Answer without"#));
}

fn guardrail() -> Guardrail {
    Guardrail {
        identifier: GuardrailIdentifier::parse("abc").unwrap(),
        version: GuardrailVersion::parse("1").unwrap(),
        trace: GuardrailTrace::Enabled,
        stream_mode: GuardrailMode::Async,
    }
}

#[test]
fn only_a_stream_says_when_its_guardrail_assesses() {
    let guardrail = guardrail();
    let context = Context { guardrail: Some(&guardrail), ..context(NOVA) };
    let asked = of(vec![Message::user("q")]);
    let sent = |operation| text(&request(&asked, context, operation).unwrap());
    let whole = r#"{"messages":[{"role":"user","content":[{"text":"q"}]}],"guardrailConfig":{"guardrailIdentifier":"abc","guardrailVersion":"1","trace":"enabled"}}"#;
    assert_eq!(sent(Operation::Converse), whole);
    assert_eq!(sent(Operation::ConverseStream), whole.replace("}}", r#","streamProcessingMode":"async"}}"#));
}

#[test]
fn the_guardrail_may_be_shown_the_last_turn_alone() {
    let guardrail = guardrail();
    let context =
        Context { guardrail: Some(&guardrail), guardrail_scope: GuardrailScope::LastTurn, ..context(NOVA) };
    let mut asked = of(vec![Message::user("a"), Message::assistant("b"), Message::user("c")]);
    let sent =
        |asked: &Request| member(&text(&request(asked, context, Operation::Converse).unwrap()), "messages");
    assert!(sent(&asked).ends_with(r#"{"role":"user","content":[{"guardContent":{"text":{"text":"c"}}}]}]"#));
    let guarded =
        GuardedText { text: "g".into(), qualifiers: vec![Qualifier::Query, Qualifier::GroundingSource] };
    asked.messages.push(Message::User(vec![part(Content::Guarded(guarded))]));
    assert!(sent(&asked).ends_with(
        r#"[{"text":"c"},{"guardContent":{"text":{"text":"g","qualifiers":["query","grounding_source"]}}}]}]"#
    ));
    let bare = Context { guardrail: None, ..context };
    let plain = of(vec![Message::user("a")]);
    assert!(!text(&request(&plain, bare, Operation::Converse).unwrap()).contains("guardContent"));
}
