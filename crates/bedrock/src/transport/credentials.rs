//! Credentials: whose name calls are made in.
//!
//! This is the crate's only file that exposes secrets. Where they are found is below, and so is how they are kept
//! fresh.

use std::time::SystemTime;

use aws_credential_types::Credentials as Keys;
use http::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::spec::{CredentialSource, Credentials, HalfPair, KeysFrom};

mod cache;
mod process;
mod profile;
mod report;
mod search;
mod signing;
mod sources;
mod workload;

pub(crate) use cache::CredentialCache;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) use process::parse as process_keys;
pub(super) use signing::SigningKeys;

/// In whose name a request is made.
pub(super) enum Identity {
    /// A key pair to sign with.
    Keys(SigningKeys),
    /// A ready `authorization` header.
    Bearer(HeaderValue),
}

/// An identity, and which one it is.
pub(super) struct Held {
    pub(super) identity: Identity,
    /// Counts up with each change.
    generation: u64,
    /// The source that served.
    source: String,
    /// Sources before it that do not work.
    passed: Vec<String>,
    expiry: Option<SystemTime>,
}

impl Held {
    /// Whether these are the keys that are held already.
    fn is(&self, keys: &Keys) -> bool {
        let Identity::Keys(held) = &self.identity else { return false };
        let held = held.keys();
        held.access_key_id() == keys.access_key_id()
            && held.secret_access_key() == keys.secret_access_key()
            && held.session_token() == keys.session_token()
    }

    /// Takes the identity's own texts out of what an upstream says: AWS's words about a wrong signature may hold the
    /// headers that were signed.
    pub(super) fn conceal(&self, text: &str) -> String {
        let parts: Vec<&str> = match &self.identity {
            Identity::Keys(held) => {
                let keys = held.keys();
                [Some(keys.secret_access_key()), keys.session_token(), Some(keys.access_key_id())]
                    .into_iter()
                    .flatten()
                    .collect()
            }
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

impl Credentials {
    /// Whether both are found in the same place, or are the same keys: one search then serves both.
    pub fn is_same(&self, other: &Self) -> bool {
        self.assume_role == other.assume_role && is_same(&self.source, &other.source)
    }
}

fn is_same(one: &CredentialSource, other: &CredentialSource) -> bool {
    use CredentialSource::{Bearer, Chain, Environment, Keys, Metadata, Profile};
    match (one, other) {
        (
            Keys { access_key_id, secret_access_key, session_token, from },
            Keys { access_key_id: id, secret_access_key: secret, session_token: token, from: other },
        ) => {
            let token_of = |token: &Option<SecretString>| token.as_ref().map(expose);
            from == other
                && expose(access_key_id) == expose(id)
                && expose(secret_access_key) == expose(secret)
                && token_of(session_token) == token_of(token)
        }
        (Bearer(one), Bearer(other)) => expose(one) == expose(other),
        (Profile(one), Profile(other)) => one == other,
        (Chain { profile: one }, Chain { profile: other }) => one == other,
        (Environment, Environment) | (Metadata, Metadata) => true,
        (Keys { .. } | Bearer(_) | Profile(_) | Environment | Metadata | Chain { .. }, _) => false,
    }
}

impl CredentialSource {
    /// Builds a key pair; `None` where there is none. Blank is absent, as a variable is that is set to nothing.
    ///
    /// # Errors
    ///
    /// [`HalfPair`] where only one of the two is there.
    pub fn of_keys(
        access_key_id: Option<SecretString>,
        secret_access_key: Option<SecretString>,
        session_token: Option<SecretString>,
        from: KeysFrom,
    ) -> Result<Option<Self>, HalfPair> {
        let is_said = |secret: &SecretString| !secret.expose_secret().trim().is_empty();
        match (access_key_id.filter(is_said), secret_access_key.filter(is_said)) {
            (Some(access_key_id), Some(secret_access_key)) => {
                let session_token = session_token.filter(is_said);
                Ok(Some(Self::Keys { access_key_id, secret_access_key, session_token, from }))
            }
            (None, None) => Ok(None),
            (Some(_), None) => Err(HalfPair::WithoutSecret),
            (None, Some(_)) => Err(HalfPair::WithoutId),
        }
    }
}

/// Why keys cannot be used; a request could not be signed with them.
fn check(keys: &Keys) -> Result<(), &'static str> {
    let is_sound = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_sound(keys.access_key_id()) {
        return Err("the access key id holds characters that no header may hold, such as a line end");
    }
    if keys.session_token().is_some_and(|token| !is_sound(token)) {
        return Err("the session token holds characters that no header may hold, such as a line end");
    }
    if !is_sound(keys.secret_access_key()) {
        return Err("the secret access key holds characters that no key has, such as a line end");
    }
    Ok(())
}

/// The identity of a source that needs no search, or why it cannot be used.
fn fixed(source: &CredentialSource) -> Option<Result<Identity, &'static str>> {
    match source {
        CredentialSource::Keys { .. } => Some(SigningKeys::new(keys(source)?).map(Identity::Keys)),
        CredentialSource::Bearer(key) => {
            let header = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()));
            let identity = header.map(|mut value| {
                value.set_sensitive(true);
                Identity::Bearer(value)
            });
            Some(identity.map_err(|_| "the API key holds characters that no header may hold"))
        }
        CredentialSource::Profile(_)
        | CredentialSource::Environment
        | CredentialSource::Metadata
        | CredentialSource::Chain { .. } => None,
    }
}

