//! A Bedrock that does what the prompt tells it to: how long its answer is, how fast it comes, and what goes wrong.

use std::collections::HashSet;
use std::fmt;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use nix::time::{ClockId, clock_gettime};
use serde_json::json;
use tokio::time::Sleep;

use crate::BoxError;
use crate::replies::{event, frame};
use crate::serve::Service;
use crate::upstream::STREAM;

/// Where the upstream says how often it was called.
pub(crate) const COUNTS: &str = "/counts";

/// What a script begins with in a prompt.
const MARK: &str = "soak-script ";

/// Longer than anybody waits.
const FOR_EVER: Duration = Duration::from_secs(600);

/// The event of streams without end.
static LARGE: OnceLock<Bytes> = OnceLock::new();

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// 429 to every call.
    Throttled,
    /// 429 to the first call.
    ThrottledOnce,
    /// 503 to every call.
    Busy,
    /// 503 to the first call.
    BusyOnce,
    /// A reset before the head of every reply.
    Reset,
    /// A reset before the head of the first reply.
    ResetOnce,
    /// The answer is reset in its middle.
    Torn,
    /// A stream ends in order in its middle.
    Cut,
    /// An exception in the middle of a stream.
    Exception,
    /// The head never comes.
    Silent,
    /// The stream never ends, and its pieces are large.
    Endless,
    /// Nothing, and each piece of the stream says when it was sent: in microseconds, with a space behind.
    Dated,
}

const FAULTS: [Fault; 13] = [
    Fault::None,
    Fault::Throttled,
    Fault::ThrottledOnce,
    Fault::Busy,
    Fault::BusyOnce,
    Fault::Reset,
    Fault::ResetOnce,
    Fault::Torn,
    Fault::Cut,
    Fault::Exception,
    Fault::Silent,
    Fault::Endless,
    Fault::Dated,
];

/// What one request's answer is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// The request's own number, which its answer repeats.
    pub(crate) number: u64,
    /// Pieces of text.
    pub(crate) pieces: u32,
    /// Milliseconds before each piece.
    pub(crate) every: u64,
    /// What goes wrong.
    pub(crate) fault: Fault,
    /// Whether the client waits for the end, and so every call is known to have arrived.
    pub(crate) stays: bool,
}

impl Script {
    /// One piece of the answer: of every length, with characters of every width and with what JSON escapes.
    pub(crate) fn piece(&self, index: u32) -> String {
        let Self { number, .. } = self;
        let word = ["\n", " \"ü\"", " 茶", " \\🫖", "\t…"].get(usize::try_from(index % 5).unwrap_or(0));
        format!("{}{number}.{index}", word.unwrap_or(&""))
    }

    /// The whole answer.
    pub(crate) fn text(&self) -> String {
        (0..self.pieces).map(|index| self.piece(index)).collect()
    }

    /// Finds the script in the body of a request.
    fn find(body: &[u8]) -> Option<Self> {
        let at = body.windows(MARK.len()).rposition(|window| window == MARK.as_bytes())?;
        let rest = body.get(at + MARK.len()..)?;
        let end = rest.iter().position(|byte| *byte == b'.')?;
        let mut words = std::str::from_utf8(rest.get(..end)?).ok()?.split(' ');
        let mut next = || words.next()?.parse::<u64>().ok();
        Some(Self {
            number: next()?,
            pieces: next()?.try_into().ok()?,
            every: next()?,
            fault: *FAULTS.get(usize::try_from(next()?).ok()?)?,
            stays: next()? == 1,
        })
    }

    /// Where the answer goes wrong, if it does.
    fn breaks_at(&self) -> Option<u32> {
        matches!(self.fault, Fault::Torn | Fault::Cut | Fault::Exception).then_some(self.pieces / 2)
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, pieces, every, fault, stays } = self;
        let fault = FAULTS.iter().position(|other| other == fault).unwrap_or(0);
        write!(f, "{MARK}{number} {pieces} {every} {fault} {}.", u8::from(*stays))
    }
}

