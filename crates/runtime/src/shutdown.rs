//! How the process ends: first no new requests, then no more answers.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::{Notify, watch};

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    /// Running answers may end.
    Draining,
    /// Those that have not ended are cut off.
    Cutting,
}

/// Tells everything that serves that the end has come. Clones are one.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<State>);

#[derive(Debug)]
struct State {
    phase: watch::Sender<Phase>,
    /// The last phase once more, for those who look at it for every piece of an answer.
    cutting: AtomicBool,
    /// Answers that were begun before the end was asked for.
    running: AtomicUsize,
    /// Tells that the last of them has ended.
    ended: Notify,
}

/// An answer that the end waits for, until it is dropped.
#[derive(Debug)]
pub(crate) struct Awaited(Shutdown);

/// Resolves when answers are to be cut off.
pub(crate) type Cut = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Default for Shutdown {
    fn default() -> Self {
        Self(Arc::new(State {
            phase: watch::Sender::new(Phase::Serving),
            cutting: AtomicBool::new(false),
            running: AtomicUsize::new(0),
            ended: Notify::new(),
        }))
    }
}

impl Shutdown {
    /// Asks for the end: no new requests, and running answers may finish.
    pub fn drain(&self) {
        self.0.phase.send_if_modified(|phase| {
            std::mem::replace(phase, (*phase).max(Phase::Draining)) < Phase::Draining
        });
    }

    pub(crate) fn cut(&self) {
        self.0.cutting.store(true, Ordering::SeqCst);
        self.0.phase.send_replace(Phase::Cutting);
    }

    pub(crate) fn is_draining(&self) -> bool {
        *self.0.phase.borrow() >= Phase::Draining
    }

    pub(crate) fn is_cutting(&self) -> bool {
        self.0.cutting.load(Ordering::Relaxed)
    }

    /// Has the end wait for an answer; `None` once the end was asked for, after which none is begun.
    pub(crate) fn awaits(&self) -> Option<Awaited> {
        // Counted before it is looked: whoever asks for the end either sees the answer, or is seen here.
        self.0.running.fetch_add(1, Ordering::SeqCst);
        let awaited = Awaited(self.clone());
        (!self.is_draining()).then_some(awaited)
    }

    /// How many answers the end waits for.
    pub(crate) fn running(&self) -> usize {
        self.0.running.load(Ordering::SeqCst)
    }

    pub(crate) async fn draining(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Resolves once the end was asked for, and no answer is left or those that are left are cut off.
    pub(crate) async fn settled(&self) {
        self.draining().await;
        tokio::select! {
            () = self.none_runs() => {}
            () = self.reached(Phase::Cutting) => {}
        }
    }

    /// Resolves once the end waits for no answer.
    pub(crate) async fn none_runs(&self) {
        loop {
            let mut ended = pin!(self.0.ended.notified());
            ended.as_mut().enable();
            if self.running() == 0 {
                return;
            }
            ended.await;
        }
    }

    pub(crate) fn until_cut(&self) -> Cut {
        let shutdown = self.clone();
        Box::pin(async move { shutdown.reached(Phase::Cutting).await })
    }

    async fn reached(&self, wanted: Phase) {
        // The sender lives as long as this value.
        let _ = self.0.phase.subscribe().wait_for(|phase| *phase >= wanted).await;
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if self.0.0.running.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.0.ended.notify_waiters();
        }
    }
}
