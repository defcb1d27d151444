//! Credentials: found at start-up, renewed ahead of their end, and never waited for while valid ones are held.
//!
//! This is the crate's only file that exposes secrets.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as Keys;
use aws_smithy_runtime_api::client::identity::Identity as SmithyIdentity;
use chat::{BoxFuture, Error, ErrorKind, Readiness, Result};
use http::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::sources::load;
use crate::clock::Clock;
use crate::spec::{CredentialSource, Credentials};

mod sources;

/// How long a request waits for the first credentials.
const FIRST_WAIT: Duration = Duration::from_millis(2500);

/// How long a request whose credentials were rejected waits for new ones.
const RENEWAL_WAIT: Duration = Duration::from_secs(10);

/// One search for credentials may take this long: a metadata service that does not answer is tried for a while.
const LOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Credentials are renewed this long before their end, as the AWS SDKs do.
const RENEW_BEFORE: Duration = Duration::from_secs(300);

/// After a failed search the next one follows after this, then twice as long, up to the maximum.
const FIRST_BACKOFF: Duration = Duration::from_secs(2);
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// A machine that slept has a clock that jumped, so no wait for an expiry is longer.
const MAX_SLEEP: Duration = Duration::from_secs(300);

/// Rejected requests renew credentials no more often than this.
const MIN_BETWEEN_LOADS: Duration = Duration::from_secs(5);

/// In whose name a request is made.
pub(super) enum Identity {
    /// A key pair to sign with.
    Keys(SmithyIdentity),
    /// A ready `authorization` header.
    Bearer(HeaderValue),
}

/// An identity, and which one it is.
pub(super) struct Held {
    pub(super) identity: Identity,
    /// Counts up with each renewal.
    pub(super) generation: u64,
}

impl Held {
    /// Takes the identity's own texts out of what an upstream says: AWS's words about a wrong signature may hold the
    /// headers that were signed.
    pub(super) fn conceal(&self, text: &str) -> String {
        let parts: Vec<&str> = match &self.identity {
            Identity::Keys(identity) => match identity.data::<Keys>() {
                Some(keys) => {
                    [Some(keys.secret_access_key()), keys.session_token(), Some(keys.access_key_id())]
                        .into_iter()
                        .flatten()
                        .collect()
                }
                None => Vec::new(),
            },
            Identity::Bearer(header) => {
                header.to_str().ok().and_then(|header| header.strip_prefix("Bearer ")).into_iter().collect()
            }
        };
        let mut text = text.to_owned();
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            if text.contains(part) {
                text = text.replace(part, "…");
            }
        }
        text
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("generation", &self.generation).finish_non_exhaustive()
    }
}

/// What is known about the credentials of one source.
#[derive(Clone, Default)]
struct State {
    held: Option<Arc<Held>>,
    failure: Option<Arc<str>>,
    /// Counts searches, failed ones too.
    round: u64,
    searched_at: Option<Instant>,
}

/// The credentials of one source, kept fresh by a task that ends with this value.
pub(crate) struct CredentialCache {
    state: watch::Receiver<State>,
    renew: Arc<Notify>,
    /// Holds the task, and ends it when dropped.
    _task: JoinSet<()>,
}

impl CredentialCache {
    /// Takes credentials that need no search, or begins to search for them.
    pub(crate) fn new(credentials: &Credentials, region: &str, clock: Clock) -> Self {
        let renew = Arc::new(Notify::new());
        let mut task = JoinSet::new();
        if credentials.assume_role.is_none()
            && let Some(identity) = fixed(&credentials.source)
        {
            let held = identity.map(|identity| Arc::new(Held { identity, generation: 0 }));
            let failure =
                held.is_none().then(|| Arc::from("the API key holds characters that no header may hold"));
            let (_, state) = watch::channel(State { held, failure, round: 1, searched_at: None });
            return Self { state, renew, _task: task };
        }
        let (sender, state) = watch::channel(State::default());
        let source = Source { credentials: credentials.clone(), region: region.to_owned() };
        task.spawn(keep_fresh(source, sender, Arc::clone(&renew), clock));
        Self { state, renew, _task: task }
    }

    /// Gives the identity to use now. Waits only while the first search is still going on.
    pub(super) async fn get(&self) -> Result<Arc<Held>> {
        let held = self.state.borrow().held.clone();
        if let Some(held) = held {
            return Ok(held);
        }
        let mut state = self.state.clone();
        let settled = state.wait_for(|state| state.held.is_some() || state.failure.is_some());
        let settled = tokio::time::timeout(FIRST_WAIT, settled).await;
        let held = settled.ok().and_then(|result| result.ok().and_then(|state| state.held.clone()));
        held.ok_or_else(|| {
            let message = "the gateway has no AWS credentials for this model; its log and `/v1/ready?verbose=true` say why";
            Error::new(ErrorKind::CredentialsUnavailable, message)
        })
    }

