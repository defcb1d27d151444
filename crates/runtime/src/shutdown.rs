//! How the process ends: first no new requests, then no more answers.

use std::pin::Pin;

use tokio::sync::watch;

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
pub struct Shutdown(watch::Sender<Phase>);

/// Resolves when answers are to be cut off.
pub(crate) type Cut = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Default for Shutdown {
    fn default() -> Self {
        Self(watch::Sender::new(Phase::Serving))
    }
}

impl Shutdown {
    /// Asks for the end: no new requests, and running answers may finish.
    pub fn drain(&self) {
        self.0.send_if_modified(|phase| {
            std::mem::replace(phase, (*phase).max(Phase::Draining)) < Phase::Draining
        });
    }

    pub(crate) fn cut(&self) {
        self.0.send_replace(Phase::Cutting);
    }

    pub(crate) fn is_draining(&self) -> bool {
        *self.0.borrow() >= Phase::Draining
    }

    pub(crate) async fn draining(&self) {
        self.reached(Phase::Draining).await;
    }

    pub(crate) fn until_cut(&self) -> Cut {
        let shutdown = self.clone();
        Box::pin(async move { shutdown.reached(Phase::Cutting).await })
    }

    async fn reached(&self, wanted: Phase) {
        // The sender lives as long as this value.
        let _ = self.0.subscribe().wait_for(|phase| *phase >= wanted).await;
    }
}
