//! Credentials found at start-up, renewed ahead of their end, and never waited for while valid ones are held.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use chat::{BoxFuture, Error, ErrorKind, Readiness, Result, Vital};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::report::Reporter;
use super::sources::{Found, load};
use super::{Held, Identity, SigningKeys, fixed, name_of};
use crate::clock::Clock;
use crate::model::Withheld;
use crate::spec::{Access, Credentials};

/// How long a request waits for the first credentials.
const FIRST_WAIT: Duration = Duration::from_millis(2500);

/// How long a request whose credentials were rejected waits for new ones.
const RENEWAL_WAIT: Duration = Duration::from_secs(10);

/// One search for credentials may take this long: a metadata service that does not answer is tried for a while.
const LOAD_TIMEOUT: Duration = Duration::from_secs(25);

/// Credentials are renewed this long before their end, as the AWS SDKs do.
const RENEW_BEFORE: Duration = Duration::from_secs(300);

/// After a failed search the next one follows after this, then twice as long, up to the maximum.
const FIRST_BACKOFF: Duration = Duration::from_secs(2);
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// The maximum while there are no credentials at all, and requests fail for it.
const MAX_BACKOFF_WITHOUT: Duration = Duration::from_secs(5);

/// A machine that slept has a clock that jumped, so no wait for an expiry is longer.
const MAX_SLEEP: Duration = Duration::from_secs(300);

/// Rejected requests renew credentials no more often than this.
const MIN_BETWEEN_RENEWALS: Duration = Duration::from_secs(5);

/// What is known about the credentials of one source.
#[derive(Clone, Default)]
struct State {
    held: Option<Arc<Held>>,
    failure: Option<Arc<str>>,
    /// Counts searches, failed ones too.
    round: u64,
    /// When the last search ended that rejected requests asked for.
    renewed_at: Option<Instant>,
}

/// How those whose credentials were rejected ask for a search.
#[derive(Default)]
struct Renewal {
    /// The search that they wait for, by its number.
    wanted: AtomicU64,
    asked: Notify,
}

impl Renewal {
    fn ask(&self, round: u64) {
        self.wanted.fetch_max(round, Ordering::AcqRel);
        self.asked.notify_one();
    }

    fn is_wanted(&self, round: u64) -> bool {
        self.wanted.load(Ordering::Acquire) >= round
    }

    /// Waits until somebody asks for a search with at least this number. Those who asked for the one before have
    /// been served by it.
    async fn wait(&self, round: u64) {
        while !self.is_wanted(round) {
            self.asked.notified().await;
        }
    }
}

/// The credentials of one source, kept fresh by a task that ends with this value.
pub(crate) struct CredentialCache {
    state: watch::Receiver<State>,
    /// Asks for a search; `None` where there is nothing to search.
    renew: Option<Arc<Renewal>>,
    clock: Clock,
    /// Holds the task, and ends it when dropped.
    _task: JoinSet<()>,
}

impl CredentialCache {
    /// Takes credentials that need no search, or begins to search for them.
    pub(crate) fn new(credentials: &Credentials, region: &str, clock: Clock, withheld: Withheld) -> Self {
        let mut task = JoinSet::new();
        if credentials.assume_role.is_none()
            && let Some(identity) = fixed(&credentials.source)
        {
            let source = name_of(&credentials.source);
            let (held, failure) = match identity {
                Ok(identity) => {
                    let held = Held { identity, generation: 0, source, passed: Vec::new(), expiry: None };
                    (Some(Arc::new(held)), None)
                }
                Err(reason) => (None, Some(Arc::from(format!("{source}: {reason}")))),
            };
            let (_, state) = watch::channel(State { held, failure, round: 1, renewed_at: None });
            return Self { state, renew: None, clock, _task: task };
        }
        let renew = Arc::new(Renewal::default());
        let (sender, state) = watch::channel(State::default());
        let source = Source { credentials: credentials.clone(), region: region.to_owned(), withheld };
        let keeper = Keeper { source, state: sender, renew: Arc::clone(&renew), clock: clock.clone() };
        task.spawn(keeper.keep_fresh());
        Self { state, renew: Some(renew), clock, _task: task }
    }

    /// Gives the identity to use now. Waits only while the first search is still going on.
    pub(in crate::transport) async fn get(&self) -> Result<Arc<Held>> {
        let held = self.state.borrow().held.clone();
        if let Some(held) = held {
            return Ok(held);
        }
        // Boxed for the requests after the first search, which do not wait.
        let settled = Box::pin(tokio::time::timeout(FIRST_WAIT, self.settled())).await;
        settled.ok().and_then(|state| state.held).ok_or_else(|| {
            let message = "the gateway has no AWS credentials for this model; its log and `/v1/ready?verbose=true` say why";
            Error::new(ErrorKind::CredentialsUnavailable, message)
        })
    }

