//! What holds of any stream: however its bytes are cut it is the same, tools are counted from 0, an answer ends once,
//! and every event the client gets is one line of JSON.

use chat::{Collector, Error, Event};
use openai_api::{ApiError, ChunkEncoder, Identity, completion};

/// Holds the events of a stream that arrives in pieces of a size, and what the client gets of them, to their rules.
///
/// # Panics
///
/// Where they break one.
pub(crate) fn check(read: impl Fn(usize) -> (Vec<Event>, Option<Error>)) {
    let (events, error) = read(usize::MAX);
    for at_once in [1, 13, 100] {
        assert_eq!(
            format!("{:?}", read(at_once)),
            format!("{:?}", (&events, &error)),
            "in pieces of {at_once}"
        );
    }
    told(&events, error.as_ref());
}

fn told(events: &[Event], error: Option<&Error>) {
    counted(events);
    for (include_usage, legacy) in [(false, false), (true, true)] {
        let mut encoder = ChunkEncoder::new(&identity(), include_usage, legacy);
        let mut out = Vec::new();
        events.iter().for_each(|event| encoder.push(event, &mut out));
        let is_done = encoder.done(&mut out).is_ok();
        assert_eq!(is_done, events.iter().any(|event| matches!(event, Event::Finished(_))));
        if let Some(error) = error {
            encoder.error(&ApiError::from(error), &mut out);
        }
        lines(&out);
    }
    let mut collector = Collector::default();
    events.iter().cloned().for_each(|event| collector.push(event));
    if let Ok(response) = collector.finish() {
        let body = completion(&identity(), &response, false);
        assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok(), "the whole answer is no JSON");
    }
}

fn identity() -> Identity {
    Identity { id: "chatcmpl-1".into(), created: 7, model: "nova".into() }
}

fn counted(events: &[Event]) {
    let (mut calls, mut ends) = (0, 0);
    for event in events {
        match event {
            Event::ToolCall { index, .. } => {
                assert_eq!(*index, calls, "calls are counted from 0");
                calls += 1;
            }
            Event::ToolArguments { index, .. } => assert!(*index < calls, "arguments of no call"),
            Event::Finished(_) => ends += 1,
            Event::Started
            | Event::Text(_)
            | Event::ReasoningText(_)
            | Event::Reasoning(_)
            | Event::Metadata(_) => {}
        }
    }
    assert!(ends <= 1, "the answer ends {ends} times");
}

/// Server-sent events of one line each.
fn lines(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { panic!("the stream is no UTF-8") };
    assert!(text.is_empty() || text.ends_with("\n\n"), "the last event is cut off");
    for event in text.split_terminator("\n\n") {
        let data = event.strip_prefix("data: ").unwrap_or_else(|| panic!("no data: {event:?}"));
        let ends = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];
        assert!(!data.contains(ends), "an event of several lines: {event:?}");
        let is_json = serde_json::from_str::<serde_json::Value>(data).is_ok();
        assert!(is_json || data == "[DONE]", "no JSON: {event:?}");
    }
}
