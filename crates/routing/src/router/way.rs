//! One request's way from leg to leg.

use chat::{Calls, Error, ErrorKind, Head, Repeat, Request, Result, Route};
use tokio::time::Instant;

use super::{Answer, Ask, Blame, Leg, Permit, tell};
use crate::blame;
use crate::limiter::Met;

/// What became of a request so far.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// Calls to providers.
    spent: u32,
    failed: Vec<Failure>,
    /// Whether a failed call may have been received, and be paid for.
    doubtful: bool,
}

#[derive(Debug)]
struct Failure {
    error: Error,
    leg: chat::Leg,
    /// Those whom the leg asked itself before it failed.
    passed: Vec<(chat::Leg, ErrorKind)>,
}

impl Way {
    /// Whether no further call may be doubtful.
    pub(super) fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// Asks a leg. `None` where it has failed and the next one may be asked.
    pub(super) async fn ask<T: Answer>(
        &mut self,
        leg: &Leg,
        permit: Permit<'_>,
        request: Request,
        ask: Ask<T>,
    ) -> Option<Result<T>> {
        let calls = request.calls.clone();
        calls.asked(|| named(leg));
        match ask(&*leg.model, request).await {
            Ok(mut answer) => {
                tell(leg, permit.succeeded(), None);
                self.arrived(leg, answer.head());
                Some(Ok(answer))
            }
            // It has not been asked.
            Err(error) if error.is_withdrawn() => {
                if permit.is_valid() {
                    Some(Err(error))
                } else {
                    None
                }
            }
            Err(error) => {
                let blame = Blame::of(&error);
                let change = match blame {
                    // Who judges a request is well; where nobody was called, that says nothing.
                    Blame::Caller if error.attempt_count() > 0 => permit.succeeded(),
                    Blame::Caller | Blame::Nobody => {
                        drop(permit);
                        crate::breaker::Change::Nothing
                    }
                    Blame::Leg | Blame::Doubtful => permit.failed(blame, error.delay(), Instant::now()),
                };
                tell(leg, change, Some(error.kind()));
                if error.route().is_none() {
                    // Otherwise those that it asked have been told.
                    calls.failed(|| named(leg), error.kind());
                }
                let goes_on = blame != Blame::Caller && self.may_repeat(error.may_repeat());
                self.add(leg, error);
                if goes_on { None } else { self.last().map(Err) }
            }
        }
    }

    /// Passes over a leg that is at its limit.
    pub(super) fn is_full(&mut self, leg: &Leg, met: Met, calls: &Calls) {
        let error = Error::new(ErrorKind::AtLimit, met.message("model")).retry_after(met.after);
        calls.failed(|| named(leg), error.kind());
        self.add(leg, error);
    }

    /// Only what was not paid for is asked for again, and what may have been, once.
    fn may_repeat(&mut self, repeat: Repeat) -> bool {
        match repeat {
            Repeat::Safe => true,
            Repeat::Doubtful => !std::mem::replace(&mut self.doubtful, true),
            Repeat::Never => false,
        }
    }

    fn arrived(&mut self, leg: &Leg, head: &mut Head) {
        head.attempts = head.attempts.saturating_add(self.spent);
        let inner = head.route.take();
        let (answered_by, last) = match inner {
            Some(route) => (route.leg, route.passed),
            None => (named(leg), Vec::new()),
        };
        let mut passed: Vec<_> = self.failed.drain(..).flat_map(Failure::steps).collect();
        passed.extend(last);
        head.route = Some(Box::new(Route { leg: answered_by, passed }));
    }

    fn add(&mut self, leg: &Leg, error: Error) {
        self.spent = self.spent.saturating_add(error.attempt_count());
        let (leg, passed) = match error.route() {
            Some(route) => (route.leg.clone(), route.passed.clone()),
            None => (named(leg), Vec::new()),
        };
        self.failed.push(Failure { error, leg, passed });
    }

    /// The failure that says most; the latest of those.
    pub(super) fn failure(&mut self) -> Option<Error> {
        let weights = self.failed.iter().map(|failure| blame::weight(&failure.error)).enumerate();
        let (index, _) = weights.max_by_key(|(_, weight)| *weight)?;
        Some(self.report(index))
    }

    /// The failure that came last.
    fn last(&mut self) -> Option<Error> {
        let index = self.failed.len().checked_sub(1)?;
        Some(self.report(index))
    }

    fn report(&mut self, index: usize) -> Error {
        let Failure { error, leg, passed: own } = self.failed.remove(index);
        let mut passed: Vec<_> = self.failed.drain(..).flat_map(Failure::steps).collect();
        passed.extend(own);
        error.attempts(self.spent).via(Route { leg, passed })
    }
}

impl Failure {
    fn steps(self) -> impl Iterator<Item = (chat::Leg, ErrorKind)> {
        let kind = self.error.kind();
        self.passed.into_iter().chain([(self.leg, kind)])
    }
}

pub(super) fn named(leg: &Leg) -> chat::Leg {
    chat::Leg { model: leg.name.clone(), region: leg.region.clone() }
}
