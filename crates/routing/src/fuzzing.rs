//! A way in for fuzzers: what happens to a breaker, one step after the other.

use std::time::Duration;

use tokio::time::Instant;

use crate::blame::Blame;
use crate::breaker::{Change, Permit};

pub use crate::breaker::Breaker;
pub use crate::limiter::{Allowance, Limit, Limiter, Met, Reserved, Running};

/// A request that was let through. Dropped, it says nothing.
#[derive(Debug)]
pub struct Passed<'a>(Permit<'a>);

/// What a breaker became by the end of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// It is what it was.
    Unchanged,
    /// It is open for so long.
    Opened(Duration),
    /// It is closed again.
    Closed,
}

/// Whether a request would be let through.
pub fn admits(breaker: &Breaker, now: Instant) -> bool {
    breaker.admits(now)
}

/// Lets a request through, or not.
pub fn enter(breaker: &Breaker, now: Instant) -> Option<Passed<'_>> {
    breaker.enter(now).map(Passed)
}

/// Lets a request through that has no other way to go.
pub fn force(breaker: &Breaker) -> Passed<'_> {
    Passed(breaker.force())
}

impl Passed<'_> {
    /// It is answered.
    pub fn succeeded(self) -> Became {
        self.0.succeeded().into()
    }

    /// It has failed, clearly or not, and the model asks to be left alone for so long.
    pub fn failed(self, is_clear: bool, asked: Option<Duration>, now: Instant) -> Became {
        self.0.failed(if is_clear { Blame::Leg } else { Blame::Doubtful }, asked, now).into()
    }
}

impl From<Change> for Became {
    fn from(change: Change) -> Self {
        match change {
            Change::Nothing => Self::Unchanged,
            Change::Opened(window) => Self::Opened(window),
            Change::Closed => Self::Closed,
        }
    }
}

#[cfg(test)]
#[path = "../../../fuzz/checks/breaker.rs"]
mod breaker;

#[cfg(test)]
#[path = "../../../fuzz/checks/limiter.rs"]
mod limiter;

#[cfg(test)]
#[path = "../../../fuzz/checks/steps.rs"]
mod steps;

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus(name: &str) -> Vec<Vec<u8>> {
        let folder = format!("{}/../../fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<_> = files.map(|path| std::fs::read(path).unwrap()).collect();
        assert!(files.len() > 7, "the corpus is gone");
        files
    }

    #[test]
    fn a_breaker_lets_through_what_it_must_at_every_step_of_the_corpus() {
        corpus("breaker").iter().for_each(|file| breaker::check(file));
    }

    #[test]
    fn limits_let_through_what_they_must_at_every_step_of_the_corpus() {
        corpus("limiter").iter().for_each(|file| limiter::check(file));
    }
}
