//! Streams event by event: what each means, and that none does harm.

use chat::{Event, FinishReason};
use proptest::prelude::*;

use super::*;

/// Pushes events, and gives what they mean; the kind of the error ends it.
fn pushed(events: &[(&str, &str)], restore: Restore) -> (Vec<Event>, Option<ErrorKind>) {
    let mut translator = EventTranslator::new(restore);
    let mut told = Vec::new();
    for (event_type, payload) in events {
        if let Err(error) = translator.push(event_type, payload.as_bytes()) {
            return (told, Some(error.kind()));
        }
        told.extend(std::iter::from_fn(|| translator.pop()));
    }
    (told, None)
}

fn shown(events: &[(&str, &str)]) -> Vec<String> {
    let (told, error) = pushed(events, Restore::default());
    let error = error.map(|kind| format!("Error({kind:?})"));
    told.iter().map(|event| format!("{event:?}")).chain(error).collect()
}

const START: (&str, &str) = ("messageStart", r#"{"role":"assistant","p":"ab"}"#);
const STOP: (&str, &str) = ("messageStop", r#"{"stopReason":"end_turn"}"#);

fn tool_start(index: u8, id: &str) -> String {
    format!(r#"{{"contentBlockIndex":{index},"start":{{"toolUse":{{"toolUseId":"{id}","name":"f"}}}}}}"#)
}

fn tool_delta(index: u8, piece: &str) -> String {
    let piece = serde_json::to_string(piece).unwrap();
    format!(r#"{{"contentBlockIndex":{index},"delta":{{"toolUse":{{"input":{piece}}}}}}}"#)
}

#[test]
fn calls_are_counted_by_themselves_and_pieces_may_interleave() {
    let events = [
        START,
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"a"}}"#),
        ("contentBlockStart", &tool_start(3, "x")),
        ("contentBlockStart", &tool_start(7, "y")),
        ("contentBlockDelta", &tool_delta(7, "{\"b\"")),
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"b"}}"#),
        ("contentBlockDelta", &tool_delta(7, ":1}")),
        ("contentBlockStop", r#"{"contentBlockIndex":3}"#),
        ("contentBlockStop", r#"{"contentBlockIndex":7}"#),
        STOP,
    ];
    assert_eq!(
        shown(&events),
        [
            "Started",
            r#"Text("a")"#,
            r#"ToolCall { index: 0, id: "x", name: "f" }"#,
            r#"ToolCall { index: 1, id: "y", name: "f" }"#,
            r#"ToolArguments { index: 1, piece: "{\"b\"" }"#,
            r#"Text("b")"#,
            r#"ToolArguments { index: 1, piece: ":1}" }"#,
            r#"ToolArguments { index: 0, piece: "{}" }"#,
            "Finished(ToolCalls)",
        ]
    );
}

#[test]
fn a_block_of_thoughts_is_whole_at_its_stop_at_the_next_block_or_at_the_end() {
    let text = ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"a"}}}"#);
    let proof =
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"s"}}}"#);
    let whole = r#"Reasoning(Thinking { text: "a", signature: Some("s") })"#;
    let stop = ("contentBlockStop", r#"{"contentBlockIndex":0}"#);
    let next = ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"text":"x"}}"#);
    let began = ["Started", r#"ReasoningText("a")"#];
    assert_eq!(shown(&[START, text, proof, stop])[2..], [whole]);
    assert_eq!(shown(&[START, text, proof, next])[2..], [whole, r#"Text("x")"#]);
    assert_eq!(shown(&[START, text, proof, STOP])[2..], [whole, "Finished(Stop)"]);
    assert_eq!(shown(&[START, text, proof])[..], began);
}

#[test]
fn what_breaks_the_protocol_is_an_error() {
    let text = |index| format!(r#"{{"contentBlockIndex":{index},"delta":{{"text":"a"}}}}"#);
    let stop = ("contentBlockStop", r#"{"contentBlockIndex":0}"#);
    let call = tool_start(0, "x");
    let piece = tool_delta(0, "{}");
    let text = text(0);
    for events in [
        vec![("contentBlockDelta", text.as_str())],
        vec![START, START],
        vec![START, ("contentBlockDelta", piece.as_str())],
        vec![START, ("contentBlockDelta", text.as_str()), stop, ("contentBlockDelta", text.as_str())],
        vec![START, ("contentBlockStart", call.as_str()), ("contentBlockStart", call.as_str())],
        vec![START, ("contentBlockStart", call.as_str()), stop, ("contentBlockDelta", piece.as_str())],
        vec![START, ("contentBlockStart", call.as_str()), ("contentBlockDelta", text.as_str())],
        vec![START, STOP, ("contentBlockDelta", text.as_str())],
        vec![START, ("metadata", "{}")],
        vec![START, STOP, ("metadata", "{}"), ("metadata", "{}")],
        vec![START, ("contentBlockDelta", "{")],
    ] {
        let (_, error) = pushed(&events, Restore::default());
        assert_eq!(error, Some(ErrorKind::Protocol), "{events:?}");
    }
}

#[test]
fn a_result_of_bedrock_s_own_tools_is_passed_over() {
    let events = [
        START,
        (
            "contentBlockStart",
            r#"{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"s","name":"nova_code_interpreter","type":"server_tool_use"}}}"#,
        ),
        ("contentBlockDelta", &tool_delta(0, "{}")),
        ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        ("contentBlockStart", r#"{"contentBlockIndex":1,"start":{"toolResult":{"toolUseId":"s"}}}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"toolResult":[{"json":{}}]}}"#),
        ("contentBlockStop", r#"{"contentBlockIndex":1}"#),
        ("contentBlockStart", &tool_start(2, "x")),
        STOP,
    ];
    assert_eq!(
        shown(&events),
        [
            "Started",
            r#"ToolCall { index: 0, id: "x", name: "f" }"#,
            r#"ToolArguments { index: 0, piece: "{}" }"#,
            "Finished(ToolCalls)",
        ]
    );
    let mut translator = EventTranslator::new(Restore::default());
    for (event_type, payload) in events {
        translator.push(event_type, payload.as_bytes()).unwrap();
    }
    assert_eq!(translator.skipped(), 0);
}

#[test]
fn the_unknown_is_skipped_and_counted() {
    let events = [
        START,
        ("somethingNew", "{}"),
        ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"new":{}}}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"text":"a"}}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"citation":{}}}"#),
        STOP,
    ];
    assert_eq!(shown(&events), ["Started", r#"Text("a")"#, "Finished(Stop)"]);
    let mut translator = EventTranslator::new(Restore::default());
    for (event_type, payload) in events {
        translator.push(event_type, payload.as_bytes()).unwrap();
    }
    assert_eq!(translator.skipped(), 3);
}

#[test]
fn the_output_tool_streams_as_text() {
    let restore = Restore { output_tool: Some("f".into()), ..Restore::default() };
    let start = tool_start(0, "x");
    let (head, tail) = (tool_delta(0, "{\"a\""), tool_delta(0, ":1}"));
    let events = [
        START,
        ("contentBlockStart", start.as_str()),
        ("contentBlockDelta", head.as_str()),
        ("contentBlockDelta", tail.as_str()),
        STOP,
    ];
    let (told, error) = pushed(&events, restore);
    assert_eq!(error, None);
    let told: Vec<String> = told.iter().map(|event| format!("{event:?}")).collect();
    assert_eq!(told, ["Started", r#"Text("{\"a\"")"#, r#"Text(":1}")"#, "Finished(Stop)"]);
}

fn event() -> impl Strategy<Value = (&'static str, String)> {
    let delta = |index: u64, delta: &str| {
        ("contentBlockDelta", format!(r#"{{"contentBlockIndex":{index},"delta":{delta}}}"#))
    };
    let texts = proptest::sample::select(vec!["a", "<thinking>", "</thinking>", "", " ", "é"]);
    let names = proptest::sample::select(vec!["f", "json_output"]);
    let reasons = proptest::sample::select(vec!["end_turn", "tool_use", "malformed_tool_use", "new"]);
    prop_oneof![
        1 => Just(("messageStart", "{}".to_owned())),
        6 => (0..4_u64, texts.clone()).prop_map(move |(index, text)| delta(index, &format!(r#"{{"text":"{text}"}}"#))),
        4 => (0..4_u64, texts.clone())
            .prop_map(move |(index, text)| delta(index, &format!(r#"{{"toolUse":{{"input":"{text}"}}}}"#))),
        4 => (0..4_u64, texts.clone())
            .prop_map(move |(index, text)| delta(index, &format!(r#"{{"reasoningContent":{{"text":"{text}"}}}}"#))),
        2 => (0..4_u64, texts)
            .prop_map(move |(index, text)| delta(index, &format!(r#"{{"reasoningContent":{{"signature":"{text}"}}}}"#))),
        1 => (0..4_u64).prop_map(move |index| delta(index, r#"{"new":1}"#)),
        4 => (0..4_u64, names).prop_map(|(index, name)| {
            let start = format!(r#"{{"toolUse":{{"toolUseId":"i","name":"{name}"}}}}"#);
            ("contentBlockStart", format!(r#"{{"contentBlockIndex":{index},"start":{start}}}"#))
        }),
        4 => (0..4_u64).prop_map(|index| ("contentBlockStop", format!(r#"{{"contentBlockIndex":{index}}}"#))),
        1 => reasons.prop_map(|reason| ("messageStop", format!(r#"{{"stopReason":"{reason}"}}"#))),
        1 => Just(("metadata", r#"{"usage":{"inputTokens":-1}}"#.to_owned())),
        2 => odd(),
    ]
}

/// Events as no version of the API describes them.
fn odd() -> impl Strategy<Value = (&'static str, String)> {
    let types = vec![
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
        "",
        "éventNew",
    ];
    let payloads = vec![
        "",
        "{",
        "null",
        "[]",
        "{}",
        r#"{"contentBlockIndex":null}"#,
        r#"{"contentBlockIndex":-1,"delta":{"text":"a"}}"#,
        r#"{"contentBlockIndex":18446744073709551615,"delta":{"text":"a"}}"#,
        r#"{"contentBlockIndex":18446744073709551616,"delta":{"text":"a"}}"#,
        r#"{"contentBlockIndex":1.5,"start":{}}"#,
        r#"{"contentBlockIndex":0,"delta":null}"#,
        r#"{"contentBlockIndex":0,"delta":{"text":null,"toolUse":{"input":null}}}"#,
        r#"{"contentBlockIndex":0,"delta":{"text":"\ud800"}}"#,
        r#"{"contentBlockIndex":0,"delta":{"text":"a","text":"b"}}"#,
        r#"{"contentBlockIndex":0,"delta":{"text":"a","toolUse":{"input":"{}"}}}"#,
        r#"{"contentBlockIndex":0,"delta":{"toolUse":{"input":{"a":1}}}}"#,
        r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{}}}"#,
        r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"redactedContent":"!","signature":"s"}}}"#,
        r#"{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"","name":""}}}"#,
        r#"{"contentBlockIndex":0,"start":{"toolUse":{}}}"#,
        r#"{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"i","name":"f","type":"server_tool_use"}}}"#,
        r#"{"stopReason":""}"#,
        r#"{"stopReason":null}"#,
        r#"{"stopReason":"end_turn","stopReason":"tool_use"}"#,
        r#"{"usage":null,"trace":1,"metrics":{}}"#,
        r#"{"usage":{"inputTokens":1e300},"trace":{"guardrail":"\n"}}"#,
    ];
    let (types, payloads) = (proptest::sample::select(types), proptest::sample::select(payloads));
    (types, payloads).prop_map(|(event_type, payload)| (event_type, payload.to_owned()))
}

proptest! {
    #[test]
    fn no_sequence_of_events_does_harm(
        events in proptest::collection::vec(event(), 0..40),
        begins in any::<bool>(),
        drops_calls in any::<bool>(),
        lifts_thinking in any::<bool>(),
        has_output in any::<bool>(),
    ) {
        let output_tool = has_output.then(|| "json_output".to_owned());
        let restore = Restore { drops_calls, lifts_thinking, output_tool, ..Restore::default() };
        let mut translator = EventTranslator::new(restore);
        let mut told = Vec::new();
        if begins {
            translator.push("messageStart", b"{}").unwrap();
        }
        for (event_type, payload) in &events {
            // Even what follows an error may not panic.
            let pushed = translator.push(event_type, payload.as_bytes());
            while let Some(event) = translator.pop() {
                told.push(event);
            }
            if let Err(error) = pushed {
                prop_assert!(matches!(error.kind(), ErrorKind::Protocol | ErrorKind::MalformedOutput));
            }
        }
        let mut calls = 0;
        let mut finished = 0;
        for event in &told {
            match event {
                Event::ToolCall { index, .. } => {
                    prop_assert_eq!(*index, calls);
                    calls += 1;
                }
                Event::ToolArguments { index, .. } => prop_assert!(*index < calls),
                Event::Finished(reason) => {
                    finished += 1;
                    let calls_out = *reason == FinishReason::ToolCalls;
                    prop_assert_eq!(calls_out, calls > 0);
                }
                Event::Started | Event::Text(_) | Event::ReasoningText(_) | Event::Reasoning(_) | Event::Metadata(_) => {}
            }
        }
        prop_assert!(finished <= 1);
        prop_assert!(finished == 1 || !told.iter().any(|event| matches!(event, Event::Metadata(_))) || translator.is_complete());
    }
}
