//! What a connection and the answers that it carries know of each other.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};

/// The answers of one connection that are worked on, and whether it takes any more of them. Copies share it.
///
/// One task reads and writes a connection and asks its answers for more, so that nothing here is contended.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Activity(Arc<State>);

#[derive(Debug, Default)]
struct State {
    answers: AtomicUsize,
    is_unread: AtomicBool,
    /// Whether the socket takes nothing.
    is_full: AtomicBool,
    /// Whether an answer was not asked for more because of that.
    is_held: AtomicBool,
}

impl Activity {
    pub(in crate::http) fn is_busy(&self) -> bool {
        self.0.answers.load(Ordering::Relaxed) > 0
    }

    /// Whether the last request was refused without its body, which the client may still be sending.
    pub(super) fn is_unread(&self) -> bool {
        self.0.is_unread.load(Ordering::Relaxed)
    }

    pub(in crate::http) fn leaves_unread(&self) {
        self.0.is_unread.store(true, Ordering::Relaxed);
    }

    /// Counts an answer until the value is dropped.
    pub(in crate::http) fn begin(&self) -> Answering {
        self.0.answers.fetch_add(1, Ordering::Relaxed);
        Answering(Arc::clone(&self.0))
    }

    /// The socket takes nothing.
    pub(super) fn fill(&self) {
        self.0.is_full.store(true, Ordering::Relaxed);
    }

    /// The socket took something. Wakes the connection's task where an answer waits for that.
    pub(super) fn clear(&self, context: &Context<'_>) {
        if self.0.is_full.load(Ordering::Relaxed) {
            self.0.is_full.store(false, Ordering::Relaxed);
            if self.0.is_held.swap(false, Ordering::Relaxed) {
                context.waker().wake_by_ref();
            }
        }
    }
}

/// An answer that is worked on.
#[derive(Debug)]
pub(in crate::http) struct Answering(Arc<State>);

impl Answering {
    /// Goes on for as long as the answer's body does.
    pub(in crate::http) fn with<B>(self, body: B) -> Answered<B> {
        Answered { body, answering: self }
    }

    /// Whether the answer must wait for the socket.
    fn is_held(&self) -> bool {
        let is_full = self.0.is_full.load(Ordering::Relaxed);
        if is_full {
            self.0.is_held.store(true, Ordering::Relaxed);
        }
        is_full
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body that keeps its connection busy, and is asked for no more than the socket takes: what the HTTP library would
/// gather for a client that does not read stays with the upstream.
#[derive(Debug)]
pub(in crate::http) struct Answered<B> {
    body: B,
    answering: Answering,
}

impl<B: Body + Unpin> Body for Answered<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        if self.answering.is_held() {
            // Whoever writes to the socket wakes this task.
            return Poll::Pending;
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