/// The upstream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faulty(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Calls of clients that wait for the end.
    stayed: AtomicU64,
    /// Calls of clients that go.
    gone: AtomicU64,
    /// Requests whose first call has failed.
    failed: Mutex<HashSet<u64>>,
}

impl State {
    /// Whether this is the first call of a request; the second one forgets it.
    fn is_first(&self, number: u64) -> bool {
        // Held for a look-up.
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        !failed.remove(&number) && failed.insert(number)
    }
}

impl Service for Faulty {
    type Body = Answer;

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Answer>, BoxError> {
        let path = request.uri().path().to_owned();
        if path == COUNTS {
            let [stayed, gone] = [&self.0.stayed, &self.0.gone].map(|count| count.load(Ordering::Relaxed));
            return whole(200, &json!({"stayed": stayed, "gone": gone}).to_string());
        }
        let body = request.into_body().collect().await?.to_bytes();
        let script = Script::find(&body).ok_or("a prompt without a script")?;
        let count = if script.stays { &self.0.stayed } else { &self.0.gone };
        count.fetch_add(1, Ordering::Relaxed);
        let throttled = || refused(429, "ThrottlingException");
        let busy = || refused(503, "ServiceUnavailableException");
        match script.fault {
            Fault::Throttled => return throttled(),
            Fault::ThrottledOnce if self.0.is_first(script.number) => return throttled(),
            Fault::Busy => return busy(),
            Fault::BusyOnce if self.0.is_first(script.number) => return busy(),
            Fault::Reset => return Err(BoxError::from("a reset")),
            Fault::ResetOnce if self.0.is_first(script.number) => return Err(BoxError::from("a reset")),
            Fault::Silent => tokio::time::sleep(FOR_EVER).await,
            Fault::None
            | Fault::ThrottledOnce
            | Fault::BusyOnce
            | Fault::ResetOnce
            | Fault::Torn
            | Fault::Cut
            | Fault::Exception
            | Fault::Endless
            | Fault::Dated => {}
        }
        if path.ends_with("/converse-stream") {
            return Ok(Response::builder().header("content-type", STREAM).body(Answer::stream(script))?);
        }
        let text = json!({
            "metrics": {"latencyMs": 1},
            "output": {"message": {"content": [{"text": script.text()}], "role": "assistant"}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 1, "outputTokens": script.pieces, "totalTokens": script.pieces + 1},
        });
        if script.fault == Fault::None || script.breaks_at().is_none() {
            return whole(200, &text.to_string());
        }
        let half = text.to_string().into_bytes();
        let half = half.get(..half.len() / 2).unwrap_or_default().to_vec();
        Ok(Response::builder()
            .header("content-type", "application/json")
            .body(Answer::Torn(Some(half.into())))?)
    }
}

fn whole(status: u16, text: &str) -> Result<Response<Answer>, BoxError> {
    let body = Answer::Whole(Some(Bytes::copy_from_slice(text.as_bytes())));
    Ok(Response::builder().status(status).header("content-type", "application/json").body(body)?)
}

