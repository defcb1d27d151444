//! What a process counts on its way to providers, whoever asked: no request owns it, and some of it belongs to none.
//!
//! There is one of each number in a process, as there is one log. Counting takes neither a lock nor memory.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Something that happens on the way to a provider, and is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vital {
    /// A search for credentials gave some.
    CredentialsFound,
    /// A search for credentials gave none; those that are held stay in use.
    CredentialsFailed,
    /// A connection that was used before broke under the next request.
    StaleConnection,
    /// The answer to a call was lost or could not be read: it may be paid for all the same.
    AnswerLost,
    /// An answer held something of a kind that is not known, and went on without it.
    Unknown,
}

static CREDENTIALS_FOUND: AtomicU64 = AtomicU64::new(0);
static CREDENTIALS_FAILED: AtomicU64 = AtomicU64::new(0);
static STALE_CONNECTIONS: AtomicU64 = AtomicU64::new(0);
static ANSWERS_LOST: AtomicU64 = AtomicU64::new(0);
static UNKNOWN: AtomicU64 = AtomicU64::new(0);
static CLOCK_SKEW: AtomicI64 = AtomicI64::new(0);

impl Vital {
    fn counter(self) -> &'static AtomicU64 {
        match self {
            Self::CredentialsFound => &CREDENTIALS_FOUND,
            Self::CredentialsFailed => &CREDENTIALS_FAILED,
            Self::StaleConnection => &STALE_CONNECTIONS,
            Self::AnswerLost => &ANSWERS_LOST,
            Self::Unknown => &UNKNOWN,
        }
    }

    /// Counts one.
    pub fn count(self) {
        self.counter().fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were in this process.
    pub fn total(self) -> u64 {
        self.counter().load(Ordering::Relaxed)
    }
}

/// Says how many seconds the machine's clock lies behind a provider's; negative where it is ahead.
pub fn set_clock_skew(seconds: i64) {
    CLOCK_SKEW.store(seconds, Ordering::Relaxed);
}

/// How many seconds the machine's clock lies behind a provider's, as far as one has said so.
pub fn clock_skew() -> i64 {
    CLOCK_SKEW.load(Ordering::Relaxed)
}
