//! Limits of one model or one key. Counting is a few atomic instructions; where there is no limit there is no counter.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::metrics::Limit;

const MINUTE: Duration = Duration::from_secs(60);

/// What a limit lets through before it is met; `None` is without end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Chats at the same time.
    pub(crate) concurrency: Option<u32>,
    /// Chats in a minute.
    pub(crate) requests: Option<u32>,
}

/// Counts the chats of one model or key.
#[derive(Debug)]
pub(crate) struct Limiter {
    allowance: Allowance,
    running: AtomicU32,
    requests: Option<Rate>,
}

/// A chat that is counted as running; its drop ends that.
#[derive(Debug)]
pub(crate) struct Running(Arc<Limiter>);

/// A limit that was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Met {
    pub(crate) limit: Limit,
    /// The limit's number.
    pub(crate) most: u32,
    /// When there is room again, as far as that is known.
    pub(crate) after: Duration,
}

impl Limiter {
    fn new(allowance: Allowance) -> Self {
        Self { allowance, running: AtomicU32::new(0), requests: allowance.requests.map(Rate::new) }
    }

    /// The counter of what has these limits: the one before where they did not change, and none without a limit.
    pub(crate) fn renewed(allowance: Allowance, before: Option<&Arc<Self>>) -> Option<Arc<Self>> {
        if allowance == Allowance::default() {
            return None;
        }
        let same = before.filter(|before| before.allowance == allowance);
        Some(same.map_or_else(|| Arc::new(Self::new(allowance)), Arc::clone))
    }

    /// Counts a chat, where every limit has room for it.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Running, Met> {
        let most = self.allowance.concurrency.unwrap_or(u32::MAX);
        let one_more = |running: u32| running.checked_add(1).filter(|running| *running <= most);
        if self.running.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_err() {
            return Err(Met { limit: Limit::Concurrency, most, after: Duration::from_secs(1) });
        }
        // From here on, dropping it gives the place back.
        let running = Running(Arc::clone(self));
        if let Some(rate) = &self.requests {
            rate.take().map_err(|after| Met { limit: Limit::Requests, most: rate.most, after })?;
        }
        Ok(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// So many in a minute: all of them at once after a minute of quiet, and then one after the other.
///
/// What has been taken is kept as the time at which all of it will have been worked off (the generic cell rate
/// algorithm), so that one number says everything.
#[derive(Debug)]
struct Rate {
    most: u32,
    began: Instant,
    /// In nanoseconds since `began`.
    done: AtomicU64,
}

impl Rate {
    fn new(most: u32) -> Self {
        Self { most, began: Instant::now(), done: AtomicU64::new(0) }
    }

    /// Takes one, or says when there is one.
    fn take(&self) -> Result<(), Duration> {
        let now = nanos(self.began.elapsed());
        let (cost, minute) = (self.cost(1), nanos(MINUTE));
        let taken = |done: u64| {
            let done = done.max(now).saturating_add(cost);
            (done - now <= minute).then_some(done)
        };
        match self.done.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken) {
            Ok(_) => Ok(()),
            Err(done) => Err(Duration::from_nanos(
                done.saturating_add(cost).saturating_sub(now).saturating_sub(minute),
            )),
        }
    }

    /// The time in which so many are worked off.
    fn cost(&self, count: u64) -> u64 {
        nanos(MINUTE).saturating_mul(count) / u64::from(self.most.max(1))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
