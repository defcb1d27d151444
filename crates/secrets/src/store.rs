//! What a secret store is, whichever kind it is of.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use secrecy::SecretString;
use spicepod::Problem;
use tokio::sync::OnceCell;

/// What a store gives to those who wait for it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The secrets of a store that gives all of them together; some may be unusable.
pub type Secrets = HashMap<String, Result<SecretString, StoreError>>;

/// A store behind a network has this long to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A place where secrets are kept.
pub trait SecretStore: Send + Sync {
    /// Looks a key up; `None` where the store is well and does not hold it.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<SecretString>, StoreError>>;

    /// Says where it looks: `files in /run/secrets`.
    fn describe(&self) -> String;

    /// Says how a key comes into it: `write the file /run/secrets/KEY`.
    fn advice(&self, key: &str) -> String;

    /// What is noteworthy about what it gave, since this was last asked.
    fn warnings(&self) -> Vec<Problem> {
        Vec::new()
    }

    /// The files that it has looked for so far, whether they are there or not; none where it keeps secrets elsewhere.
    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// A store could not say whether it holds a secret. The text holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    message: String,
    help: String,
    passing: bool,
}

impl StoreError {
    /// Says what went wrong, and what to do about it.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into(), passing: false }
    }

    /// Says that it may be over by itself: a disk or a network failed, and nobody has to correct anything.
    #[must_use]
    pub fn passing(mut self, passing: bool) -> Self {
        self.passing = passing;
        self
    }

    /// Whether it may be over by itself.
    pub fn may_pass(&self) -> bool {
        self.passing
    }

    /// What to do about it.
    pub fn advice(&self) -> &str {
        &self.help
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StoreError {}

/// Secrets that are fetched together, once: every further key, and every further failure, is of the same answer.
#[derive(Default)]
pub struct Fetched(OnceCell<Result<Secrets, StoreError>>);

impl Fetched {
    /// Looks a key up, and fetches the secrets first where nobody has.
    ///
    /// # Errors
    ///
    /// Where they could not be fetched in time, or where this one is unusable.
    pub async fn get<F>(
        &self,
        key: &str,
        fetch: impl FnOnce() -> F,
    ) -> Result<Option<SecretString>, StoreError>
    where
        F: Future<Output = Result<Secrets, StoreError>>,
    {
        let fetched = self.0.get_or_init(|| async {
            tokio::time::timeout(TIMEOUT, fetch()).await.unwrap_or_else(|_| {
                let message = format!("it did not answer within {} s", TIMEOUT.as_secs());
                let help = "check the network between this machine and the store";
                Err(StoreError::new(message, help).passing(true))
            })
        });
        match fetched.await {
            Ok(secrets) => secrets.get(key).cloned().transpose(),
            Err(error) => Err(error.clone()),
        }
    }
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fetched")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use secrecy::ExposeSecret as _;

    use super::*;

    #[tokio::test]
    async fn one_fetch_serves_every_key() {
        let (fetched, count) = (Fetched::default(), AtomicUsize::new(0));
        let fetch = || async {
            count.fetch_add(1, Ordering::SeqCst);
            let bad = Err(StoreError::new("it is no text", "write text"));
            Ok(Secrets::from([("A".into(), Ok("hunter2".into())), ("B".into(), bad)]))
        };
        assert_eq!(fetched.get("A", fetch).await.unwrap().unwrap().expose_secret(), "hunter2");
        assert_eq!(fetched.get("B", fetch).await.unwrap_err().to_string(), "it is no text");
        assert!(fetched.get("C", fetch).await.unwrap().is_none());
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert!(!format!("{fetched:?}").contains("hunter2"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_does_not_answer_is_given_up_once() {
        let fetched = Fetched::default();
        let start = tokio::time::Instant::now();
        for _ in 0..3 {
            let error = fetched.get("A", std::future::pending).await.unwrap_err();
            assert_eq!(error.to_string(), "it did not answer within 10 s");
            assert!(error.may_pass());
        }
        assert_eq!(start.elapsed(), TIMEOUT);
    }
}
