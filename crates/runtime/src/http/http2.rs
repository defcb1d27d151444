//! Connections that speak HTTP/2, and what the HTTP library does not bound there: streams whose client takes nothing,
//! and connections without a stream.
//!
//! While a stream's window is shut, the library neither polls its body nor gives up, and whoever answers its pings may
//! keep it so for ever. So each stream's task is looked at from outside: [`watched`] sees whether its body was asked
//! for more since it gave its last piece, and ends the task where it was not for too long.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::accept::MAX_BUFFER;
use super::exchange::Peer;
use super::gateway::Gateway;
use super::router::Application;
use crate::metrics::Phase;

/// Requests at once on one connection.
const MAX_STREAMS: u32 = 100;

/// Streams of one connection that had to be reset because of what the client sent. Each may have cost a call, and no
/// client that means well has any; the library's own default is 1024.
const MAX_BROKEN_STREAMS: usize = 50;

/// The largest head of a request, unpacked.
const MAX_HEADER_LIST: u32 = 16 * 1024;

/// How much of a body comes before it is read: that of one stream, and those of a connection together.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// How often a silent connection is asked whether it is still there.
const PING: Duration = Duration::from_secs(30);

/// Bodies come in pieces of this size: what has been handed over waits in the library, out of sight.
pub(super) const PIECE: usize = 16 * 1024;

tokio::task_local! {
    /// The stream that this task serves.
    static STREAM: Arc<Stream>;
}

/// What a stream's body and its task know of each other.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// How often the body was asked for a piece.
    asked: AtomicU64,
    /// Whether it has given one, and was not asked again.
    waits: AtomicBool,
}

impl Stream {
    /// The stream of the task at hand; none where it is not one of HTTP/2.
    pub(super) fn current() -> Option<Arc<Self>> {
        STREAM.try_with(Arc::clone).ok()
    }

    /// The body is asked for a piece.
    pub(super) fn asked(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.waits.store(false, Ordering::Relaxed);
    }

    /// The body gives a piece.
    pub(super) fn gives(&self) {
        self.waits.store(true, Ordering::Relaxed);
    }
}

/// Serves a stream until it ends, or until its client has taken nothing for too long: dropping it resets the stream.
async fn watched(stream: impl Future<Output = ()>, gateway: &Gateway) {
    let state = Arc::new(Stream::default());
    let mut stream = pin!(stream);
    let mut stalled = pin!(None);
    let mut asked = 0;
    let ended = poll_fn(|context| {
        if STREAM.sync_scope(Arc::clone(&state), || stream.as_mut().poll(context)).is_ready() {
            return Poll::Ready(true);
        }
        let now = state.asked.load(Ordering::Relaxed);
        if !state.waits.load(Ordering::Relaxed) {
            stalled.set(None);
            return Poll::Pending;
        }
        if std::mem::replace(&mut asked, now) != now || stalled.is_none() {
            stalled.set(Some(tokio::time::sleep(gateway.limits.write_time)));
        }
        match stalled.as_mut().as_pin_mut() {
            Some(timer) => timer.poll(context).map(|()| false),
            None => Poll::Pending,
        }
    });
    if !ended.await {
        gateway.metrics.overload.timed_out(Phase::Write);
    }
}

/// Serves one connection.
pub(super) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    application: &Application,
) -> hyper::Result<()> {
    let gateway = application.gateway();
    let application = application.clone();
    let service = service_fn(move |request| {
        let application = application.clone();
        async move { Ok::<_, Infallible>(application.call(request, peer).await) }
    });
    // What a stream needs of tasks ends with its connection.
    let tasks = Tasks::new(Arc::clone(gateway));
    let connection = http2::Builder::new(tasks.clone())
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_local_error_reset_streams(MAX_BROKEN_STREAMS)
        .max_header_list_size(MAX_HEADER_LIST)
        .max_send_buf_size(MAX_BUFFER)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        // A client that is gone without a word is found out, and its calls with it.
        .keep_alive_interval(Some(PING))
        .keep_alive_timeout(gateway.limits.write_time)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = gateway.shutdown.draining() => {
            connection.as_mut().graceful_shutdown();
            return connection.await;
        }
        () = tasks.idle() => connection.as_mut().graceful_shutdown(),
    }
    // What has begun in the meantime is still answered.
    loop {
        match tokio::time::timeout(gateway.limits.write_time, connection.as_mut()).await {
            Ok(ended) => return ended,
            Err(_) if tasks.state().running == 0 => return Ok(()),
            Err(_) => {}
        }
    }
}

/// The tasks of one connection; its end is theirs.
#[derive(Clone)]
struct Tasks(Arc<Mutex<State>>, Arc<Gateway>);

struct State {
    tasks: JoinSet<()>,
    /// Those that have not ended.
    running: usize,
    /// When the last one ended, or there were none yet.
    since: Instant,
}

impl Tasks {
    fn new(gateway: Arc<Gateway>) -> Self {
        let state = State { tasks: JoinSet::new(), running: 0, since: Instant::now() };
        Self(Arc::new(Mutex::new(state)), gateway)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nothing has run for as long as a connection may be idle.
    async fn idle(&self) {
        let patience = self.1.limits.idle_time;
        loop {
            let due = {
                let state = self.state();
                if state.running == 0 { state.since } else { Instant::now() }
            } + patience;
            if due <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(due).await;
        }
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        let (shared, gateway) = (Arc::downgrade(&self.0), Arc::clone(&self.1));
        let mut state = self.state();
        // Those that have ended leave room.
        while state.tasks.try_join_next().is_some() {}
        state.running = state.running.saturating_add(1);
        state.tasks.spawn(async move {
            watched(task, &gateway).await;
            if let Some(shared) = shared.upgrade() {
                let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
                state.running = state.running.saturating_sub(1);
                state.since = Instant::now();
            }
        });
    }
}

#[cfg(test)]
mod tests;
