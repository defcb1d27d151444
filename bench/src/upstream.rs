//! A Bedrock that costs next to nothing: its answers are bytes that were made before it was asked.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::Sleep;

use crate::BoxError;
use crate::scenario::{LITE, MICRO, PACE, PRO};
use crate::serve::Service;

const WHOLE: &str = concat!(
    r#"{"metrics":{"latencyMs":812},"output":{"message":{"content":[{"text":""#,
    "A reverse proxy stands in front of servers, takes the requests of their clients and passes them on. It can end TLS, ",
    "spread load, keep answers for the next who asks and hide what is behind it. Since every byte goes through it, what it ",
    "does per request has to be little: read no more than it needs, keep connections open, copy nothing, and pass pieces on ",
    "as they come. Before a language model it mostly waits; it wakes for each piece, translates it, and sends it at once.",
    r#""}],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":142,"outputTokens":120,"serverToolUsage":{},"totalTokens":262}}"#
);

/// Bedrock pads its events, so that their lengths tell nothing of the text.
const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// The upstream. Which stream it gives depends on the model that is asked.
#[derive(Clone)]
pub(crate) struct Upstream {
    short: Bytes,
    long: Bytes,
    paced: Arc<Vec<Bytes>>,
}

impl Default for Upstream {
    fn default() -> Self {
        let paced = stream(100);
        Self { short: paced.concat().into(), long: stream(1_000).concat().into(), paced: Arc::new(paced) }
    }
}

/// The events of an answer in so many pieces; the last three events are one.
fn stream(deltas: usize) -> Vec<Bytes> {
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
pub(crate) fn event(kind: &'static str, payload: &str) -> Bytes {
    frame("event", kind, payload)
}

/// A frame: an `event` or an `exception`.
pub(crate) fn frame(message: &'static str, kind: &'static str, payload: &str) -> Bytes {
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

impl Service for Upstream {
    type Body = Answer;

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Answer>, BoxError> {
        let path = request.uri().path().to_owned();
        let mut body = request.into_body();
        while let Some(frame) = body.frame().await {
            frame?;
        }
        let Some(rest) = path.strip_prefix("/model/") else { return Err(BoxError::from("no such path")) };
        let (model, operation) = rest.rsplit_once('/').unwrap_or_default();
        let model = model.replace("%3A", ":");
        let (kind, answer) = match (operation, model.as_str()) {
            ("converse", _) => {
                ("application/json", Answer::Burst(Some(Bytes::from_static(WHOLE.as_bytes()))))
            }
            (_, LITE) => (STREAM, Answer::Burst(Some(self.short.clone()))),
            (_, PRO) => (STREAM, Answer::Burst(Some(self.long.clone()))),
            (_, MICRO) => (STREAM, Answer::paced(Arc::clone(&self.paced))),
            _ => return Err(BoxError::from("no such model")),
        };
        let response = Response::builder()
            .header("content-type", kind)
            .header("x-amzn-requestid", "11111111-2222-3333-4444-555555555555")
            .body(answer)?;
        Ok(response)
    }
}

/// The type of a streamed answer.
pub(crate) const STREAM: &str = "application/vnd.amazon.eventstream";

/// The bytes of an answer.
pub(crate) enum Answer {
    Burst(Option<Bytes>),
    Paced { events: Arc<Vec<Bytes>>, next: usize, timer: Pin<Box<Sleep>> },
}

impl Answer {
    fn paced(events: Arc<Vec<Bytes>>) -> Self {
        Self::Paced { events, next: 0, timer: Box::pin(tokio::time::sleep(Duration::ZERO)) }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let data = match &mut *self {
            Self::Burst(bytes) => bytes.take(),
            Self::Paced { events, next, timer } => {
                let Some(event) = events.get(*next) else { return Poll::Ready(None) };
                ready!(timer.as_mut().poll(context));
                let due = timer.deadline() + PACE;
                timer.as_mut().reset(due);
                *next += 1;
                Some(event.clone())
            }
        };
        Poll::Ready(data.map(|data| Ok(Frame::data(data))))
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match self {
            Self::Burst(Some(bytes)) => {
                http_body::SizeHint::with_exact(bytes.len().try_into().unwrap_or(u64::MAX))
            }
            Self::Burst(None) => http_body::SizeHint::with_exact(0),
            Self::Paced { .. } => http_body::SizeHint::default(),
        }
    }
}
