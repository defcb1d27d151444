//! Credentials: whose name calls are made in.
//!
//! This is the crate's only file that exposes secrets. Where they are found is below, and so is how they are kept
//! fresh.

use std::time::SystemTime;

use aws_credential_types::Credentials as Keys;
use aws_smithy_runtime_api::client::identity::Identity as SmithyIdentity;
use http::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::spec::{CredentialSource, Credentials, KeysFrom};

mod cache;
mod process;
mod profile;
mod report;
mod search;
mod sources;
mod workload;

pub(crate) use cache::CredentialCache;

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
    /// Counts up with each change.
    generation: u64,
    /// The source that served.
    source: String,
    expiry: Option<SystemTime>,
}

impl Held {
    /// Whether these are the keys that are held already.
    fn is(&self, keys: &Keys) -> bool {
        let Identity::Keys(identity) = &self.identity else { return false };
        identity.data::<Keys>().is_some_and(|held| {
            held.access_key_id() == keys.access_key_id()
                && held.secret_access_key() == keys.secret_access_key()
                && held.session_token() == keys.session_token()
        })
    }

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
    /// Builds a key pair; `None` where a half of it is blank, as a variable is that is set to nothing.
    pub fn of_keys(
        access_key_id: SecretString,
        secret_access_key: SecretString,
        session_token: Option<SecretString>,
        from: KeysFrom,
    ) -> Option<Self> {
        let is_blank = |secret: &SecretString| secret.expose_secret().trim().is_empty();
        if is_blank(&access_key_id) || is_blank(&secret_access_key) {
            return None;
        }
        let session_token = session_token.filter(|token| !is_blank(token));
        Some(Self::Keys { access_key_id, secret_access_key, session_token, from })
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

    fn keys_of(secret: &str, from: KeysFrom) -> Option<CredentialSource> {
        CredentialSource::of_keys("CANARY-id".into(), secret.into(), Some("CANARY-token".into()), from)
    }

    #[test]
    fn a_blank_half_makes_no_pair() {
        assert!(keys_of(" ", KeysFrom::Stores).is_none());
        assert!(keys_of("x", KeysFrom::Stores).is_some());
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
            let cache = CredentialCache::new(&credentials, "us-east-1", Clock::system());
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
