//! What holds of any answer that is written in chunks: each is one line of JSON, and together they are the answer.

use chat::{Event, FinishReason};
use openai_api::{ApiError, ChunkEncoder, Identity};
use serde_json::Value;

/// Stands between the events of an input.
const SEPARATOR: char = '\u{1e}';

/// Reads events: a letter that says what it is, and its text. `t` is text, `r` reasoning, `c` the name of a call, `a`
/// a piece of its arguments.
fn events(text: &str) -> Vec<Event> {
    let mut calls = 0_usize;
    let mut events = vec![Event::Started];
    for event in text.split(SEPARATOR) {
        let mut rest = event.chars();
        let kind = rest.next();
        let text = rest.as_str().to_owned();
        match (kind, calls.checked_sub(1)) {
            (Some('t'), _) => events.push(Event::Text(text)),
            (Some('r'), _) => events.push(Event::ReasoningText(text)),
            (Some('c'), _) => {
                events.push(Event::ToolCall { index: calls, id: format!("call_{calls}{text}"), name: text });
                calls += 1;
            }
            (Some('a'), Some(index)) => events.push(Event::ToolArguments { index, piece: text }),
            _ => {}
        }
    }
    events.push(Event::Finished(if calls > 0 { FinishReason::ToolCalls } else { FinishReason::Stop }));
    events
}

/// Writes the events of a text in chunks, and puts the chunks together as a client does.
///
/// # Panics
///
/// Where what comes of it is not what went in.
pub(crate) fn check(text: &str) {
    let events = events(text);
    let identity = Identity { id: "chatcmpl-1".into(), created: 7, model: text.chars().take(20).collect() };
    let mut encoder = ChunkEncoder::new(&identity, true, false);
    let mut out = Vec::new();
    events.iter().for_each(|event| encoder.push(event, &mut out));
    assert!(encoder.done(&mut out).is_ok());
    let seen = Seen::read(&out);
    let mut sent = Seen::default();
    for event in &events {
        match event {
            Event::Text(text) => sent.content.push_str(text),
            Event::ReasoningText(text) => sent.reasoning.push_str(text),
            Event::ToolCall { id, name, .. } => {
                sent.calls.push(Call { id: id.clone(), name: name.clone(), arguments: String::new() });
            }
            Event::ToolArguments { piece, .. } => {
                // Those of the last call: there are no others.
                let Some(call) = sent.calls.last_mut() else { panic!("arguments of no call") };
                call.arguments.push_str(piece);
            }
            Event::Started | Event::Reasoning(_) | Event::Finished(_) | Event::Metadata(_) => {}
        }
    }
    assert_eq!((&seen.content, &seen.reasoning), (&sent.content, &sent.reasoning));
    assert_eq!(seen.calls.len(), sent.calls.len());
    for (seen, sent) in seen.calls.iter().zip(&sent.calls) {
        assert_eq!((&seen.id, &seen.name), (&sent.id, &sent.name));
        arguments(&seen.arguments, &sent.arguments);
    }
    // An error is an event of its own, whatever it says.
    let mut out = Vec::new();
    encoder.error(&ApiError::from(&chat::Error::new(chat::ErrorKind::Upstream, text)), &mut out);
    let error = payloads(&out).pop().and_then(|data| serde_json::from_str::<Value>(data).ok());
    assert!(error.is_some_and(|error| error.pointer("/error/message").is_some_and(Value::is_string)));
}

/// Only white space between tokens may be gone, and the meaning stays.
fn arguments(seen: &str, sent: &str) {
    if sent.trim_ascii().is_empty() {
        // A call without arguments has an empty object for them.
        assert!(["", "{}"].contains(&seen.trim_ascii()), "{sent:?} became {seen:?}");
        return;
    }
    let squeezed =
        |text: &str| text.chars().filter(|c| !matches!(c, ' ' | '\t' | '\n' | '\r')).collect::<String>();
    assert_eq!(squeezed(seen), squeezed(sent));
    let meaning = |text: &str| serde_json::from_str::<Value>(text).ok();
    assert_eq!(meaning(seen), meaning(sent), "{sent:?} became {seen:?}");
}

#[derive(Default)]
struct Call {
    id: String,
    name: String,
    arguments: String,
}

#[derive(Default)]
struct Seen {
    content: String,
    reasoning: String,
    calls: Vec<Call>,
}

impl Seen {
    fn read(bytes: &[u8]) -> Self {
        let mut seen = Self::default();
        let mut payloads = payloads(bytes);
        assert_eq!(payloads.pop(), Some("[DONE]"));
        for data in payloads {
            let Ok(chunk) = serde_json::from_str::<Value>(data) else { panic!("no JSON: {data:?}") };
            let Some(delta) = chunk.pointer("/choices/0/delta") else { continue };
            seen.content.push_str(delta["content"].as_str().unwrap_or_default());
            seen.reasoning.push_str(delta["reasoning_content"].as_str().unwrap_or_default());
            for call in delta["tool_calls"].as_array().into_iter().flatten() {
                let text = |at| call.pointer(at).and_then(Value::as_str).unwrap_or_default();
                if call.get("id").is_some() {
                    assert_eq!(call["index"], seen.calls.len());
                    let (id, name) = (text("/id").to_owned(), text("/function/name").to_owned());
                    seen.calls.push(Call { id, name, arguments: String::new() });
                }
                let index = call["index"].as_u64().and_then(|index| usize::try_from(index).ok());
                let call_of = index.and_then(|index| seen.calls.get_mut(index));
                let Some(told) = call_of else { panic!("arguments of no call: {data}") };
                told.arguments.push_str(text("/function/arguments"));
            }
        }
        seen
    }
}

/// The events of a stream, each of which is one line.
fn payloads(bytes: &[u8]) -> Vec<&str> {
    let Ok(text) = std::str::from_utf8(bytes) else { panic!("the stream is no UTF-8") };
    assert!(text.ends_with("\n\n"), "the last event is cut off");
    let ends = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];
    let payload = |event| -> &str {
        let Some(data) = str::strip_prefix(event, "data: ") else { panic!("no data: {event:?}") };
        assert!(!data.contains(ends), "an event of several lines: {event:?}");
        data
    };
    text.split_terminator("\n\n").map(payload).collect()
}
