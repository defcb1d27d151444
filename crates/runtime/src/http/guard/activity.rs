//! Whether a connection's requests are being answered.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};

/// The answers of one connection that are worked on. Copies share the number.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Activity(Arc<State>);

#[derive(Debug, Default)]
struct State {
    answering: AtomicUsize,
    unread: AtomicBool,
}

impl Activity {
    pub(super) fn is_busy(&self) -> bool {
        self.0.answering.load(Ordering::Relaxed) > 0
    }

    /// Whether the last request was refused without its body, which the client may still be sending.
    pub(super) fn is_unread(&self) -> bool {
        self.0.unread.load(Ordering::Relaxed)
    }

    pub(in crate::http) fn leaves_unread(&self) {
        self.0.unread.store(true, Ordering::Relaxed);
    }

    /// Counts an answer until the value is dropped.
    pub(in crate::http) fn begin(&self) -> Answering {
        self.0.answering.fetch_add(1, Ordering::Relaxed);
        Answering(Arc::clone(&self.0))
    }
}

/// An answer that is worked on.
#[derive(Debug)]
pub(in crate::http) struct Answering(Arc<State>);

impl Answering {
    /// Goes on for as long as the answer's body does.
    pub(in crate::http) fn with<B>(self, body: B) -> Answered<B> {
        Answered { body, _answering: self }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answering.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body that keeps its connection busy.
#[derive(Debug)]
pub(in crate::http) struct Answered<B> {
    body: B,
    _answering: Answering,
}

impl<B: Body + Unpin> Body for Answered<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
