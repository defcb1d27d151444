//! The events of one streamed answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use chat::{Error, ErrorKind, Event, Head, Result, Vital};
use futures_core::Stream;
use http_body::Body;
use tokio::time::{Instant, Sleep};

use super::call::{Outcome, with_head};
use super::credentials::Held;
use super::frames::{FrameReader, Message};
use super::link::Reply;
use super::lost::lost;
use crate::spec::BedrockSpec;
use crate::translate::{EventTranslator, Restore, ServiceError};

/// How long the usage and the end of the connection are waited for once the answer is complete.
const AFTER_STOP: Duration = Duration::from_secs(2);

/// How long the end of the connection is waited for once nothing more is to come: a connection whose end was seen
/// serves the next call.
const AFTER_METADATA: Duration = Duration::from_millis(100);

/// A stream of events that ends well only after `messageStop`.
///
/// Dropping it closes the connection, so that Bedrock stops generating.
#[derive(Debug)]
pub(crate) struct Events {
    spec: Arc<BedrockSpec>,
    head: Head,
    identity: Arc<Held>,
    body: Reply,
    frames: FrameReader,
    translator: EventTranslator,
    /// Fires at [`due`](Self::due), or before and is then set anew: most events never touch it.
    timer: Pin<Box<Sleep>>,
    /// When the event must be there that is waited for now.
    due: Instant,
    /// Whether `due` is of the event that is waited for now.
    armed: bool,
    /// When the whole request must be over.
    deadline: Instant,
    ended: bool,
}

impl Events {
    /// Takes a stream that has begun. Everything must be there by `deadline`.
    pub(crate) fn new(spec: Arc<BedrockSpec>, outcome: Outcome, deadline: Instant, restore: Restore) -> Self {
        let Outcome { head, response, started, identity } = outcome;
        let due = (started + spec.policy.first_event).min(deadline);
        Self {
            spec,
            head,
            identity,
            body: response.into_body(),
            frames: FrameReader::default(),
            translator: EventTranslator::new(restore),
            timer: Box::pin(tokio::time::sleep_until(due)),
            due,
            armed: true,
            deadline,
            ended: false,
        }
    }

    /// Takes events out of the bytes that are there, then waits for more.
    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        loop {
            if let Some(event) = self.translator.pop() {
                self.armed = false;
                return Poll::Ready(Some(Ok(event)));
            }
            let taken = match self.frames.next() {
                Ok(Some(message)) => Some(take(&mut self.translator, &message)),
                Ok(None) => None,
                Err(error) => Some(Err(error)),
            };
            if let Some(taken) = taken {
                match taken {
                    Ok(None) => {}
                    Ok(Some(error)) => return self.failed(self.service_error(error)),
                    Err(error) => return self.failed(error),
                }
                // Any event is a sign of life; once the answer is complete, signs of life are not waited for.
                self.armed &= self.translator.is_complete();
                continue;
            }
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.frames.push(data);
                    }
                }
                Poll::Ready(Some(Err(_)) | None) => return self.cut_off(),
                Poll::Pending => {
                    ready!(self.poll_timer(context));
                    return self.timed_out();
                }
            }
        }
    }

    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.armed {
            let patience = if self.translator.is_done() {
                AFTER_METADATA
            } else if self.translator.is_complete() {
                AFTER_STOP
            } else {
                self.spec.policy.idle
            };
            self.due = (Instant::now() + patience).min(self.deadline);
            self.armed = true;
            if self.due < self.timer.deadline() {
                self.timer.as_mut().reset(self.due);
            }
        }
        loop {
            ready!(self.timer.as_mut().poll(context));
            if self.due <= self.timer.deadline() {
                return Poll::Ready(());
            }
            let due = self.due;
            self.timer.as_mut().reset(due);
        }
    }

    /// Something is wrong with the stream: the answer's end, unless it has ended already. Then it is paid for and
    /// whole, and only what is told after it is lost.
    fn failed(&self, error: Error) -> Poll<Option<Result<Event>>> {
        if !self.translator.is_complete() {
            return Poll::Ready(Some(Err(error)));
        }
        tracing::warn!(kind = error.kind().name(), model = %self.spec.model_id, "a stream went wrong after its answer");
        Poll::Ready(None)
    }

    /// The body is over: well where the answer was complete, and an error otherwise.
    fn cut_off(&self) -> Poll<Option<Result<Event>>> {
        if self.translator.is_complete() {
            return Poll::Ready(None);
        }
        let message = "the stream from Amazon Bedrock ended before the answer did";
        Poll::Ready(Some(Err(Error::new(ErrorKind::Incomplete, message))))
    }

    fn timed_out(&self) -> Poll<Option<Result<Event>>> {
        if self.translator.is_complete() {
            return Poll::Ready(None);
        }
        let message = if Instant::now() >= self.deadline {
            "the answer took longer than the model's `request_timeout`"
        } else {
            "Amazon Bedrock stopped in the middle of its answer"
        };
        Poll::Ready(Some(Err(Error::new(ErrorKind::Timeout, message))))
    }

    fn service_error(&self, mut error: ServiceError) -> Error {
        error.message = self.identity.conceal(&error.message);
        error.into_error(&self.spec.model_id, &self.spec.region)
    }
}

impl Stream for Events {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let item = match ready!(self.poll_event(context)) {
            Some(Ok(event)) => return Poll::Ready(Some(Ok(event))),
            Some(Err(error)) => Some(Err(lost(with_head(error, &self.head)))),
            None => None,
        };
        self.ended = true;
        let skipped = self.translator.skipped();
        if skipped > 0 {
            Vital::Unknown.count();
            tracing::warn!(skipped, model = %self.spec.model_id, "Bedrock sent events of a kind that is not known");
        }
        Poll::Ready(item)
    }
}

/// Takes a message: an event, or an error that Bedrock tells of.
pub(super) fn take(translator: &mut EventTranslator, message: &Message<'_>) -> Result<Option<ServiceError>> {
    let names = Names::of(message)?;
    match names.message_type {
        "event" => translator.push(names.event_type, message.payload).map(|()| None),
        "exception" => Ok(Some(ServiceError::from_exception(names.exception_type, message.payload))),
        "error" => Ok(Some(ServiceError::in_stream(names.error_code, names.error_message.to_owned()))),
        _ => Err(Error::new(
            ErrorKind::Protocol,
            "the stream from Amazon Bedrock holds an unknown kind of message",
        )),
    }
}

/// The headers of a message that say what it is.
#[derive(Default)]
struct Names<'a> {
    message_type: &'a str,
    event_type: &'a str,
    exception_type: &'a str,
    error_code: &'a str,
    error_message: &'a str,
}

impl<'a> Names<'a> {
    fn of(message: &Message<'a>) -> Result<Self> {
        let mut names = Self::default();
        message.texts(|name, value| match name {
            ":message-type" => names.message_type = value,
            ":event-type" => names.event_type = value,
            ":exception-type" => names.exception_type = value,
            ":error-code" => names.error_code = value,
            ":error-message" => names.error_message = value,
            _ => {}
        })?;
        Ok(names)
    }
}
