//! A model that is several: asks one of them, and the next where it fails.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use chat::{
    Attempts, BoxFuture, ChatModel, Completion, Error, Event, EventStream, Head, Readiness, Request, Result,
    Standing, Streaming,
};
use futures_core::Stream;
use tokio::time::Instant;

use crate::blame::Blame;
use crate::breaker::{Breaker, Change, Permit};
use crate::limiter::{Limiter, Met, Running};
use crate::rendezvous::{hash, mix, score};

mod way;

use way::{Entered, Way};

/// One of the models that a [`Router`] chooses from.
#[derive(Clone, Debug)]
pub struct Leg {
    /// What it is called in answers and logs.
    pub name: Arc<str>,
    /// Where it is called, where that is one place.
    pub region: Option<Arc<str>>,
    /// Its turn: those with a lower one are asked first.
    pub order: u32,
    /// Its share among the legs of the same order. Where none of them has a weight, they take turns.
    pub weight: Option<u32>,
    /// The model.
    pub model: Arc<dyn ChatModel>,
    /// What is known of its failures, shared with all routers to the same model.
    pub breaker: Arc<Breaker>,
    /// How much of it is let through, whoever asks for it; nothing where there is no limit.
    pub limiter: Option<Arc<Limiter>>,
}

impl Leg {
    /// Takes a place, where it has limits.
    fn place(&self) -> Result<Option<Running>, Met> {
        self.limiter.as_ref().map(Limiter::admit).transpose()
    }
}

/// Chooses one of several models for each request.
#[derive(Debug)]
pub struct Router {
    legs: Vec<Route>,
    /// Counts requests without a session.
    turn: AtomicU64,
}

#[derive(Debug)]
struct Route {
    leg: Leg,
    hash: u64,
}

/// Asks a model for a whole or for a streamed answer.
type Ask<T> = for<'a> fn(&'a dyn ChatModel, Request) -> BoxFuture<'a, Result<T>>;

/// An answer of either form.
trait Answer {
    fn head(&mut self) -> &mut Head;

    /// Keeps a place until the leg has answered.
    fn with(self, place: Option<Running>) -> Self;
}

impl Answer for Completion {
    fn head(&mut self) -> &mut Head {
        &mut self.head
    }

    /// It is complete.
    fn with(self, _: Option<Running>) -> Self {
        self
    }
}

impl Answer for Streaming {
    fn head(&mut self) -> &mut Head {
        &mut self.head
    }

    fn with(self, place: Option<Running>) -> Self {
        let Some(place) = place else { return self };
        let Self { head, events } = self;
        Self { head, events: Box::pin(Placed { events, _place: place }) }
    }
}

/// Events of a leg that has limits.
struct Placed {
    events: EventStream,
    _place: Running,
}

impl Stream for Placed {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.as_mut().poll_next(context)
    }
}

impl Router {
    /// Takes the legs, which are asked by their order, and those of the same order as they come.
    pub fn new(mut legs: Vec<Leg>) -> Self {
        legs.sort_by_key(|leg| leg.order);
        let routes = legs.into_iter().map(|leg| {
            let region = leg.region.as_deref().unwrap_or_default();
            Route { hash: hash(&format!("{}\n{region}", leg.name)), leg }
        });
        Self { legs: routes.collect(), turn: AtomicU64::new(0) }
    }

    /// Whether it makes a difference which session a request belongs to.
    pub fn keeps_sessions(&self) -> bool {
        self.legs.windows(2).any(|pair| matches!(pair, [one, other] if one.leg.order == other.leg.order))
    }

    /// The legs that a request may go to now, in the order in which they are asked.
    fn plan(&self, session: Option<&str>, now: Instant) -> Vec<&Leg> {
        let turn = if session.is_none() { self.turn.fetch_add(1, Ordering::Relaxed) } else { 0 };
        let mut plan = Vec::with_capacity(self.legs.len());
        for tier in self.legs.chunk_by(|one, other| one.leg.order == other.leg.order) {
            let able = |route: &&Route| {
                route.leg.model.readiness() == Readiness::Ready && route.leg.breaker.admits(now)
            };
            let mut able: Vec<&Route> = tier.iter().filter(able).collect();
            let is_weighted = tier.iter().any(|route| route.leg.weight.is_some());
            match session {
                _ if able.len() < 2 => {}
                None if !is_weighted => {
                    let count = u64::try_from(able.len()).unwrap_or(u64::MAX);
                    able.rotate_left(usize::try_from(turn % count).unwrap_or_default());
                }
                Some(session) => by_preference(&mut able, hash(session)),
                None => by_preference(&mut able, mix(turn)),
            }
            plan.extend(able.into_iter().map(|route| &route.leg));
        }
        plan
    }

