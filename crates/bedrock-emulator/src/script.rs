//! Scripted replies.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::frame;
use crate::reply::{error_headers, event, request_id, sorted};

/// What a reply waits for until the test opens it.
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Gate {
    /// Lets every reply pass, now and later.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is open.
    pub async fn passed(&self) {
        // The sender lives as long as this gate.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

/// One step of a reply.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Head { status: u16, headers: Vec<(String, String)>, length: Option<usize> },
    Body(Bytes),
    Raw(Bytes),
    Delay(Duration),
    Wait(Gate),
    Stall,
    Reset,
    Close,
}

/// A reply, step by step. Where the steps end, the reply ends as HTTP wants it.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub(crate) steps: Vec<Step>,
}

impl Reply {
    /// Begins a reply of which nothing has been sent, for faults before the head.
    pub fn silence() -> Self {
        Self::default()
    }

    /// A whole reply with a JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, &sorted(body).to_string()).header("content-type", "application/json")
    }

    /// A whole reply with any body.
    pub fn text(status: u16, body: &str) -> Self {
        let headers = vec![("x-amzn-RequestId".to_owned(), request_id(body))];
        let head = Step::Head { status, headers, length: Some(body.len()) };
        Self { steps: vec![head, Step::Body(Bytes::copy_from_slice(body.as_bytes()))] }
    }

    /// An error of Bedrock, such as `ThrottlingException` with 429.
    pub fn error(status: u16, kind: &str, message: &str) -> Self {
        let mut reply = Self::json(status, &json!({ "message": message }));
        for (name, value) in error_headers(kind) {
            reply = reply.header(name, &value);
        }
        reply
    }

    /// A whole answer of [`Converse`](https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html)
    /// with one text.
    pub fn converse(text: &str) -> Self {
        let message = json!({ "role": "assistant", "content": [{ "text": text }] });
        Self::json(
            200,
            &json!({
                "metrics": { "latencyMs": 1 },
                "output": { "message": message },
                "stopReason": "end_turn",
                "usage": { "inputTokens": 1, "outputTokens": 1, "totalTokens": 2 },
            }),
        )
    }

    /// Begins a streamed answer: the head, and no event.
    pub fn events() -> Self {
        let headers = vec![
            ("x-amzn-RequestId".to_owned(), request_id("events")),
            ("content-type".to_owned(), "application/vnd.amazon.eventstream".to_owned()),
        ];
        Self { steps: vec![Step::Head { status: 200, headers, length: None }] }
    }

    /// A whole streamed answer with the given pieces of text.
    pub fn stream(pieces: &[&str]) -> Self {
        let mut reply = Self::events().event("messageStart", &json!({ "role": "assistant" }));
        for piece in pieces {
            reply = reply.text_delta(piece);
        }
        reply
            .event("contentBlockStop", &json!({ "contentBlockIndex": 0 }))
            .event("messageStop", &json!({ "stopReason": "end_turn" }))
            .event(
                "metadata",
                &json!({
                    "metrics": { "latencyMs": 1 },
                    "usage": { "inputTokens": 1, "outputTokens": 1, "totalTokens": 2 },
                }),
            )
    }

    /// Adds or replaces a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Some(Step::Head { headers, .. }) = self.steps.first_mut() {
            headers.retain(|(existing, _)| !existing.eq_ignore_ascii_case(name));
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Adds an event.
    #[must_use]
    pub fn event(self, kind: &str, payload: &Value) -> Self {
        let frame = event(kind, payload);
        self.body(frame)
    }

    /// Adds a piece of text.
    #[must_use]
    pub fn text_delta(self, text: &str) -> Self {
        self.event("contentBlockDelta", &json!({ "contentBlockIndex": 0, "delta": { "text": text } }))
    }

    /// Adds an exception frame, such as `throttlingException`.
    #[must_use]
    pub fn exception(self, kind: &str, message: &str) -> Self {
        let headers = [
            (":exception-type", kind),
            (":content-type", "application/json"),
            (":message-type", "exception"),
        ];
        self.body(frame::encode(&headers, json!({ "message": message }).to_string().as_bytes()))
    }

    /// Adds an error frame, which no exception of the API describes.
    #[must_use]
    pub fn error_frame(self, code: &str, message: &str) -> Self {
        let headers = [(":error-code", code), (":error-message", message), (":message-type", "error")];
        self.body(frame::encode(&headers, b""))
    }

    /// Adds an event of which one bit is wrong.
    #[must_use]
    pub fn corrupt_event(self, kind: &str, payload: &Value, bit: usize) -> Self {
        let mut bytes = event(kind, payload).to_vec();
        if let Some(byte) = bytes.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        self.body(bytes.into())
    }

    /// Adds the first bytes of an event.
    #[must_use]
    pub fn cut_event(self, kind: &str, payload: &Value, length: usize) -> Self {
        let bytes = event(kind, payload);
        let length = length.min(bytes.len());
        self.body(bytes.slice(..length))
    }

    /// Adds bytes to the body.
    #[must_use]
    pub fn body(mut self, bytes: Bytes) -> Self {
        self.steps.push(Step::Body(bytes));
        self
    }

    /// Writes bytes past HTTP's framing; over HTTP/1.1 only.
    #[must_use]
    pub fn raw(mut self, bytes: impl Into<Bytes>) -> Self {
        self.steps.push(Step::Raw(bytes.into()));
        self
    }

    /// Waits for a time.
    #[must_use]
    pub fn delay(mut self, time: Duration) -> Self {
        self.steps.push(Step::Delay(time));
        self
    }

    /// Waits for a gate.
    #[must_use]
    pub fn wait(mut self, gate: &Gate) -> Self {
        self.steps.push(Step::Wait(gate.clone()));
        self
    }

    /// Waits until the client goes.
    #[must_use]
    pub fn stall(mut self) -> Self {
        self.steps.push(Step::Stall);
        self
    }

    /// Goes on with the steps of another reply, such as a whole one behind a gate.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.steps.extend(other.steps);
        self
    }

    /// Resets the connection.
    #[must_use]
    pub fn reset(mut self) -> Self {
        self.steps.push(Step::Reset);
        self
    }

    /// Closes the connection in the middle of the reply.
    #[must_use]
    pub fn close(mut self) -> Self {
        self.steps.push(Step::Close);
        self
    }
}
