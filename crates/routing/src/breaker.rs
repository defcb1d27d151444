//! The circuit breaker of one model, which all routers to it share.
//!
//! Closed, it lets every request pass. Open, it lets none pass until its window is over; then it is half open, and
//! lets exactly one pass to find out. Source: M. Nygard, *Release It!*, "Circuit Breaker".

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::blame::Blame;

/// The first window. Each probe that fails doubles it.
const FIRST_WINDOW: Duration = Duration::from_secs(5);

/// The longest window that comes from doubling.
const MAX_WINDOW: Duration = Duration::from_secs(60);

/// The longest window that a provider can ask for.
const MAX_ASKED: Duration = Duration::from_secs(300);

/// A probe that has said nothing for so long keeps nobody out any more: a whole answer may take an hour.
const PROBE_TIME: Duration = Duration::from_secs(60);

/// So many doubtful failures in a row open it.
const DOUBTFUL: u32 = 3;

/// What is known of one model's failures.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Failures in a row while closed.
    failures: u32,
    /// When requests may pass again, where it is open.
    open: Option<Open>,
    /// When a request last failed.
    failed_at: Option<Instant>,
    /// Counts the times that it opened and closed: what began before says nothing of now.
    generation: u64,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    until: Instant,
    window: Duration,
    /// Since when a request is finding out.
    probed: Option<Instant>,
}

/// Why a request was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    /// It is closed.
    Usual,
    /// It is half open, and this request finds out, since then.
    Probe(Instant),
    /// It is open, and there is nobody else to ask.
    LastResort,
}

/// A request's way through a breaker. Dropped without a verdict, it says nothing.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    breaker: &'a Breaker,
    pass: Pass,
    generation: u64,
}

/// What a verdict changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Nothing,
    Opened(Duration),
    Closed,
}

impl Breaker {
    /// Never held over an await.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a request would be let through.
    pub(crate) fn admits(&self, now: Instant) -> bool {
        self.state().pass(now).is_some()
    }

    /// Lets a request through, or not.
    pub(crate) fn enter(&self, now: Instant) -> Option<Permit<'_>> {
        let mut state = self.state();
        let pass = state.pass(now)?;
        if let Some(open) = &mut state.open {
            open.probed = Some(now);
        }
        Some(Permit { breaker: self, pass, generation: state.generation })
    }

    /// Lets a request through that has no other way to go.
    pub(crate) fn force(&self) -> Permit<'_> {
        let state = self.state();
        let pass = if state.open.is_some() { Pass::LastResort } else { Pass::Usual };
        Permit { breaker: self, pass, generation: state.generation }
    }

    /// When a request last failed.
    pub(crate) fn failed_at(&self) -> Option<Instant> {
        self.state().failed_at
    }
}

impl chat::Gate for Breaker {
    /// Not while it is open by a failure that came after the request was let through.
    fn admits(&self, generation: u64) -> bool {
        let state = self.state();
        state.open.is_none() || state.generation == generation
    }
}

impl State {
    fn pass(&self, now: Instant) -> Option<Pass> {
        match self.open {
            None => Some(Pass::Usual),
            Some(open) if now < open.until => None,
            Some(Open { probed: Some(since), .. }) if now.duration_since(since) < PROBE_TIME => None,
            Some(_) => Some(Pass::Probe(now)),
        }
    }

    fn open_for(&mut self, window: Duration, asked: Option<Duration>, now: Instant) -> Change {
        let asked = asked.unwrap_or_default().min(MAX_ASKED);
        let length = window.max(asked);
        // A moment too far away for the clock is as good as now.
        let until = now.checked_add(length).unwrap_or(now);
        self.open = Some(Open { until, window, probed: None });
        self.failures = 0;
        self.generation = self.generation.wrapping_add(1);
        Change::Opened(length)
    }
}

impl Permit<'_> {
    /// When it was given.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The leg has begun to answer.
    pub(crate) fn succeeded(self) -> Change {
        let mut state = self.breaker.state();
        if state.generation != self.generation {
            return Change::Nothing;
        }
        state.failures = 0;
        match self.pass {
            Pass::Usual => Change::Nothing,
            Pass::Probe(_) | Pass::LastResort => {
                state.open = None;
                state.generation = state.generation.wrapping_add(1);
                Change::Closed
            }
        }
    }

    /// The leg has failed; `asked` is how long it asked to be left alone.
    pub(crate) fn failed(self, blame: Blame, asked: Option<Duration>, now: Instant) -> Change {
        let mut state = self.breaker.state();
        state.failed_at = Some(now);
        if state.generation != self.generation {
            return Change::Nothing;
        }
        match self.pass {
            Pass::Usual => {
                state.failures = state.failures.saturating_add(1);
                if blame != Blame::Leg && state.failures < DOUBTFUL {
                    return Change::Nothing;
                }
                state.open_for(FIRST_WINDOW, asked, now)
            }
            Pass::Probe(_) => {
                let last = state.open.map_or(FIRST_WINDOW, |open| open.window);
                state.open_for(last.saturating_mul(2).min(MAX_WINDOW), asked, now)
            }
            // Its window runs on.
            Pass::LastResort => Change::Nothing,
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let Pass::Probe(since) = self.pass else { return };
        let mut state = self.breaker.state();
        // With a verdict, the generation is another one by now.
        if state.generation == self.generation
            && let Some(open) = &mut state.open
            && open.probed == Some(since)
        {
            open.probed = None;
        }
    }
}

#[cfg(test)]
mod tests;