    /// Whom to ask where nobody is able to answer: who is ready before who may become so, and among those, who has
    /// failed the longest ago.
    fn last_resort(&self) -> Option<&Leg> {
        let rank = |leg: &Leg| match leg.model.readiness() {
            Readiness::Ready => 0_u8,
            Readiness::Initializing => 1,
            Readiness::Error(_) => 2,
        };
        let legs = self.legs.iter().map(|route| &route.leg);
        legs.min_by_key(|leg| (rank(leg), leg.breaker.failed_at()))
    }

    /// Asks one leg after the other, until one answers or the failure is not a leg's.
    async fn answer<T: Answer>(&self, request: Request, ask: Ask<T>) -> Result<T> {
        let mut way = Way::of(&request);
        let mut plan = self.plan(request.session.as_deref(), Instant::now()).into_iter().peekable();
        while let Some(leg) = plan.next() {
            // Another request may have been faster, to fail or to find out.
            let Some(permit) = leg.breaker.enter(Instant::now()) else { continue };
            let place = match leg.place() {
                Ok(place) => place,
                Err(met) => {
                    way.is_full(leg, met, &request.calls);
                    continue;
                }
            };
            if plan.peek().is_none() {
                return way.ask_last(Entered { leg, permit, place }, request, ask).await;
            }
            let asked = Request {
                // Where there is somebody else to ask, nobody waits for a leg's own retries.
                attempts: way.attempts(Attempts::Single),
                // Others may find out that it fails before this one is sent.
                calls: request.calls.through(Arc::<Breaker>::clone(&leg.breaker), permit.generation()),
                ..request.clone()
            };
            if let Some(result) = way.ask(Entered { leg, permit, place }, asked, ask).await {
                return result;
            }
        }
        if let Some(error) = way.failure() {
            return Err(error);
        }
        let Some(leg) = self.last_resort() else { return Err(nobody()) };
        match leg.place() {
            Ok(place) => {
                let entered = Entered { leg, permit: leg.breaker.force(), place };
                way.ask_last(entered, request, ask).await
            }
            Err(met) => {
                way.is_full(leg, met, &request.calls);
                Err(way.failure().unwrap_or_else(nobody))
            }
        }
    }
}

/// A router without legs is a defect of whoever built it.
fn nobody() -> Error {
    Error::new(chat::ErrorKind::Upstream, "there is no model to ask")
}

fn by_preference(routes: &mut [&Route], key: u64) {
    let score = |route: &Route| score(key, route.hash, route.leg.weight.unwrap_or(1));
    routes.sort_by(|one, other| score(other).total_cmp(&score(one)));
}

/// Tells a leg's breaker how it went, and the operator what that changes.
fn tell(leg: &Leg, change: Change, kind: Option<chat::ErrorKind>) {
    let (model, region) = (&*leg.name, leg.region.as_deref());
    match change {
        Change::Nothing => {}
        Change::Opened(window) => tracing::warn!(
            model,
            region,
            kind = kind.map(chat::ErrorKind::name),
            window_s = window.as_secs(),
            "a model fails; workers leave it out for a while"
        ),
        Change::Closed => tracing::info!(model, region, "a model answers again"),
    }
}

impl ChatModel for Router {
    fn complete(&self, request: Request) -> BoxFuture<'_, Result<Completion>> {
        Box::pin(self.answer(request, |model, request| model.complete(request)))
    }

    fn stream(&self, request: Request) -> BoxFuture<'_, Result<Streaming>> {
        Box::pin(self.answer(request, |model, request| model.stream(request)))
    }

    fn standings(&self) -> Vec<Standing> {
        let now = Instant::now();
        let legs = self.legs.iter().map(|route| &route.leg);
        legs.map(|leg| Standing { leg: way::named(leg), left_out: !leg.breaker.admits(now) }).collect()
    }

    /// Ready as soon as one leg is.
    fn readiness(&self) -> Readiness {
        let states = || self.legs.iter().map(|route| (&route.leg, route.leg.model.readiness()));
        if states().any(|(_, state)| state == Readiness::Ready) {
            return Readiness::Ready;
        }
        // Legs of one model differ by their regions alone.
        let first = self.legs.first().map(|route| &route.leg.name);
        let one_model = self.legs.len() > 1 && self.legs.iter().all(|route| Some(&route.leg.name) == first);
        let mut reasons = Vec::new();
        for (leg, state) in states() {
            match state {
                Readiness::Error(reason) => {
                    let region = leg.region.as_ref().filter(|_| one_model);
                    reasons.push(format!("{}: {reason}", region.unwrap_or(&leg.name)));
                }
                Readiness::Initializing | Readiness::Ready => return Readiness::Initializing,
            }
        }
        Readiness::Error(reasons.join("; "))
    }
}

#[cfg(test)]
mod tests;
