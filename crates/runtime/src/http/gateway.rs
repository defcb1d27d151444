//! What all requests share.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use model_registry::ModelRegistry;
use openai_api::ApiError;

use super::admission::Admission;
use super::door::Door;
use super::serving::{Rejected, Serving};
use super::watermark::Watermark;
use crate::clock::Clock;
use crate::memory;
use crate::metrics::{Metrics, Shed};
use crate::remote::Fetcher;
use crate::shutdown::Shutdown;

/// How much is taken from clients, and how long they are waited for.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest body of a request, in bytes.
    pub body: usize,
    /// A whole body must arrive within this.
    pub body_time: Duration,
    /// A whole head must arrive within this, from its first byte on.
    pub head_time: Duration,
    /// A client must take some of its answer within this.
    pub write_time: Duration,
    /// A connection without a request is closed after this.
    pub idle_time: Duration,
    /// Connections beyond this wait to be accepted.
    pub connections: usize,
    /// Connections of one client's address beyond this are closed.
    pub client_connections: usize,
    /// Chats beyond this wait for a place.
    pub in_flight: usize,
    /// Chats beyond this, among those that wait, are refused with a 503.
    pub queue: usize,
    /// A chat waits for this long.
    pub queue_time: Duration,
    /// The memory that the process may hold, in bytes; new chats are refused above a part of it.
    pub memory: Option<u64>,
    /// A comment keeps a silent stream alive this often.
    pub keep_alive: Duration,
    /// Running answers may take this long to end once the process is told to stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 32 * 1024 * 1024,
            body_time: Duration::from_secs(30),
            head_time: Duration::from_secs(10),
            write_time: Duration::from_secs(30),
            // Longer than the minute after which most clients and load balancers give a connection up, so that it
            // is they who close it and no request runs into a closing connection.
            idle_time: Duration::from_secs(75),
            connections: 4096,
            client_connections: usize::MAX,
            in_flight: 512,
            queue: 64,
            queue_time: Duration::from_secs(1),
            memory: None,
            // Proxies give up on a silent connection after 30 to 60 s.
            keep_alive: Duration::from_secs(15),
            drain: Duration::from_secs(30),
        }
    }
}

/// What all requests share: the manifest that is in use, limits and numbers.
#[derive(Debug)]
pub struct Gateway {
    serving: ArcSwap<Serving>,
    rejected: ArcSwapOption<Rejected>,
    pub(crate) limits: Limits,
    pub(crate) admission: Admission,
    pub(crate) watermark: Option<Arc<Watermark>>,
    pub(crate) metrics: Metrics,
    pub(crate) fetcher: Fetcher,
    pub(crate) clock: Clock,
    pub(crate) shutdown: Shutdown,
    /// Seconds since 1970 at the start, which the list of models gives as their age.
    pub(crate) started: u64,
    /// The model of requests that name none of ours.
    pub(crate) unknown: Arc<str>,
}

impl Gateway {
    /// Brings together what requests need.
    pub fn new(
        registry: ModelRegistry,
        door: Door,
        limits: Limits,
        clock: Clock,
        shutdown: Shutdown,
    ) -> Self {
        let metrics = Metrics::default();
        metrics.generation.set(1);
        let watermark = limits.memory.map(|memory| Watermark::new(memory, Box::new(memory::resident)));
        if let Some(watermark) = &watermark {
            metrics.overload.memory_watermark.set(watermark.most());
        }
        Self {
            serving: ArcSwap::from_pointee(Serving { generation: 1, registry, door, drain: limits.drain }),
            rejected: ArcSwapOption::empty(),
            limits,
            admission: Admission::new(&limits, metrics.overload.queued.clone()),
            watermark,
            metrics,
            fetcher: Fetcher::default(),
            started: clock.now(),
            clock,
            shutdown,
            unknown: Arc::from("unknown"),
        }
    }

    /// What is in use now. Whoever looks twice may see two of them, so a request looks once.
    pub(crate) fn serving(&self) -> Arc<Serving> {
        self.serving.load_full()
    }

    /// Sends a chat away. Those who are sent away at the same time are told not to come back at the same time.
    pub(super) fn shed(&self, reason: Shed) -> ApiError {
        self.metrics.overload.shed(reason);
        ApiError::overloaded(Duration::from_millis(fastrand::u64(500..=1000)))
    }

    /// The manifest that came last, where it could not be loaded.
    pub(crate) fn rejected(&self) -> Option<Arc<Rejected>> {
        self.rejected.load_full()
    }

    /// Serves another manifest from the next request on. Only one caller may do so at a time.
    pub(crate) fn replace(&self, registry: ModelRegistry, mut door: Door, drain: Duration) {
        let before = self.serving();
        let generation = before.generation.saturating_add(1);
        if let (Some(keys), Some(before)) = (&mut door.keys, &before.door.keys) {
            keys.inherit(before);
        }
        self.serving.store(Arc::new(Serving { generation, registry, door, drain }));
        self.rejected.store(None);
        self.metrics.reloaded(generation);
    }

    /// Notes that the manifest in use stays although there is another.
    pub(crate) fn reject(&self, errors: Vec<String>) {
        self.rejected.store(Some(Arc::new(Rejected { errors })));
        self.metrics.reload_failed();
    }
}
