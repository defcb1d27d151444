//! A Bedrock that costs next to nothing: its answers are bytes that were made before it was asked.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::Sleep;

use crate::BoxError;
use crate::replies::{WHOLE, stream};
use crate::scenario::{LITE, MICRO, PACE, PRO};
use crate::serve::Service;

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
