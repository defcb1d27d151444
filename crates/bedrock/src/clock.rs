//! Wall-clock time, which signatures and expiries need.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

/// Tells the time of day; tests bring their own. Copies share a correction.
#[derive(Clone)]
pub struct Clock {
    read: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    /// How far the time that is read lies behind AWS's, in milliseconds.
    behind: Arc<AtomicI64>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the clock through which wall-clock time enters"
        )]
        Self::new(SystemTime::now)
    }

    /// A clock that a test sets.
    pub fn new(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { read: Arc::new(now), behind: Arc::default() }
    }

    pub(crate) fn now(&self) -> SystemTime {
        let behind = self.behind.load(Ordering::Relaxed);
        let by = Duration::from_millis(behind.unsigned_abs());
        let read = (self.read)();
        let corrected = if behind < 0 { read.checked_sub(by) } else { read.checked_add(by) };
        corrected.unwrap_or(read)
    }

    /// Tells the time as AWS does from here on. Gives how many seconds the machine's clock lies behind; negative
    /// where it is ahead.
    pub(crate) fn correct(&self, actual: SystemTime) -> i64 {
        let milliseconds = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let behind = match actual.duration_since((self.read)()) {
            Ok(behind) => milliseconds(behind),
            Err(ahead) => milliseconds(ahead.duration()).saturating_neg(),
        };
        self.behind.store(behind, Ordering::Relaxed);
        behind / 1000
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correction_holds_for_all_copies_and_both_directions() {
        let machine = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let clock = Clock::new(move || machine);
        let copy = clock.clone();
        for (actual, behind) in [
            (machine + Duration::from_secs(600), 600),
            (machine - Duration::from_secs(600), -600),
            (machine, 0),
        ] {
            assert_eq!(clock.correct(actual), behind);
            assert_eq!(copy.now(), actual);
        }
    }
}
