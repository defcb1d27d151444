//! The body of a request, and of a reply.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderMap, HeaderValue};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use openai_api::ApiError;

use super::exchange::Exchange;
use super::gateway::Limits;
use super::http2::{PIECE, Stream};
use super::watermark::Announced;
use crate::metrics::{Phase, Shed};

/// What is read and thrown away of a refused request, so that its connection can be used again. Where there is more, the
/// reply goes out at once, and ends the connection.
const DISCARDED: usize = 256 * 1024;
const DISCARD_TIME: Duration = Duration::from_secs(5);

/// Marks a reply to a request whose body was not read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unread;

/// Reads a JSON body to its end.
///
/// # Errors
///
/// 415 for another type, 413 beyond the limit, 408 where it takes too long, 400 where it breaks off, 503 where it is
/// larger than announced and there is no room for that.
pub(super) async fn read(
    exchange: &Exchange,
    headers: &HeaderMap,
    body: Body,
    announced: Option<&mut Announced>,
) -> Result<Bytes, ApiError> {
    let gateway = &exchange.gateway;
    let limits = &gateway.limits;
    if let Err(error) = check(headers, limits) {
        discard(exchange, headers, body).await;
        return Err(error);
    }
    let mut body = pin!(body);
    let is_idle = || gateway.admission.is_idle();
    let room = Room { announced, is_idle, limit: limits.body };
    let read = tokio::time::timeout(limits.body_time, collect(body.as_mut(), room)).await;
    match read {
        Ok(Err(Failure::TooLarge)) => {
            discard_rest(exchange, body).await;
            Err(ApiError::body_too_large(limits.body))
        }
        Ok(Err(Failure::NoRoom)) => {
            discard_rest(exchange, body).await;
            Err(gateway.shed(Shed::Memory))
        }
        Ok(Err(Failure::Broken)) => Err(ApiError::body_unreadable()),
        Ok(Ok(bytes)) => Ok(bytes),
        Err(_) => {
            gateway.metrics.overload.timed_out(Phase::Body);
            Err(ApiError::body_timeout())
        }
    }
}

/// Judges a body by its head.
fn check(headers: &HeaderMap, limits: &Limits) -> Result<(), ApiError> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    if let Some(kind) = headers.get(CONTENT_TYPE)
        && !is_json(kind)
    {
        return Err(ApiError::unsupported_media_type(&text(kind)));
    }
    if let Some(encoding) = headers.get(CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(ApiError::unsupported_content_encoding(&text(encoding)));
    }
    let length = length(headers);
    let limit = u64::try_from(limits.body).unwrap_or(u64::MAX);
    if length.is_some_and(|length| length > limit) {
        return Err(ApiError::body_too_large(limits.body));
    }
    Ok(())
}

/// The size of a body, where its head says it.
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// `application/json`, with or without parameters such as a character set.
fn is_json(kind: &HeaderValue) -> bool {
    let essence = kind.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

enum Failure {
    TooLarge,
    NoRoom,
    Broken,
}

/// How large a body may become.
struct Room<'a, F> {
    limit: usize,
    /// `None` where the memory is not bounded.
    announced: Option<&'a mut Announced>,
    is_idle: F,
}

impl<F: Fn() -> bool> Room<'_, F> {
    fn take(&mut self, length: usize) -> Result<(), Failure> {
        if length > self.limit {
            return Err(Failure::TooLarge);
        }
        let fits = self.announced.as_mut().is_none_or(|announced| announced.make_room(length, &self.is_idle));
        if fits { Ok(()) } else { Err(Failure::NoRoom) }
    }
}

async fn collect(mut body: Pin<&mut Body>, mut room: Room<'_, impl Fn() -> bool>) -> Result<Bytes, Failure> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Failure::Broken)?.into_data() else { continue };
        let before = if rest.is_empty() { first.len() } else { rest.len() };
        room.take(before + data.len())?;
        // Most bodies come in one piece, which then needs no copy.
        if first.is_empty() {
            first = data;
            continue;
        }
        if rest.is_empty() {
            rest.reserve(first.len() + expected(&body).max(data.len()));
            rest.extend_from_slice(&first);
        }
        rest.extend_from_slice(&data);
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// How much is still to come, as far as the head said so.
fn expected(body: &Pin<&mut Body>) -> usize {
    body.size_hint().exact().and_then(|size| usize::try_from(size).ok()).unwrap_or(0)
}

/// Takes the body of a refused request off the connection, within bounds.
pub(super) async fn discard(exchange: &Exchange, headers: &HeaderMap, body: Body) {
    let most = u64::try_from(DISCARDED).unwrap_or(u64::MAX);
    // Who waits for a go-ahead has not sent the body, and is not asked for it.
    if headers.contains_key(EXPECT) || length(headers).is_some_and(|length| length > most) {
        exchange.leaves_unread();
    } else {
        discard_rest(exchange, pin!(body)).await;
    }
}

async fn discard_rest(exchange: &Exchange, mut body: Pin<&mut Body>) {
    let discarding = async {
        let mut left = DISCARDED;
        while let Some(frame) = body.frame().await {
            let length = frame.ok()?.data_ref().map_or(0, Bytes::len);
            left = left.checked_sub(length)?;
        }
        Some(())
    };
    if !matches!(tokio::time::timeout(DISCARD_TIME, discarding).await, Ok(Some(()))) {
        exchange.leaves_unread();
    }
}

/// A reply that knows its request: once all of it is out, the request is complete.
pub(super) struct Tracked {
    inner: Body,
    exchange: Arc<Exchange>,
    /// The stream of HTTP/2 that it goes over.
    stream: Option<Arc<Stream>>,
    /// What is left of a piece that was too large for a stream.
    rest: Bytes,
}

impl Tracked {
    pub(super) fn new(inner: Body, exchange: Arc<Exchange>) -> Self {
        Self { inner, exchange, stream: Stream::current(), rest: Bytes::new() }
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if !self.rest.is_empty() {
            let length = self.rest.len().min(PIECE);
            return Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))));
        }
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if self.stream.is_none() { polled } else { polled.map_ok(|frame| self.cut(frame)) }
    }

    /// Keeps what is beyond a piece for later.
    fn cut(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        frame.map_data(|mut data| {
            if data.len() > PIECE {
                self.rest = data.split_off(PIECE);
            }
            data
        })
    }
}

impl http_body::Body for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(stream) = &self.stream {
            stream.asked();
        }
        let polled = self.poll_piece(context);
        if let Poll::Ready(frame) = &polled {
            if frame.is_none() || self.is_end_stream() {
                self.exchange.complete();
            }
            if let Some(stream) = self.stream.as_ref().filter(|_| frame.is_some()) {
                stream.gives();
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // Asked for before the first piece is; nothing is left of one then.
        self.inner.size_hint()
    }
}
