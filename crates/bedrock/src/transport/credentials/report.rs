//! What the log says of searches for credentials: each change once, and a failure that stays once a minute.

use std::time::Duration;

use tokio::time::Instant;

/// A failure that stays is told again after this.
const AGAIN: Duration = Duration::from_secs(60);

/// Remembers what was told.
#[derive(Debug)]
pub(super) struct Reporter {
    /// What is searched.
    what: String,
    /// Sources that were passed over.
    passed: Vec<String>,
    /// The last failure, and when it was told.
    failure: Option<(String, Instant)>,
}

impl Reporter {
    pub(super) fn new(what: String) -> Self {
        Self { what, passed: Vec::new(), failure: None }
    }

    /// Tells what was found, where it is new, and which sources before it do not work.
    pub(super) fn found(
        &mut self,
        source: &str,
        expires_in: Option<Duration>,
        passed: &[String],
        is_new: bool,
    ) {
        self.failure = None;
        if self.passed != passed {
            self.passed = passed.to_vec();
            if !passed.is_empty() {
                let reason = passed.join(" | ");
                tracing::warn!(
                    source,
                    reason,
                    "a source of AWS credentials does not work; another one serves"
                );
            }
        }
        if is_new {
            tracing::info!(source, expires_in_s = expires_in.map(|left| left.as_secs()), "credentials found");
        }
    }

    /// Tells that nothing was found.
    pub(super) fn failed(&mut self, reason: &str, held: bool) {
        let told =
            self.failure.as_ref().is_some_and(|(last, at)| at.elapsed() < AGAIN && (held || last == reason));
        if told {
            return;
        }
        self.failure = Some((reason.to_owned(), Instant::now()));
        let source = &self.what;
        if held {
            tracing::warn!(
                source,
                reason,
                "AWS credentials could not be renewed; those that are held stay in use"
            );
        } else {
            tracing::warn!(source, reason, "no AWS credentials were found");
        }
    }
}
