//! How many chats are answered at the same time, and which of the others wait for a moment.
//!
//! A burst finds room in a short queue. Beyond it chats are sent away at once: a client that is told to come back does
//! better than one that waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::oneshot;

use super::auth::Caller;
use super::gateway::Limits;
use crate::metrics::Shed;

/// A limit on chats in flight, with a queue in front of it. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Admission(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// How many may be answered.
    places: usize,
    /// How many may wait.
    most: usize,
    /// For how long.
    time: Duration,
    state: Mutex<State>,
    queued: Gauge,
}

/// Where there is a free place, nobody waits.
#[derive(Debug)]
struct State {
    free: usize,
    waiting: VecDeque<Waiting>,
    /// Numbers those who wait.
    number: u64,
    /// Numbers the places that were given to those who had waited.
    turn: u64,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    caller: Option<Arc<Caller>>,
    place: oneshot::Sender<Admitted>,
}

/// A chat that is being answered; dropping it makes room.
#[derive(Debug)]
pub(crate) struct Admitted(Admission);

/// A chat that waits; dropping it gives the wait up.
struct Ticket {
    admission: Admission,
    number: u64,
    place: oneshot::Receiver<Admitted>,
}

impl Admission {
    pub(super) fn new(limits: &Limits, queued: Gauge) -> Self {
        let Limits { in_flight, queue, queue_time, .. } = *limits;
        let state = State { free: in_flight, waiting: VecDeque::new(), number: 0, turn: 0 };
        Self(Arc::new(Inner {
            places: in_flight,
            most: queue,
            time: queue_time,
            state: Mutex::new(state),
            queued,
        }))
    }

    /// Held for a few instructions, or a look at those who wait; never over an await.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a chat in where there is room.
    pub(super) fn try_admit(&self) -> Option<Admitted> {
        let mut state = self.state();
        state.free = state.free.checked_sub(1)?;
        Some(Admitted(self.clone()))
    }

    /// Whether there is a place, or one to wait for, as far as can be said before there is a body.
    pub(super) fn has_room(&self) -> bool {
        let state = self.state();
        state.free > 0 || state.waiting.len() < self.0.most
    }

    /// Whether no chat is being answered.
    pub(super) fn is_idle(&self) -> bool {
        self.state().free == self.0.places
    }

    /// Waits for room on behalf of a caller, where there are as many keys as said.
    pub(super) async fn wait(&self, caller: Option<Arc<Caller>>, keys: usize) -> Result<Admitted, Shed> {
        let mut ticket = self.queue(caller, keys)?;
        match tokio::time::timeout(self.0.time, &mut ticket.place).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(Shed::QueueTimeout),
        }
    }

    fn queue(&self, caller: Option<Arc<Caller>>, keys: usize) -> Result<Ticket, Shed> {
        let mut state = self.state();
        // One key alone leaves half of the queue to the others.
        let share = if keys > 1 { self.0.most.div_ceil(2) } else { self.0.most };
        let own = state.waiting.iter().filter(|waiting| is_same(&waiting.caller, &caller)).count();
        if state.waiting.len() >= self.0.most || own >= share {
            return Err(Shed::QueueFull);
        }
        state.number = state.number.wrapping_add(1);
        let number = state.number;
        let (sender, receiver) = oneshot::channel();
        if let Some(free) = state.free.checked_sub(1) {
            // Room was made since it was looked for.
            state.free = free;
            // The receiver is there, so this does not fail.
            let _ = sender.send(Admitted(self.clone()));
        } else {
            state.waiting.push_back(Waiting { number, caller, place: sender });
        }
        drop(state);
        self.0.queued.inc();
        Ok(Ticket { admission: self.clone(), number, place: receiver })
    }
}

fn is_same(one: &Option<Arc<Caller>>, other: &Option<Arc<Caller>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.is(other),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

impl State {
    /// The next one: of the caller whose turn is longest ago, and of that caller's the first to come.
    fn next(&mut self) -> Option<Waiting> {
        let turns =
            self.waiting.iter().map(|waiting| waiting.caller.as_ref().map_or(0, |caller| caller.turn()));
        let (place, _) = turns.enumerate().min_by_key(|(_, turn)| *turn)?;
        let next = self.waiting.remove(place)?;
        self.turn = self.turn.wrapping_add(1);
        if let Some(caller) = &next.caller {
            caller.had_turn(self.turn);
        }
        Some(next)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let next = {
            let mut state = self.0.state();
            let next = state.next();
            if next.is_none() {
                state.free = state.free.saturating_add(1);
            }
            next
        };
        if let Some(Waiting { place, .. }) = next {
            // Where nobody waits there any more, dropping it passes it on.
            let _ = place.send(Self(self.0.clone()));
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.admission.0.queued.dec();
        let number = self.number;
        self.admission.state().waiting.retain(|waiting| waiting.number != number);
    }
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;

#[cfg(test)]
mod tests;
