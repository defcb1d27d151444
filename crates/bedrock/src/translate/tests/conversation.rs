//! Turns: who speaks when, and what stands in for what is missing.

use super::*;

#[test]
fn a_plain_chat_is_nothing_but_its_text() {
    let mut asked = of(vec![Message::system("be brief"), Message::user("hi")]);
    asked.sampling.max_tokens = Some(5);
    asked.sampling.temperature = Some(0.7);
    assert_eq!(
        body(NOVA, &asked),
        r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}],"system":[{"text":"be brief"}],"inferenceConfig":{"maxTokens":5,"temperature":0.7}}"#
    );
}

#[test]
fn neighbours_of_one_role_are_one_turn() {
    let asked = of(vec![
        Message::user("a"),
        Message::user("b"),
        Message::assistant("c"),
        Message::Assistant(Assistant::default()),
        Message::assistant("d"),
        Message::user("e"),
    ]);
    assert_eq!(
        body(NOVA, &asked),
        r#"{"messages":[{"role":"user","content":[{"text":"a"},{"text":"b"}]},{"role":"assistant","content":[{"text":"c"},{"text":"d"}]},{"role":"user","content":[{"text":"e"}]}]}"#
    );
}

#[test]
fn blank_parts_are_dropped_and_announced() {
    let asked = of(vec![Message::User(vec![Part::text(" \n"), Part::text("hi"), Part::text("")])]);
    let translated = translate(NOVA, &asked);
    assert_eq!(text(&translated), r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#);
    assert_eq!(translated.adjusted, [Field::Part(0, 0)]);
    let translated = translate(NOVA, &of(vec![Message::user("")]));
    assert_eq!(text(&translated), r#"{"messages":[{"role":"user","content":[{"text":"."}]}]}"#);
    assert_eq!(translated.adjusted, [Field::Message(0)]);
}

#[test]
fn instructions_between_a_call_and_its_result_move_behind_the_result() {
    let mut asked = of(vec![
        Message::user("q"),
        calls(vec![call("1", "f", "{}")]),
        Message::system("mind"),
        result("1", "r"),
    ]);
    asked.tools = vec![tool("f")];
    let translated = translate(NOVA, &asked);
    assert_eq!(
        member(&text(&translated), "messages"),
        r#"[{"role":"user","content":[{"text":"q"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"1","name":"f","input":{}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"1","content":[{"text":"r"}]}},{"text":"mind"}]}]"#
    );
    assert_eq!(translated.adjusted, [Field::Message(2)]);
}

#[test]
fn a_leading_assistant_gets_a_user_before_it_where_the_family_wants_one() {
    let asked = of(vec![Message::assistant("a"), Message::user("b")]);
    let translated = translate(NOVA, &asked);
    assert!(text(&translated).starts_with(r#"{"messages":[{"role":"user","content":[{"text":"."}]},"#));
    assert_eq!(translated.adjusted, [Field::Message(0)]);
    assert!(translate(CLAUDE, &asked).adjusted.is_empty());
}

#[test]
fn a_last_turn_of_the_assistant_is_trimmed_continued_or_kept() {
    let asked = of(vec![Message::user("q"), Message::assistant("a \n")]);
    let end = |family| member(&body(family, &asked), "messages");
    assert!(end(NOVA).ends_with(r#"{"role":"assistant","content":[{"text":"a \n"}]}]"#));
    assert!(end(CLAUDE).ends_with(r#"{"role":"assistant","content":[{"text":"a"}]}]"#));
    assert!(end("claude-4.6").ends_with(r#"{"role":"user","content":[{"text":"Continue."}]}]"#));
}

#[test]
fn instructions_alone_are_no_conversation() {
    let (kind, field, _) = refused(NOVA, &of(vec![Message::system("s")]));
    assert_eq!((kind, field), (ErrorKind::InvalidRequest, Some(Field::Messages)));
}

#[test]
fn a_family_without_instructions_hears_them_from_the_user() {
    let mut asked = of(vec![Message::user("hi")]);
    asked.system_prompt = Some("be brief".into());
    assert_eq!(
        body("titan-text", &asked),
        r#"{"messages":[{"role":"user","content":[{"text":"be brief"},{"text":"hi"}]}]}"#
    );
}

#[test]
fn what_was_adjusted_is_told_once_and_in_order() {
    let mut asked = of(vec![
        Message::User(vec![Part::text(" "), Part::text("a")]),
        Message::system("s"),
        Message::User(vec![Part::text("b"), Part::text(" ")]),
    ]);
    asked.sampling.temperature = Some(0.5);
    asked.sampling.top_p = Some(0.5);
    let adjusted = translate(CLAUDE, &asked).adjusted;
    assert_eq!(adjusted, [Field::Part(0, 0), Field::Message(1), Field::Part(2, 1), Field::TopP]);
}