    /// Gives a newer identity than one that AWS rejected, renewing it once for all who wait; `None` where there
    /// is none.
    pub(super) async fn newer_than(&self, rejected: &Held) -> Option<Arc<Held>> {
        let newer =
            |state: &State| state.held.as_ref().is_some_and(|held| held.generation > rejected.generation);
        let (round, fresh) = {
            let state = self.state.borrow();
            if newer(&state) {
                return state.held.clone();
            }
            (state.round, state.searched_at.is_none_or(|at| at.elapsed() < MIN_BETWEEN_LOADS))
        };
        if fresh {
            return None;
        }
        self.renew.notify_one();
        let mut state = self.state.clone();
        let searched = state.wait_for(|state| state.round > round);
        let state = tokio::time::timeout(RENEWAL_WAIT, searched).await.ok()?.ok()?;
        newer(&state).then(|| state.held.clone()).flatten()
    }

    /// Says whether requests have an identity.
    pub(crate) fn readiness(&self) -> Readiness {
        let state = self.state.borrow();
        match (&state.held, &state.failure) {
            (Some(_), _) => Readiness::Ready,
            (None, Some(failure)) => Readiness::Error(failure.to_string()),
            (None, None) => Readiness::Initializing,
        }
    }
}

impl std::fmt::Debug for CredentialCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CredentialCache").field("readiness", &self.readiness()).finish_non_exhaustive()
    }
}

/// The identity of a source that needs no search; the inner `None` is an API key that cannot be sent.
fn fixed(source: &CredentialSource) -> Option<Option<Identity>> {
    match source {
        CredentialSource::Keys { .. } => Some(keys(source).map(|keys| Identity::Keys(keys.into()))),
        CredentialSource::Bearer(key) => {
            let header = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret())).ok();
            Some(header.map(|mut value| {
                value.set_sensitive(true);
                Identity::Bearer(value)
            }))
        }
        CredentialSource::Profile(_)
        | CredentialSource::Environment
        | CredentialSource::Metadata
        | CredentialSource::Chain { .. } => None,
    }
}

/// The key pair of a source that holds one.
fn keys(source: &CredentialSource) -> Option<Keys> {
    let CredentialSource::Keys { access_key_id, secret_access_key, session_token } = source else {
        return None;
    };
    let token = session_token.as_ref().map(expose);
    Some(Keys::new(expose(access_key_id), expose(secret_access_key), token, None, "spicepod"))
}

fn expose(secret: &SecretString) -> String {
    secret.expose_secret().to_owned()
}

/// Where a task looks for credentials.
struct Source {
    credentials: Credentials,
    region: String,
}

impl Source {
    fn search(&self) -> BoxFuture<'_, Result<Keys, String>> {
        Box::pin(async move {
            match tokio::time::timeout(LOAD_TIMEOUT, load(&self.credentials, &self.region)).await {
                Ok(result) => result,
                Err(_) => Err(format!("the search took longer than {} s", LOAD_TIMEOUT.as_secs())),
            }
        })
    }
}

/// Searches, publishes, waits, and searches again: before the end of what was found, or when asked to.
async fn keep_fresh(source: Source, state: watch::Sender<State>, renew: Arc<Notify>, clock: Clock) {
    let mut backoff = FIRST_BACKOFF;
    let mut generation = 0_u64;
    loop {
        let found = source.search().await;
        let renew_at = match &found {
            Ok(keys) => keys.expiry().map(|expiry| renewal_time(expiry, clock.now())),
            Err(reason) => {
                let held = state.borrow().held.is_some();
                tracing::warn!(
                    source = source.credentials.source.describe(),
                    held,
                    reason,
                    "no AWS credentials were found"
                );
                None
            }
        };
        let failed = found.is_err();
        generation = generation.saturating_add(1);
        state.send_modify(|state| {
            state.round = state.round.saturating_add(1);
            state.searched_at = Some(Instant::now());
            match found {
                Ok(keys) => {
                    state.held = Some(Arc::new(Held { identity: Identity::Keys(keys.into()), generation }));
                    state.failure = None;
                }
                Err(reason) => state.failure = Some(Arc::from(reason)),
            }
        });
        let wait = async {
            if failed {
                tokio::time::sleep(backoff).await;
            } else if let Some(at) = renew_at {
                sleep_until(at, &clock).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = wait => {}
            () = renew.notified() => {}
        }
        backoff = if failed { backoff.saturating_mul(2).min(MAX_BACKOFF) } else { FIRST_BACKOFF };
    }
}

/// Some time before the end; half-way there where the end is near.
fn renewal_time(expiry: SystemTime, now: SystemTime) -> SystemTime {
    let left = expiry.duration_since(now).unwrap_or_default();
    let margin = RENEW_BEFORE.min(left / 2);
    let jitter = margin.mul_f64(fastrand::f64() / 10.0);
    // A source that hands out expired credentials must not be asked in a tight loop.
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