fn refused(status: u16, kind: &str) -> Result<Response<Answer>, BoxError> {
    let mut response = whole(status, r#"{"message":"not now"}"#)?;
    response.headers_mut().insert("x-amzn-errortype", kind.parse()?);
    Ok(response)
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Answer {
    /// All at once.
    Whole(Option<Bytes>),
    /// A part, and then a reset.
    Torn(Option<Bytes>),
    /// In events.
    Stream {
        /// What they say.
        script: Script,
        /// The next event: 0 is the first one of all, and pieces follow.
        next: u32,
        /// When it is due.
        timer: Option<Pin<Box<Sleep>>>,
    },
}

impl Answer {
    fn stream(script: Script) -> Self {
        let timer = (script.every > 0).then(|| Box::pin(tokio::time::sleep(Duration::ZERO)));
        Self::Stream { script, next: 0, timer }
    }
}

/// The time since the machine started, which all of its processes share, and nobody sets.
pub(crate) fn now() -> Result<Duration, BoxError> {
    Ok(clock_gettime(ClockId::CLOCK_MONOTONIC)?.into())
}

/// One event of a stream, where there is another.
fn event_of(script: &Script, index: u32) -> Option<Result<Bytes, BoxError>> {
    let Some(piece) = index.checked_sub(1) else {
        return Some(Ok(event("messageStart", r#"{"role":"assistant"}"#)));
    };
    if script.breaks_at() == Some(piece) {
        let exception = || frame("exception", "throttlingException", r#"{"message":"not now"}"#);
        return if script.fault == Fault::Torn {
            Some(Err(BoxError::from("a reset")))
        } else {
            (script.fault == Fault::Exception).then(|| Ok(exception()))
        };
    }
    let endless = script.fault == Fault::Endless;
    if !endless && piece > script.breaks_at().unwrap_or(script.pieces) {
        return None;
    }
    let delta = |text: &str| {
        event("contentBlockDelta", &json!({"contentBlockIndex": 0, "delta": {"text": text}}).to_string())
    };
    if endless {
        // The same for all: making it a thousand times over would keep the upstream from answering others.
        return Some(Ok(LARGE.get_or_init(|| delta(&"something that nobody reads ".repeat(300))).clone()));
    }
    if script.fault == Fault::Dated && piece < script.pieces {
        return Some(now().map(|now| delta(&format!("{} ", now.as_micros()))));
    }
    if piece < script.pieces {
        return Some(Ok(delta(&script.piece(piece))));
    }
    let usage = json!({"usage": {"inputTokens": 1, "outputTokens": piece, "totalTokens": piece + 1}});
    let last = [
        event("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        event("messageStop", r#"{"stopReason":"end_turn"}"#),
        event("metadata", &usage.to_string()),
    ];
    Some(Ok(last.concat().into()))
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let data = match &mut *self {
            Self::Whole(bytes) => bytes.take().map(Ok),
            Self::Torn(bytes) => Some(bytes.take().ok_or_else(|| BoxError::from("a reset"))),
            Self::Stream { script, next, timer } => {
                if let Some(timer) = timer {
                    ready!(timer.as_mut().poll(context));
                    let due = timer.deadline() + Duration::from_millis(script.every);
                    timer.as_mut().reset(due);
                }
                let event = event_of(script, *next);
                *next = next.saturating_add(1);
                event
            }
        };
        Poll::Ready(data.map(|data| data.map(Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_have_their_pieces_and_end_as_they_are_told() {
        let ends = |fault, pieces| {
            let script = Script { number: 1, pieces, every: 0, fault, stays: true };
            (0..1_000).take_while(|index| matches!(event_of(&script, *index), Some(Ok(_)))).count()
        };
        // The first event, the pieces, and the last ones in one; half of the pieces; and an exception after them.
        assert_eq!(ends(Fault::None, 20), 22);
        assert_eq!(ends(Fault::Dated, 20), 22);
        assert_eq!(ends(Fault::Cut, 20), 11);
        assert_eq!(ends(Fault::Torn, 20), 11);
        assert_eq!(ends(Fault::Exception, 20), 12);
        assert_eq!(ends(Fault::Endless, 1), 1_000);
    }

    #[test]
    fn a_script_is_found_in_a_prompt() {
        for fault in FAULTS {
            let script = Script { number: 71, pieces: 300, every: 100, fault, stays: true };
            let body = json!({"messages": [{"content": [{"text": format!("please {script} thanks")}]}]});
            assert_eq!(Script::find(body.to_string().as_bytes()), Some(script));
        }
        assert_eq!(Script::find(b"soak-script 1 2 3."), None);
    }
}
