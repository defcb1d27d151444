//! Limits of one model or one key. Counting is a few atomic instructions; where there is no limit there is no counter.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// What a limit lets through before it is met; `None` is without end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// Chats at the same time.
    pub concurrency: Option<u32>,
    /// Chats in a minute.
    pub requests: Option<u32>,
    /// Tokens in a minute.
    pub tokens: Option<u32>,
}

/// Counts the chats of one model or key.
#[derive(Debug)]
pub struct Limiter {
    allowance: Allowance,
    running: AtomicU32,
    requests: Option<Rate>,
    tokens: Option<Rate>,
}

/// A chat that is counted as running; its drop ends that.
#[derive(Debug)]
pub struct Running(Arc<Limiter>);

/// A chat for which there is room, and which may not come to be asked.
#[derive(Debug)]
pub struct Reserved {
    running: Running,
    kept: Option<Kept>,
}

/// One of the requests of a minute that is kept for a chat; its drop gives it back.
#[derive(Debug)]
struct Kept(Arc<Limiter>);

/// Which limit a chat met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Chats at the same time.
    Concurrency,
    /// Chats in a minute.
    Requests,
    /// Tokens in a minute.
    Tokens,
}

/// A limit that was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Met {
    /// Which one.
    pub limit: Limit,
    /// The limit's number.
    pub most: u32,
    /// When there is room again, as far as that is known.
    pub after: Duration,
}

impl Met {
    /// Says it to a client: whose limit it is, and which.
    pub fn message(&self, whose: &str) -> String {
        let limit = match self.limit {
            Limit::Concurrency => "concurrent chats",
            Limit::Requests => "requests per minute",
            Limit::Tokens => "tokens per minute",
        };
        format!("This {whose} is at its limit of {limit}: {}.", self.most)
    }
}

impl Limiter {
    fn new(allowance: Allowance) -> Self {
        Self {
            allowance,
            running: AtomicU32::new(0),
            requests: allowance.requests.map(Rate::new),
            tokens: allowance.tokens.map(Rate::new),
        }
    }

    /// The counter of what has these limits; none where there is no limit.
    pub fn of(allowance: Allowance) -> Option<Arc<Self>> {
        (allowance != Allowance::default()).then(|| Arc::new(Self::new(allowance)))
    }

    /// What it lets through.
    pub fn allowance(&self) -> Allowance {
        self.allowance
    }

    /// Goes on with what was counted before, where the limits are what they were.
    pub fn inherit(self: &mut Arc<Self>, before: &Arc<Self>) {
        if self.allowance == before.allowance {
            *self = Arc::clone(before);
        }
    }

    /// Counts a chat, where every limit has room for it.
    ///
    /// # Errors
    ///
    /// The limit that has none.
    pub fn admit(self: &Arc<Self>) -> Result<Running, Met> {
        self.reserve().map(Reserved::begin)
    }

    /// Keeps room for a chat, where every limit has some.
    ///
    /// # Errors
    ///
    /// The limit that has none.
    pub fn reserve(self: &Arc<Self>) -> Result<Reserved, Met> {
        let most = self.allowance.concurrency.unwrap_or(u32::MAX);
        let one_more = |running: u32| running.checked_add(1).filter(|running| *running <= most);
        if self.running.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_err() {
            return Err(Met { limit: Limit::Concurrency, most, after: Duration::from_secs(1) });
        }
        // From here on, dropping it gives the place back.
        let running = Running(Arc::clone(self));
        if let Some(rate) = &self.tokens {
            rate.look().map_err(|after| Met { limit: Limit::Tokens, most: rate.most, after })?;
        }
        let mut kept = None;
        if let Some(rate) = &self.requests {
            rate.keep().map_err(|after| Met { limit: Limit::Requests, most: rate.most, after })?;
            kept = Some(Kept(Arc::clone(self)));
        }
        Ok(Reserved { running, kept })
    }
}

impl Reserved {
    /// The chat is about to be asked, and counts from here on.
    pub fn begin(self) -> Running {
        let Self { running, kept } = self;
        // Charged before it is given back: counted twice for a moment, and never not at all.
        if let Some(rate) = &running.0.requests {
            rate.charge(1);
        }
        drop(kept);
        running
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(rate) = &self.0.requests {
            rate.kept.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Running {
    /// Counts what the chat has used.
    pub fn used(&self, tokens: u64) {
        if let Some(rate) = &self.0.tokens {
            rate.charge(tokens);
        }
    }

    /// Ends it, and does not count it in its minute: nobody was called.
    pub(crate) fn give_back(self) {
        if let Some(rate) = &self.0.requests {
            rate.give_back();
        }
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
    /// Kept for those who may take one. Time does not work these off.
    kept: AtomicU64,
}

impl Rate {
    fn new(most: u32) -> Self {
        Self { most, began: Instant::now(), done: AtomicU64::new(0), kept: AtomicU64::new(0) }
    }

    /// Keeps one, or says when there is one to keep.
    fn keep(&self) -> Result<(), Duration> {
        let (now, minute) = (nanos(self.began.elapsed()), nanos(MINUTE));
        // Whoever comes at the same time sees this one, and this one those who came before.
        let kept = self.kept.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let done = self.done.load(Ordering::Relaxed).max(now).saturating_add(self.cost(kept));
        match done.saturating_sub(now).checked_sub(minute).filter(|over| *over > 0) {
            None => Ok(()),
            Some(over) => {
                self.kept.fetch_sub(1, Ordering::Relaxed);
                Err(Duration::from_nanos(over))
            }
        }
    }

    /// Gives one back that was taken. Where a part of it has been worked off meanwhile, that much is given twice, which
    /// is at most the time between the two.
    fn give_back(&self) {
        let cost = self.cost(1);
        // Never refused.
        let _ = self
            .done
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |done| Some(done.saturating_sub(cost)));
    }

    /// Says when there is room again, where more was charged than fits.
    fn look(&self) -> Result<(), Duration> {
        let ahead = self.done.load(Ordering::Relaxed).saturating_sub(nanos(self.began.elapsed()));
        match ahead.checked_sub(nanos(MINUTE)) {
            None => Ok(()),
            Some(over) => Err(Duration::from_nanos(over.saturating_add(1))),
        }
    }

    /// Takes so many, whether there are as many or not: they have been used.
    fn charge(&self, count: u64) {
        let (now, cost) = (nanos(self.began.elapsed()), self.cost(count));
        let charged = |done: u64| Some(done.max(now).saturating_add(cost));
        // Never refused.
        let _ = self.done.fetch_update(Ordering::Relaxed, Ordering::Relaxed, charged);
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
