//! What an emulator knows: keys and a guardrail.

use std::fmt;

use crate::clock;

/// The id of the access key that it knows.
pub const ACCESS_KEY_ID: &str = "AKIAEMULATOR00000000";

/// The secret of that key. It opens nothing but an emulator.
pub const SECRET_ACCESS_KEY: &str = "emulator-secret-access-key-0000000000000";

/// The API key that it knows.
pub const BEARER_KEY: &str = "emulator-bearer-key";

/// The id of the guardrail that it knows, in the versions `DRAFT` and `1`.
pub const GUARDRAIL_ID: &str = "abc123";

/// The word that the guardrail blocks in prompts.
pub const BLOCKED_IN_PROMPTS: &str = "forbidden-word";

/// The word that the guardrail blocks in answers alone.
pub const BLOCKED_IN_ANSWERS: &str = "leaky-word";

/// Who may call an emulator.
#[derive(Clone)]
pub struct Config {
    pub(crate) keys: Vec<Key>,
    pub(crate) bearer_keys: Vec<String>,
    /// How many seconds its clock is ahead of the machine's.
    pub(crate) ahead: i64,
}

/// An access key, with a session token where it is temporary.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) session_token: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        let key =
            Key { id: ACCESS_KEY_ID.to_owned(), secret: SECRET_ACCESS_KEY.to_owned(), session_token: None };
        Self { keys: vec![key], bearer_keys: vec![BEARER_KEY.to_owned()], ahead: 0 }
    }
}

impl Config {
    /// Adds an access key.
    #[must_use]
    pub fn key(mut self, id: &str, secret: &str, session_token: Option<&str>) -> Self {
        let session_token = session_token.map(ToOwned::to_owned);
        self.keys.push(Key { id: id.to_owned(), secret: secret.to_owned(), session_token });
        self
    }
}

impl Config {
    /// Sets its clock so many seconds before the machine's, or behind where they are negative. It judges signatures by
    /// it, and dates replies.
    #[must_use]
    pub fn ahead(mut self, seconds: i64) -> Self {
        self.ahead = seconds;
        self
    }

    /// What its clock says.
    pub(crate) fn now(&self) -> i64 {
        clock::now().saturating_add(self.ahead)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.keys.iter().map(|key| key.id.as_str()).collect();
        f.debug_struct("Config").field("keys", &ids).finish_non_exhaustive()
    }
}