/// Names a source of ready keys. The process's own environment is the most usual of the secret stores.
fn name_of(source: &CredentialSource) -> String {
    let in_environment = match source {
        CredentialSource::Keys { access_key_id, from: KeysFrom::Stores, .. } => {
            sources::is_in_environment(access_key_id.expose_secret())
        }
        CredentialSource::Keys { .. }
        | CredentialSource::Bearer(_)
        | CredentialSource::Profile(_)
        | CredentialSource::Environment
        | CredentialSource::Metadata
        | CredentialSource::Chain { .. } => false,
    };
    if in_environment { CredentialSource::Environment.describe() } else { source.describe() }
}

/// The key pair of a source that holds one.
fn keys(source: &CredentialSource) -> Option<Keys> {
    let CredentialSource::Keys { access_key_id, secret_access_key, session_token, .. } = source else {
        return None;
    };
    let token = session_token.as_ref().map(expose);
    Some(Keys::new(expose(access_key_id), expose(secret_access_key), token, None, "spicepod"))
}

fn expose(secret: &SecretString) -> String {
    secret.expose_secret().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::model::Withheld;

    fn cache_of(credentials: &Credentials) -> CredentialCache {
        CredentialCache::new(credentials, "us-east-1", Clock::system(), Withheld::default())
    }

    fn keys_of(secret: &str, from: KeysFrom) -> Option<CredentialSource> {
        let (id, token) = (Some("CANARY-id".into()), Some("CANARY-token".into()));
        CredentialSource::of_keys(id, Some(secret.into()), token, from).unwrap()
    }

    #[test]
    fn a_blank_half_makes_no_pair() {
        let of = |id: &str, secret: &str| {
            CredentialSource::of_keys(Some(id.into()), Some(secret.into()), None, KeysFrom::Stores)
        };
        assert_eq!(of("x", " ").unwrap_err(), HalfPair::WithoutSecret);
        assert_eq!(of("", "x").unwrap_err(), HalfPair::WithoutId);
        assert!(of(" ", "").unwrap().is_none());
        assert!(keys_of("x", KeysFrom::Stores).is_some());
    }

    #[tokio::test]
    async fn keys_that_cannot_be_signed_with_are_told_apart_from_those_that_can() {
        let of = |id: &str, secret: &str, token: &str| {
            let [id, secret, token] = [id, secret, token].map(|text| Some(text.to_owned().into()));
            let source = CredentialSource::of_keys(id, secret, token, KeysFrom::Manifest).unwrap().unwrap();
            cache_of(&Credentials { source, assume_role: None })
        };
        assert!(of("a", "b+/=", "c").access().await.is_ok());
        for (cache, reason) in [
            (of("a\r", "b", "c"), "the access key id holds"),
            (of("a", "b\n", "c"), "the secret access key holds"),
            (of("a", "b", "c\r\nx"), "the session token holds"),
        ] {
            assert!(cache.access().await.unwrap_err().contains(reason), "{reason}");
            assert!(matches!(cache.readiness(), chat::Readiness::Error(_)));
        }
    }

    #[test]
    fn one_search_serves_the_same_keys_and_roles_alone() {
        let of = |source| Credentials { source, assume_role: None };
        let one = of(keys_of("x", KeysFrom::Manifest).unwrap());
        assert!(one.is_same(&one.clone()));
        assert!(!one.is_same(&of(keys_of("y", KeysFrom::Manifest).unwrap())));
        assert!(!one.is_same(&of(CredentialSource::Environment)));
        assert!(
            !of(CredentialSource::Profile("a".into())).is_same(&of(CredentialSource::Profile("b".into())))
        );
        assert!(of(CredentialSource::Metadata).is_same(&of(CredentialSource::Metadata)));
    }

    #[tokio::test]
    async fn no_rendering_holds_a_secret() {
        let source = keys_of("CANARY-secret", KeysFrom::Manifest).unwrap();
        for source in [source, CredentialSource::Bearer("CANARY-key".into())] {
            let credentials = Credentials { source, assume_role: None };
            let cache = cache_of(&credentials);
            let held = cache.get().await.unwrap();
            let access = cache.access().await.unwrap();
            for text in
                [format!("{credentials:?}"), format!("{cache:?} {held:?} {access:?}"), credentials.describe()]
            {
                assert!(!text.contains("CANARY"), "{text}");
            }
            assert_eq!(
                held.conceal("said CANARY-secret, CANARY-key"),
                match held.identity {
                    Identity::Keys(_) => "said …, CANARY-key",
                    Identity::Bearer(_) => "said CANARY-secret, …",
                }
            );
        }
    }
}
