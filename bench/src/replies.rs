//! What Bedrock answers in the benchmarks, byte by byte.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;

/// A whole reply.
pub const WHOLE: &str = concat!(
    r#"{"metrics":{"latencyMs":812},"output":{"message":{"content":[{"text":""#,
    "A reverse proxy stands in front of servers, takes the requests of their clients and passes them on. It can end TLS, ",
    "spread load, keep answers for the next who asks and hide what is behind it. Since every byte goes through it, what it ",
    "does per request has to be little: read no more than it needs, keep connections open, copy nothing, and pass pieces on ",
    "as they come. Before a language model it mostly waits; it wakes for each piece, translates it, and sends it at once.",
    r#""}],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":142,"outputTokens":120,"serverToolUsage":{},"totalTokens":262}}"#
);

/// Bedrock pads its events, so that their lengths tell nothing of the text.
const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// The events of an answer in so many pieces; the last three events are one.
pub fn stream(deltas: usize) -> Vec<Bytes> {
    let padding = |length: usize| PADDING.get(..length).unwrap_or(PADDING);
    let mut events = vec![event("messageStart", &format!(r#"{{"p":"{}","role":"assistant"}}"#, padding(20)))];
    for index in 0..deltas {
        let p = padding(4 + index * 7 % 40);
        let payload = format!(r#"{{"contentBlockIndex":0,"delta":{{"text":" word{index}"}},"p":"{p}"}}"#);
        events.push(event("contentBlockDelta", &payload));
    }
    let usage = format!(r#"{{"inputTokens":142,"outputTokens":{deltas},"totalTokens":{}}}"#, deltas + 142);
    let last = [
        event("contentBlockStop", r#"{"contentBlockIndex":0,"p":"abcdefghijkl"}"#),
        event("messageStop", r#"{"p":"abcdefghijklmnopqrst","stopReason":"end_turn"}"#),
        event("metadata", &format!(r#"{{"metrics":{{"latencyMs":812}},"p":"abcdefg","usage":{usage}}}"#)),
    ];
    events.push(last.concat().into());
    events
}

/// The frame of an event.
pub fn event(kind: &'static str, payload: &str) -> Bytes {
    frame("event", kind, payload)
}

/// A frame: an `event` or an `exception`.
pub fn frame(message: &'static str, kind: &'static str, payload: &str) -> Bytes {
    let header =
        |name: &'static str, value: &'static str| Header::new(name, HeaderValue::String(value.into()));
    let message = Message::new(Bytes::copy_from_slice(payload.as_bytes()))
        .add_header(header(if message == "event" { ":event-type" } else { ":exception-type" }, kind))
        .add_header(header(":content-type", "application/json"))
        .add_header(header(":message-type", message));
    let mut frame = Vec::new();
    // Headers this short always fit.
    let _ = write_message_to(&message, &mut frame);
    frame.into()
}
