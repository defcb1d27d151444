//! A way in for fuzzers: chats that come, wait and go, one step after the other.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderMap};
use prometheus_client::metrics::gauge::Gauge;
use secrecy::SecretString;
use secrets::{ApiKey, Auth};
use spicepod::KeyLimits;
use tokio::task::unconstrained;

use super::{Admission, Admitted};
use crate::http::auth::{Caller, Keys, bearer};
use crate::http::gateway::Limits;
use crate::metrics::Shed;

/// Places, and a queue in front of them.
#[derive(Debug)]
pub struct Queue {
    admission: Admission,
    /// Without keys there are none.
    callers: Vec<Arc<Caller>>,
    queued: Gauge,
}

/// A chat that is being answered; its drop makes room.
#[derive(Debug)]
pub struct Place {
    _admitted: Admitted,
}

/// A chat that waits; its drop gives that up.
pub struct Wait(Pin<Box<dyn Future<Output = Result<Admitted, Shed>>>>);

/// What becomes of a chat.
#[derive(Debug)]
pub enum Came {
    /// It is answered.
    In(Place),
    /// It waits.
    Waits(Wait),
    /// There is no room, or there was none for too long.
    Refused(Why),
}

/// Why a chat is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// There is no place to wait.
    Full,
    /// There was no place for too long.
    Late,
}

/// The callers of so many keys.
fn callers(count: usize) -> Vec<Arc<Caller>> {
    let texts: Vec<SecretString> = (0..count).map(|key| format!("key-{key}").into()).collect();
    let key = |text: &SecretString| ApiKey {
        key: text.clone(),
        name: None,
        models: None,
        limits: KeyLimits::default(),
    };
    let keys = Keys::new(&Auth { keys: texts.iter().map(key).collect() });
    let caller = |text| keys.caller(&HeaderMap::from_iter([(AUTHORIZATION, bearer(text)?)]));
    texts.iter().filter_map(caller).collect()
}

impl Queue {
    /// For callers with so many keys.
    pub fn new(in_flight: usize, queue: usize, queue_time: Duration, keys: usize) -> Self {
        let queued = Gauge::default();
        let limits = Limits { in_flight, queue, queue_time, ..Limits::default() };
        let admission = Admission::new(&limits, queued.clone());
        Self { admission, callers: callers(keys), queued }
    }

    /// A caller's chat comes.
    pub fn comes(&self, caller: usize) -> Came {
        if let Some(place) = self.admission.try_admit() {
            return Came::In(Place { _admitted: place });
        }
        let (admission, caller) = (self.admission.clone(), self.callers.get(caller).cloned());
        let keys = self.callers.len();
        // Looks are many within one turn of the task.
        let waiting = unconstrained(async move { admission.wait(caller, keys).await });
        Wait(Box::pin(waiting)).look()
    }

    /// Whether there is a place, or one to wait for.
    pub fn has_room(&self) -> bool {
        self.admission.has_room()
    }

    /// Whether no chat is being answered.
    pub fn is_idle(&self) -> bool {
        self.admission.is_idle()
    }

    /// How many wait, as the metrics say.
    pub fn queued(&self) -> i64 {
        self.queued.get()
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wait")
    }
}

impl Wait {
    /// Looks what has become of it.
    pub fn look(mut self) -> Came {
        match self.0.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(place)) => Came::In(Place { _admitted: place }),
            Poll::Ready(Err(Shed::QueueTimeout)) => Came::Refused(Why::Late),
            Poll::Ready(Err(Shed::QueueFull | Shed::Memory)) => Came::Refused(Why::Full),
            Poll::Pending => Came::Waits(self),
        }
    }
}
