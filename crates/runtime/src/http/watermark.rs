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

/// What a body of which nobody said the size is taken for, and by how much more where it turns out to be larger.
const STEP: u64 = 1024 * 1024;

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

/// A body that is to come, and for how much there is room; its drop says that it is there.
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
        let bytes = body.unwrap_or(STEP).saturating_mul(COPIES);
        self.has_room(bytes).then(|| self.announce(bytes, false))
    }

    /// Whether so many bytes would stay below the watermark.
    fn has_room(&self, bytes: u64) -> bool {
        if self.is_due(&self.looked, LOOK) {
            let unread = self.unread.load(Ordering::Relaxed);
            self.held.store((self.reader)().unwrap_or(0), Ordering::Relaxed);
            self.added.store(unread, Ordering::Relaxed);
        }
        let held = self.held.load(Ordering::Relaxed).saturating_add(self.added.load(Ordering::Relaxed));
        let has_room = held.saturating_add(bytes) <= self.most;
        if !has_room {
            self.tell();
        }
        has_room
    }

    /// Lets a body in for which there is no room, and no other such one until it is read.
    pub(super) fn admit_alone(self: &Arc<Self>, body: Option<u64>) -> Option<Announced> {
        self.is_first().then(|| self.announce(body.unwrap_or(STEP).saturating_mul(COPIES), true))
    }

    /// Whether nobody else is let in for whom there is no room; from here on somebody is.
    fn is_first(&self) -> bool {
        !self.alone.swap(true, Ordering::Relaxed)
    }

    fn announce(self: &Arc<Self>, bytes: u64, alone: bool) -> Announced {
        self.add(bytes);
        Announced { watermark: Arc::clone(self), bytes, alone }
    }

    fn add(&self, bytes: u64) {
        // In this order: a look in between counts the body twice, and not at all the other way round.
        self.unread.fetch_add(bytes, Ordering::Relaxed);
        self.added.fetch_add(bytes, Ordering::Relaxed);
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

impl Announced {
    /// Makes room for as much of a body as there is now, where that is more than was announced. Says whether there is
    /// any; one body at a time needs none while no chat is answered.
    pub(super) fn make_room(&mut self, length: usize, is_idle: impl FnOnce() -> bool) -> bool {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        if length.saturating_mul(COPIES) <= self.bytes {
            return true;
        }
        let wanted = length.div_ceil(STEP).saturating_mul(STEP).saturating_mul(COPIES);
        let more = wanted.saturating_sub(self.bytes);
        if !self.alone && !self.watermark.has_room(more) {
            if !is_idle() || !self.watermark.is_first() {
                return false;
            }
            self.alone = true;
        }
        self.watermark.add(more);
        self.bytes = wanted;
        true
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