    /// Waits for the end of the first search.
    async fn settled(&self) -> State {
        let mut state = self.state.clone();
        let settled = state.wait_for(|state| state.held.is_some() || state.failure.is_some()).await;
        settled.map(|state| state.clone()).unwrap_or_default()
    }

    /// Waits for the first search, and says which source served, or why none did.
    pub(crate) async fn access(&self) -> Result<Access, String> {
        let State { held, failure, .. } = self.settled().await;
        match held {
            Some(held) => Ok(Access {
                source: held.source.clone(),
                passed: held.passed.clone(),
                expires_in: held.expiry.map(|at| at.duration_since(self.clock.now()).unwrap_or_default()),
            }),
            None => Err(failure.map_or_else(|| "the search ended early".to_owned(), |why| why.to_string())),
        }
    }

    /// Gives a newer identity than one that AWS rejected, renewing it once for all who wait; `None` where there
    /// is none.
    pub(in crate::transport) async fn newer_than(&self, rejected: &Held) -> Option<Arc<Held>> {
        let renew = self.renew.as_ref()?;
        let newer =
            |state: &State| state.held.as_ref().is_some_and(|held| held.generation > rejected.generation);
        let (round, just_renewed) = {
            let state = self.state.borrow();
            if newer(&state) {
                return state.held.clone();
            }
            (state.round, state.renewed_at.is_some_and(|at| at.elapsed() < MIN_BETWEEN_RENEWALS))
        };
        if just_renewed {
            return None;
        }
        renew.ask(round.saturating_add(1));
        let mut state = self.state.clone();
        let searched = state.wait_for(|state| state.round > round);
        let state = tokio::time::timeout(RENEWAL_WAIT, searched).await.ok()?.ok()?;
        newer(&state).then(|| state.held.clone()).flatten()
    }

    /// Asks for a search, and waits for nothing.
    pub(crate) fn renew(&self) {
        if let Some(renew) = &self.renew {
            let round = self.state.borrow().round;
            renew.ask(round.saturating_add(1));
        }
    }

    /// Says whether requests have an identity.
    pub(crate) fn readiness(&self) -> Readiness {
        let state = self.state.borrow();
        match (&state.held, &state.failure) {
            (Some(_), _) => Readiness::Ready,
            (None, Some(failure)) => Readiness::Error(failure.to_string()),
            // Nobody searches any more: the search has a defect, and must not hold up the others.
            (None, None) if self.state.has_changed().is_err() => {
                Readiness::Error("the search for credentials ended early".to_owned())
            }
            (None, None) => Readiness::Initializing,
        }
    }
}

impl std::fmt::Debug for CredentialCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CredentialCache").field("readiness", &self.readiness()).finish_non_exhaustive()
    }
}

/// Where a task looks for credentials.
struct Source {
    credentials: Credentials,
    region: String,
    withheld: Withheld,
}

impl Source {
    fn search(&self) -> BoxFuture<'_, Result<Found, String>> {
        Box::pin(async move {
            let deadline = Instant::now() + LOAD_TIMEOUT;
            // The sources keep to the deadline themselves, and say which of them did not.
            let last = deadline + Duration::from_secs(1);
            let load = load(&self.credentials, &self.region, deadline, &self.withheld);
            match tokio::time::timeout_at(last, load).await {
                Ok(result) => result,
                Err(_) => Err(format!("the search took longer than {} s", LOAD_TIMEOUT.as_secs())),
            }
        })
    }
}

/// Searches, publishes, waits, and searches again.
struct Keeper {
    source: Source,
    state: watch::Sender<State>,
    renew: Arc<Renewal>,
    clock: Clock,
}

impl Keeper {
    async fn keep_fresh(self) {
        let mut backoff = FIRST_BACKOFF;
        let mut reporter = Reporter::new(self.source.credentials.describe());
        loop {
            let found = self.source.search().await;
            let expiry = self.publish(found, &mut reporter);
            let is_without = self.state.borrow().held.is_none();
            let next = Next::of(expiry, is_without, self.clock.now(), &mut backoff);
            let waited = async {
                match next {
                    Next::At(time) => sleep_until(time, &self.clock).await,
                    Next::After(pause) => tokio::time::sleep(pause).await,
                    Next::Never => std::future::pending::<()>().await,
                }
            };
            let round = self.state.borrow().round.saturating_add(1);
            tokio::select! {
                () = waited => {}
                () = self.renew.wait(round) => {}
            }
        }
    }

