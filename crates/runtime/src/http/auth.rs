//! Who may call. This is the crate's only file that exposes secrets.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use routing::{Allowance, Limiter};
use rustls::pki_types::PrivateKeyDer;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use spicepod::KeyLimits;
use subtle::{Choice, ConstantTimeEq as _};

use super::tls::{Unusable, private_key};

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The API keys of those who may call, as digests: the keys themselves are not kept.
pub struct Keys {
    known: Vec<Arc<Caller>>,
    limited: bool,
}

/// What is kept of a key. All are of one length, so that none is compared faster than another.
type Digest32 = [u8; 32];

/// Who calls.
#[derive(Default)]
pub(crate) struct Caller {
    digest: Digest32,
    /// What tells the key from others: the first 8 hexadecimal digits of its digest.
    pub(crate) key_id: Box<str>,
    /// What the log calls the caller.
    pub(crate) name: Option<String>,
    /// The models that the caller may use; all where it is absent.
    models: Option<Vec<String>>,
    /// Counts what the caller uses; nothing is counted where nothing is limited.
    limiter: Option<Arc<Limiter>>,
    /// When a chat of the caller's last came out of the queue, as the queue counts; whatever manifest the chat belongs to.
    turn: Arc<AtomicU64>,
}

impl Caller {
    /// Says whether the caller may use a model.
    pub(crate) fn may_use(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.iter().any(|name| name == model))
    }

    pub(super) fn limiter(&self) -> Option<&Arc<Limiter>> {
        self.limiter.as_ref()
    }

    /// Whether it is the same key, if of another manifest.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    pub(super) fn turn(&self) -> u64 {
        self.turn.load(Ordering::Relaxed)
    }

    pub(super) fn had_turn(&self, turn: u64) {
        self.turn.store(turn, Ordering::Relaxed);
    }

    /// Says whether the caller may use every model.
    pub(crate) fn may_use_all(&self) -> bool {
        self.models.is_none()
    }
}

impl Keys {
    /// Takes the keys of a manifest.
    pub fn new(auth: &secrets::Auth) -> Self {
        let known = auth.keys.iter().map(|key| {
            let KeyLimits { max_concurrency, requests_per_minute, tokens_per_minute } = key.limits;
            let allowance = Allowance {
                concurrency: max_concurrency,
                requests: requests_per_minute,
                tokens: tokens_per_minute,
            };
            let digest: Digest32 = Sha256::digest(key.key.expose_secret()).into();
            let caller = Caller {
                key_id: id_of(&digest),
                name: key.name.clone(),
                models: key.models.clone(),
                limiter: Limiter::of(allowance),
                turn: Arc::default(),
                digest,
            };
            Arc::new(caller)
        });
        let known: Vec<Arc<Caller>> = known.collect();
        let limited = known.iter().any(|caller| caller.limiter.is_some());
        Self { known, limited }
    }

    /// Lets keys that were there before go on as the callers that they were: with their turn among those who wait, and
    /// with what they have used, where their limits are what they were.
    pub(super) fn inherit(&mut self, before: &Self) {
        for known in &mut self.known {
            let Some(same) = before.known.iter().find(|before| before.is(known)) else { continue };
            // Nobody else holds a caller that has not been served yet.
            let Some(caller) = Arc::get_mut(known) else { continue };
            caller.turn = Arc::clone(&same.turn);
            if let (Some(counted), Some(limiter)) = (&same.limiter, &mut caller.limiter) {
                limiter.inherit(counted);
            }
        }
    }

    /// Whether any of them has limits.
    pub(super) fn are_limited(&self) -> bool {
        self.limited
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Finds the caller whose key a request carries.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Option<Arc<Caller>> {
        let digest: Digest32 = Sha256::digest(presented(headers)?).into();
        self.of_digest(&digest, |one, other| one.ct_eq(other))
    }

    /// Finds the caller of a digest. Every key is compared, each in constant time, so that how long it takes says
    /// nothing: neither how much of a key is right, nor which of them it is.
    fn of_digest(
        &self,
        digest: &Digest32,
        mut is_same: impl FnMut(&Digest32, &Digest32) -> Choice,
    ) -> Option<Arc<Caller>> {
        let mut found = None;
        for known in &self.known {
            if bool::from(is_same(&known.digest, digest)) {
                found = Some(known);
            }
        }
        found.cloned()
    }
}

/// The first 8 hexadecimal digits of a digest.
fn id_of(digest: &Digest32) -> Box<str> {
    digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

/// The key that a request carries: in `x-api-key`, or as a bearer token. Two of the same header are none.
fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    let only = |name: &HeaderName| {
        let mut values = headers.get_all(name).iter();
        let first = values.next()?;
        values.next().is_none().then_some(first.as_bytes())
    };
    if headers.contains_key(&X_API_KEY) {
        return only(&X_API_KEY);
    }
    let (scheme, token) = only(&AUTHORIZATION)?.split_at_checked(b"bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token.trim_ascii())
}

/// Reads the key of a certificate.
pub(crate) fn secret_key(key: &SecretString) -> Result<PrivateKeyDer<'static>, Unusable> {
    private_key(key.expose_secret().as_bytes())
}

/// The header with which a client presents a key; `None` where no header may hold it.
pub(crate) fn bearer(key: &SecretString) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Caller").field(&self.key_id).field(&self.name).finish()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.known.iter().map(|caller| caller.name.as_deref()).collect();
        f.debug_tuple("Keys").field(&names).finish()
    }
}

#[cfg(test)]
mod tests;
