//! A streamed answer as a reply's body.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use chat::{ErrorKind, EventStream};
use http_body::Frame;
use openai_api::{ApiError, ChunkEncoder, KEEP_ALIVE};
use tokio::time::{Instant, Sleep};

use super::error::name;
use super::exchange::Exchange;
use crate::shutdown::Cut;

/// Events that are there together leave in one piece, up to this size and the rest of an event. The connection gathers
/// pieces for a write.
const WRITE_SIZE: usize = 8 * 1024;

/// A buffer that is larger than its text by more than this is not passed on as it is: where a client does not keep up,
/// it would be kept.
const SLACK: usize = 1024;

/// What every event ends with.
const END: &[u8] = b"\n\n";

/// The bytes of one streamed answer. Dropping it drops the events, and with them the call to the provider.
///
/// It is polled only as fast as the client reads, and holds no more than one piece.
pub(super) struct SseBody {
    /// Gone once the answer has ended.
    answer: Option<Answer>,
    exchange: Arc<Exchange>,
    keep_alive: Pin<Box<Sleep>>,
    last_write: Instant,
    /// How long the last write was: the next one is about as long.
    last_size: usize,
    cut: Cut,
}

struct Answer {
    events: EventStream,
    encoder: ChunkEncoder,
}

/// How polling the events went.
enum Polled {
    /// There are more to come, now or later.
    More,
    /// All are out.
    Complete,
    /// The answer failed.
    Failed(ApiError, &'static str),
}

impl SseBody {
    pub(super) fn new(events: EventStream, encoder: ChunkEncoder, exchange: Arc<Exchange>) -> Self {
        let now = Instant::now();
        let keep_alive = Box::pin(tokio::time::sleep_until(now + exchange.gateway.limits.keep_alive));
        let cut = exchange.gateway.shutdown.until_cut();
        Self {
            answer: Some(Answer { events, encoder }),
            exchange,
            keep_alive,
            last_write: now,
            last_size: 0,
            cut,
        }
    }

    /// Writes the events that are there.
    fn poll_events(&mut self, context: &mut Context<'_>, out: &mut Vec<u8>) -> Polled {
        let Some(answer) = &mut self.answer else { return Polled::Complete };
        while out.len() < WRITE_SIZE {
            match answer.events.as_mut().poll_next(context) {
                Poll::Ready(Some(Ok(event))) => {
                    self.exchange.observe(&event);
                    answer.encoder.push(&event, out);
                }
                Poll::Ready(Some(Err(error))) => {
                    self.exchange.failed_by(&error);
                    return Polled::Failed(ApiError::from(&error), error.kind().name());
                }
                Poll::Ready(None) => return Polled::Complete,
                Poll::Pending => break,
            }
        }
        Polled::More
    }

    /// Ends the answer in the one way that its events allow.
    fn end(&mut self, polled: Polled, out: &mut Vec<u8>) {
        let Some(Answer { encoder, events }) = self.answer.take() else { return };
        drop(events);
        let (error, reason) = match polled {
            Polled::More => return,
            Polled::Complete => match encoder.done(out) {
                Ok(()) => return self.exchange.complete(),
                Err(unfinished) => {
                    let error = chat::Error::new(ErrorKind::Incomplete, unfinished.to_string());
                    (ApiError::from(&error), error.kind().name())
                }
            },
            Polled::Failed(error, reason) => (error, reason),
        };
        encoder.error(&error, out);
        self.exchange.fail(reason);
    }

    /// Waits for the end of the process, or for a sign of life to be due.
    fn poll_silence(&mut self, context: &mut Context<'_>, out: &mut Vec<u8>) {
        if self.cut.as_mut().poll(context).is_ready() {
            self.end(cut_off(), out);
            return;
        }
        let pause = self.exchange.gateway.limits.keep_alive;
        // The timer is set anew only when it fires: most writes then cost nothing here.
        while self.keep_alive.as_mut().poll(context).is_ready() {
            if self.last_write.elapsed() >= pause {
                out.extend_from_slice(KEEP_ALIVE);
                self.keep_alive.as_mut().reset(Instant::now() + pause);
                return;
            }
            let due = self.last_write + pause;
            self.keep_alive.as_mut().reset(due);
        }
    }
}

/// What the end of the process leaves of an answer.
fn cut_off() -> Polled {
    let error = ApiError::shutting_down();
    let reason = name(&error);
    Polled::Failed(error, reason)
}

/// What a defect in the middle of an answer leaves: the events that were written as a whole.
fn defect(out: &mut Vec<u8>) -> Polled {
    let whole = out.windows(END.len()).rposition(|bytes| bytes == END);
    out.truncate(whole.map_or(0, |start| start + END.len()));
    let error = ApiError::internal();
    let reason = name(&error);
    Polled::Failed(error, reason)
}

impl http_body::Body for SseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.answer.is_none() {
            return Poll::Ready(None);
        }
        let mut out = Vec::with_capacity(self.last_size + SLACK / 4);
        // However much there is to say, at the end of the process it is that it ends.
        let polled = if self.exchange.gateway.shutdown.is_cutting() {
            cut_off()
        } else {
            // A defect in one answer is that answer's alone, and the client learns of it.
            let polled = catch_unwind(AssertUnwindSafe(|| self.poll_events(context, &mut out)));
            polled.unwrap_or_else(|_| defect(&mut out))
        };
        match polled {
            Polled::More if out.is_empty() => self.poll_silence(context, &mut out),
            Polled::More => {}
            ended @ (Polled::Complete | Polled::Failed(..)) => self.end(ended, &mut out),
        }
        if out.is_empty() {
            return if self.answer.is_none() { Poll::Ready(None) } else { Poll::Pending };
        }
        self.last_write = Instant::now();
        self.last_size = out.len();
        if out.capacity() - out.len() > SLACK {
            out.shrink_to_fit();
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(out)))))
    }

    fn is_end_stream(&self) -> bool {
        self.answer.is_none()
    }
}
