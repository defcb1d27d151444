//! What the HTTP library does not refuse by itself, between it and the socket: heads that trickle, clients that do
//! not read, and line ends that other servers read differently. And what it refuses without a word gets one.

use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

pub(super) use self::activity::Activity;
use self::framing::Framing;
#[cfg(any(test, feature = "fuzzing"))]
pub use self::framing::heads;
use self::refusal::Refusal;
use super::gateway::Gateway;
use crate::metrics::Phase;

mod activity;
mod framing;
mod refusal;
#[cfg(test)]
mod tests;

/// What is still read of a client that sends a body which was refused, and for how long: closing at once would reset
/// the connection, and the reply might be lost with it.
const LINGERING: usize = 256 * 1024;
const LINGERING_TIME: Duration = Duration::from_secs(1);

/// A connection whose request heads are watched.
pub(super) struct Guard<T> {
    inner: T,
    client: IpAddr,
    activity: Activity,
    /// When something was last read or written.
    last: Instant,
    /// Set anew only when it fires, so that a busy connection never touches it.
    idle: Pin<Box<Sleep>>,
    framing: Framing,
    gateway: Arc<Gateway>,
    /// Runs while a head is arriving.
    timer: Option<Pin<Box<Sleep>>>,
    /// Runs while the client takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Bytes that go out in place of others.
    instead: Vec<u8>,
    /// The end of a connection on which a body is left unread.
    lingering: Option<Lingering>,
}

struct Lingering {
    left: usize,
    timer: Pin<Box<Sleep>>,
}

impl<T> Guard<T> {
    pub(super) fn new(inner: T, client: IpAddr, gateway: Arc<Gateway>, activity: Activity) -> Self {
        let last = Instant::now();
        let idle = Box::pin(tokio::time::sleep_until(last + gateway.limits.idle_time));
        Self {
            inner,
            client,
            activity,
            last,
            idle,
            framing: Framing::default(),
            gateway,
            timer: None,
            stalled: None,
            instead: Vec::new(),
            lingering: None,
        }
    }

    /// Ends a connection that nobody uses.
    fn poll_idle<R>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<R>> {
        loop {
            ready!(self.idle.as_mut().poll(context));
            let now = Instant::now();
            // While an answer is worked on, silence is nobody's fault.
            let from = if self.activity.is_busy() { now } else { self.last };
            let due = from + self.gateway.limits.idle_time;
            if due <= now {
                return Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut)));
            }
            self.idle.as_mut().reset(due);
        }
    }

    /// Ends a connection whose client has taken nothing for too long: behind it wait an answer that is paid for,
    /// and others for its place.
    fn written<R>(&mut self, polled: Poll<io::Result<R>>, context: &mut Context<'_>) -> Poll<io::Result<R>> {
        if polled.is_ready() {
            self.activity.clear(context);
            self.stalled = None;
            self.last = Instant::now();
            return polled;
        }
        self.activity.fill();
        let write_time = self.gateway.limits.write_time;
        let timer = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(write_time)));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Err(self.timed_out(Phase::Write)))
    }

    fn timed_out(&self, phase: Phase) -> io::Error {
        self.gateway.metrics.overload.timed_out(phase);
        io::Error::from(io::ErrorKind::TimedOut)
    }

    /// Says in words what the library refuses without one.
    fn spells_out(&mut self, written: &[u8]) -> bool {
        let Some(refusal) = Refusal::of(written) else { return false };
        refusal.tell(&self.gateway, self.client, self.last);
        self.instead = refusal.reply();
        true
    }

    fn watch(&mut self) {
        let arriving = self.framing.is_within_head();
        if arriving && self.timer.is_none() {
            self.timer =
                Some(Box::pin(tokio::time::sleep_until(Instant::now() + self.gateway.limits.head_time)));
        } else if !arriving {
            self.timer = None;
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Guard<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if Pin::new(&mut self.inner).poll_read(context, buffer)?.is_ready() {
            let new = buffer.filled_mut().get_mut(before..).unwrap_or_default();
            self.framing.read(new);
            self.last = Instant::now();
            self.watch();
            return Poll::Ready(Ok(()));
        }
        match &mut self.timer {
            Some(timer) => {
                ready!(timer.as_mut().poll(context));
                Poll::Ready(Err(self.timed_out(Phase::Head)))
            }
            None => self.poll_idle(context),
        }
    }
}

impl<T: AsyncWrite + Unpin> Guard<T> {
    /// Writes what goes out in place of something else.
    fn poll_instead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.instead.is_empty() {
            let polled = Pin::new(&mut self.inner).poll_write(context, &self.instead);
            let written = ready!(self.written(polled, context))?;
            self.instead.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + Unpin> Guard<T> {
    /// Takes a little of what a client sends that has got its reply.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let lingering = self.lingering.get_or_insert_with(|| Lingering {
            left: LINGERING,
            timer: Box::pin(tokio::time::sleep(LINGERING_TIME)),
        });
        loop {
            if lingering.timer.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            let mut space = [0; 4096];
            let mut buffer = ReadBuf::new(&mut space);
            let is_read = ready!(Pin::new(&mut self.inner).poll_read(context, &mut buffer)).is_ok();
            let left = lingering.left.checked_sub(buffer.filled().len());
            match left.filter(|_| is_read && !buffer.filled().is_empty()) {
                Some(left) => lingering.left = left,
                None => return Poll::Ready(()),
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_instead(context))?;
        if self.spells_out(buffer) {
            return Poll::Ready(Ok(buffer.len()));
        }
        let polled = Pin::new(&mut self.inner).poll_write(context, buffer);
        self.written(polled, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(context))?;
        // What encryption still holds is written here.
        let polled = Pin::new(&mut self.inner).poll_flush(context);
        self.written(polled, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(self.poll_instead(context))?;
            let polled = Pin::new(&mut self.inner).poll_shutdown(context);
            ready!(self.written(polled, context))?;
        }
        if self.activity.is_unread() {
            ready!(self.poll_linger(context));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_instead(context))?;
        let head = buffers.first().map_or(&[][..], |buffer| buffer);
        if self.spells_out(head) {
            return Poll::Ready(Ok(head.len()));
        }
        let polled = Pin::new(&mut self.inner).poll_write_vectored(context, buffers);
        self.written(polled, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
