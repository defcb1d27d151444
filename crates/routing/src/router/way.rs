//! One request's way from leg to leg.

use chat::{Attempts, Calls, Error, ErrorKind, Head, Repeat, Request, Result, Route};
use tokio::time::Instant;

use super::{Answer, Ask, Blame, Change, Leg, Permit, nobody, tell};
use crate::blame;
use crate::limiter::{Met, Running};

/// What became of a request so far.
#[derive(Debug)]
pub(super) struct Way {
    /// The gates that the request had come through; those behind them are this router's.
    gates: usize,
    /// Calls to providers.
    spent: u32,
    failed: Vec<Failure>,
    /// Whether a call before this router was asked may have been received, and be paid for.
    began_in_doubt: bool,
    /// The worst that is known of its own failed calls: for whoever asked this router, they are one.
    repeat: Repeat,
}

/// A leg that has let a request in.
pub(super) struct Entered<'a> {
    pub(super) leg: &'a Leg,
    pub(super) permit: Permit<'a>,
    /// Its place, where the leg has limits.
    pub(super) place: Option<Running>,
}

#[derive(Debug)]
struct Failure {
    error: Error,
    leg: chat::Leg,
    /// Those whom the leg asked itself before it failed.
    passed: Vec<(chat::Leg, ErrorKind)>,
}

impl Way {
    pub(super) fn of(request: &Request) -> Self {
        Self {
            gates: request.calls.gates(),
            spent: 0,
            failed: Vec::new(),
            began_in_doubt: request.attempts == Attempts::SingleInDoubt,
            repeat: Repeat::Safe,
        }
    }

    /// How a leg is asked that could be asked in this way, were no call in doubt.
    pub(super) fn attempts(&self, attempts: Attempts) -> Attempts {
        if self.is_doubtful() { Attempts::SingleInDoubt } else { attempts }
    }

    /// Whether no further call may be doubtful.
    fn is_doubtful(&self) -> bool {
        self.began_in_doubt || self.repeat != Repeat::Safe
    }

    /// Asks the last leg, with its own retries.
    pub(super) async fn ask_last<T: Answer>(
        mut self,
        entered: Entered<'_>,
        mut request: Request,
        ask: Ask<T>,
    ) -> Result<T> {
        request.attempts = self.attempts(request.attempts);
        let answered = self.ask(entered, request, ask).await;
        answered.unwrap_or_else(|| Err(self.failure().unwrap_or_else(nobody)))
    }

    /// Asks a leg. `None` where it has failed and the next one may be asked.
    pub(super) async fn ask<T: Answer>(
        &mut self,
        Entered { leg, permit, place }: Entered<'_>,
        request: Request,
        ask: Ask<T>,
    ) -> Option<Result<T>> {
        let calls = request.calls.clone();
        calls.asked(|| named(leg));
        let error = match ask(&*leg.model, request).await {
            Ok(mut answer) => {
                tell(leg, permit.succeeded(), None);
                self.arrived(leg, answer.head());
                return Some(Ok(answer.with(place)));
            }
            Err(error) => error,
        };
        if let Some(gate) = error.withdrawn_by() {
            if error.attempt_count() == 0
                && let Some(place) = place
            {
                place.give_back();
            }
            return self.withdrawn(leg, error, gate).map(Err);
        }
        let blame = Blame::of(&error);
        let change = match blame {
            // Who judges a request is well; where nobody was called, that says nothing.
            Blame::Caller if error.attempt_count() > 0 => permit.succeeded(),
            Blame::Caller | Blame::Nobody => {
                drop(permit);
                Change::Nothing
            }
            Blame::Leg | Blame::Doubtful => permit.failed(blame, error.delay(), Instant::now()),
        };
        tell(leg, change, Some(error.kind()));
        if error.route().is_none() {
            // Otherwise those that it asked have been told.
            calls.failed(|| named(leg), error.kind());
        }
        let goes_on = self.may_repeat(error.may_repeat()) && blame != Blame::Caller;
        self.add(leg, error);
        if goes_on { None } else { self.last().map(Err) }
    }

    /// A gate was shut before the leg was called, which says nothing of the leg. Behind this router's own gate the next
    /// one may be asked (`None`); at one of whoever asked this router, nobody of its legs is to be asked any more.
    fn withdrawn(&mut self, leg: &Leg, error: Error, gate: usize) -> Option<Error> {
        let goes_on = self.may_repeat(error.may_repeat());
        if error.route().is_some() {
            // It is several itself, and some of them have failed before that.
            self.add(leg, error.withdrawn(None));
        } else {
            self.spent = self.spent.saturating_add(error.attempt_count());
            if gate < self.gates {
                let told = self.failure().unwrap_or_else(|| error.attempts(self.spent));
                return Some(told.withdrawn(Some(gate)));
            }
        }
        if gate < self.gates {
            return self.last().map(|error| error.withdrawn(Some(gate)));
        }
        if goes_on { None } else { self.last() }
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
            Repeat::Doubtful if !self.is_doubtful() => {
                self.repeat = Repeat::Doubtful;
                true
            }
            Repeat::Doubtful | Repeat::Never => {
                self.repeat = Repeat::Never;
                false
            }
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
        error.attempts(self.spent).repeat(self.repeat).via(Route { leg, passed })
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