    /// Says what was found to everybody who waits. Where nothing was, what is held stays in use: AWS may go on to
    /// accept it. Gives the time at which the keys end.
    fn publish(
        &self,
        found: Result<Found, String>,
        reporter: &mut Reporter,
    ) -> Result<Option<SystemTime>, ()> {
        let held = self.state.borrow().held.clone();
        let found = found.and_then(|found| match SigningKeys::new(found.keys.clone()) {
            Ok(signing) => Ok((found, signing)),
            Err(why) => Err(format!("{}: {why}", found.source)),
        });
        match found {
            Ok((Found { keys, source, passed }, signing)) => {
                let expiry = keys.expiry();
                let is_new = !held.as_ref().is_some_and(|held| held.is(&keys));
                let generation = held.map_or(0, |held| held.generation).saturating_add(u64::from(is_new));
                let identity = Identity::Keys(signing);
                let held =
                    Held { identity, generation, source: source.clone(), passed: passed.clone(), expiry };
                let held = Arc::new(held);
                Vital::CredentialsFound.count();
                self.searched(|state| (state.held, state.failure) = (Some(held), None));
                let expires_in = expiry.map(|at| at.duration_since(self.clock.now()).unwrap_or_default());
                reporter.found(&source, expires_in, &passed, is_new);
                Ok(expiry)
            }
            Err(reason) => {
                Vital::CredentialsFailed.count();
                self.searched(|state| state.failure = Some(Arc::from(&*reason)));
                reporter.failed(&reason, held.is_some());
                Err(())
            }
        }
    }

    fn searched(&self, change: impl FnOnce(&mut State)) {
        self.state.send_modify(|state| {
            state.round = state.round.saturating_add(1);
            if self.renew.is_wanted(state.round) {
                state.renewed_at = Some(Instant::now());
            }
            change(state);
        });
    }
}

/// When the next search follows, where nobody asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    At(SystemTime),
    After(Duration),
    Never,
}

impl Next {
    /// Goes by what the last search gave: the end of keys, keys without an end, or nothing.
    fn of(
        expiry: Result<Option<SystemTime>, ()>,
        is_without: bool,
        now: SystemTime,
        backoff: &mut Duration,
    ) -> Self {
        let next = match expiry {
            Ok(None) => Self::Never,
            Ok(Some(expiry)) if expiry > now => Self::At(renewal_time(expiry, now)),
            // Keys that are over when they come are those of a clock that is off, or of a source that is stuck; to ask
            // again at once would give the same.
            Ok(Some(_)) | Err(()) => {
                let pause = if is_without { (*backoff).min(MAX_BACKOFF_WITHOUT) } else { *backoff };
                *backoff = backoff.saturating_mul(2).min(MAX_BACKOFF);
                return Self::After(pause);
            }
        };
        *backoff = FIRST_BACKOFF;
        next
    }
}

/// Some time before the end; half-way there where the end is near.
fn renewal_time(expiry: SystemTime, now: SystemTime) -> SystemTime {
    let left = expiry.duration_since(now).unwrap_or_default();
    let margin = RENEW_BEFORE.min(left / 2);
    let jitter = margin.mul_f64(fastrand::f64() / 10.0);
    // A source whose credentials end at once must not be asked in a tight loop.
    now + left.saturating_sub(margin).saturating_sub(jitter).max(Duration::from_secs(1))
}

async fn sleep_until(at: SystemTime, clock: &Clock) {
    while let Ok(left) = at.duration_since(clock.now()) {
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(MAX_SLEEP)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pauses in seconds after searches that give one thing over and over.
    fn pauses(expiry: Result<Option<SystemTime>, ()>, is_without: bool) -> Vec<u64> {
        let (mut backoff, now) = (FIRST_BACKOFF, SystemTime::UNIX_EPOCH + MAX_BACKOFF);
        let mut pause = || match Next::of(expiry, is_without, now, &mut backoff) {
            Next::After(pause) => pause.as_secs(),
            Next::At(time) => time.duration_since(now).unwrap().as_secs(),
            Next::Never => u64::MAX,
        };
        (0..7).map(|_| pause()).collect()
    }

    #[test]
    fn a_search_that_fails_is_made_again_ever_later_and_soon_where_there_is_nothing() {
        assert_eq!(pauses(Err(()), false), [2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(pauses(Err(()), true), [2, 4, 5, 5, 5, 5, 5]);
    }

    #[test]
    fn keys_that_are_over_when_they_come_are_not_asked_for_every_second() {
        assert_eq!(pauses(Ok(Some(SystemTime::UNIX_EPOCH)), false), [2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn keys_are_renewed_some_minutes_before_their_end_and_those_without_an_end_never() {
        let hour = SystemTime::UNIX_EPOCH + MAX_BACKOFF + Duration::from_secs(3600);
        assert!(pauses(Ok(Some(hour)), false).iter().all(|pause| (3270..=3300).contains(pause)));
        assert_eq!(pauses(Ok(None), false), [u64::MAX; 7]);
    }
}
