//! How much of its memory the process may hold before new chats are sent away.
//!
//! The operating system ends a process that holds too much, and all of its answers with it; a few refused chats are
//! the better end. What is held is looked at now and then, by the request that finds the last look too old. Bodies that
//! have been announced since then count as well, or a burst of large ones would come in between two looks.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The part of the memory, in percent, above which new chats are sent away.
const SHARE: u64 = 80;

/// How often what is held is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How often it is told that chats are sent away.
const TELL_AGAIN: Duration = Duration::from_secs(10);

/// A request holds its data twice for a moment: as it came, and as it leaves.
const COPIES: u64 = 2;

/// What a body of which nobody said the size is taken for.
const UNKNOWN: u64 = 1024 * 1024;

/// Gives the bytes that are held.
pub(super) type Reader = Box<dyn Fn() -> Option<u64> + Send + Sync>;

/// The watermark, and how far below it the process is.
pub(crate) struct Watermark {
    most: u64,
    reader: Reader,
    began: Instant,
    /// When it was looked, in milliseconds since `began` and one more; 0 where it never was.
    looked: AtomicU64,
    /// What was held then.
    held: AtomicU64,
    /// What may have been added since then.
    added: AtomicU64,
    /// Of bodies that have not been read.
    unread: AtomicU64,
    /// When it was told, as above.
    told: AtomicU64,
    /// Somebody was let in for whom there is no room.
    alone: AtomicBool,
}

/// A body that is to come; its drop says that it is there.
pub(super) struct Announced {
    watermark: Arc<Watermark>,
    bytes: u64,
    alone: bool,
}

impl Watermark {
    /// Bounds a process that may hold so many bytes.
    pub(super) fn new(memory: u64, reader: Reader) -> Arc<Self> {
        let most = memory.saturating_mul(SHARE) / 100;
        let (looked, held, added) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let (unread, told, alone) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
        Arc::new(Self { most, reader, began: Instant::now(), looked, held, added, unread, told, alone })
    }

    /// In bytes.
    pub(crate) fn most(&self) -> u64 {
        self.most
    }

    /// Makes room for a body of a size, where there is any.
    pub(super) fn admit(self: &Arc<Self>, body: Option<u64>) -> Option<Announced> {
        if self.is_due(&self.looked, LOOK) {
            let unread = self.unread.load(Ordering::Relaxed);
            self.held.store((self.reader)().unwrap_or(0), Ordering::Relaxed);
            self.added.store(unread, Ordering::Relaxed);
        }
        let bytes = body.unwrap_or(UNKNOWN).saturating_mul(COPIES);
        let held = self.held.load(Ordering::Relaxed).saturating_add(self.added.load(Ordering::Relaxed));
        if held.saturating_add(bytes) > self.most {
            self.tell();
            return None;
        }
        Some(self.announce(bytes, false))
    }

    /// Lets a body in for which there is no room, and no other such one until it is read.
    pub(super) fn admit_alone(self: &Arc<Self>, body: Option<u64>) -> Option<Announced> {
        let is_first = !self.alone.swap(true, Ordering::Relaxed);
        is_first.then(|| self.announce(body.unwrap_or(UNKNOWN).saturating_mul(COPIES), true))
    }

    fn announce(self: &Arc<Self>, bytes: u64, alone: bool) -> Announced {
        // In this order: a look in between counts the body twice, and not at all the other way round.
        self.unread.fetch_add(bytes, Ordering::Relaxed);
        self.added.fetch_add(bytes, Ordering::Relaxed);
        Announced { watermark: Arc::clone(self), bytes, alone }
    }

    /// Says whether something was done for the last time so long ago; to one of those who ask.
    fn is_due(&self, last: &AtomicU64, interval: Duration) -> bool {
        let now = millis(self.began.elapsed()).saturating_add(1);
        let before = last.load(Ordering::Relaxed);
        let due = before == 0 || now.saturating_sub(before) >= millis(interval);
        due && last.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn tell(&self) {
        if self.is_due(&self.told, TELL_AGAIN) {
            let (resident_bytes, watermark_bytes) = (self.held.load(Ordering::Relaxed), self.most);
            tracing::warn!(
                resident_bytes,
                watermark_bytes,
                "the process holds too much memory: new chats are refused until there is room"
            );
        }
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        self.watermark.unread.fetch_sub(self.bytes, Ordering::Relaxed);
        if self.alone {
            self.watermark.alone.store(false, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Watermark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watermark").field("most", &self.most).finish_non_exhaustive()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
