//! Lines on their way to stderr.
//!
//! A request ends by writing its line, so it must not wait for the reader of a pipe or for a full disk. Lines are
//! gathered in memory, and one thread writes what has gathered: many lines in one call, where there are many.

use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// What may wait to be written, in bytes: some ten thousand lines. What comes on top is dropped and counted.
const MOST: usize = 4 * 1024 * 1024;

/// What is kept of a buffer that a blocked reader made large.
const KEPT: usize = 64 * 1024;

/// After a write, lines gather this long. Without it, each line of a busy process would wake the thread.
const PAUSE: Duration = Duration::from_millis(5);

/// A full pipe that does not block is tried again after this.
const RETRY: Duration = Duration::from_millis(20);

/// How long the end of the process waits for the reader of its last lines.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Lines of this process that were never written.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// How many lines of this process were dropped, because nobody took them.
pub(crate) fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

fn drop_lines(bytes: &[u8]) {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    DROPPED.fetch_add(u64::try_from(lines).unwrap_or(u64::MAX), Ordering::Relaxed);
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    /// How many lines have had a number, dropped ones included: a number that is missing is a line that is.
    numbered: u64,
    /// The thread sleeps until it is woken.
    idle: bool,
    /// Nothing more is to come.
    ending: bool,
    /// Everything is written, or given up.
    ended: bool,
}

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

impl Queue {
    /// Held for a copy of a line, and never over a write.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        self.add(self.state(), [line]);
    }

    /// Ends an object by its number. It is given where the order of the lines is, so that both are the same.
    fn push_numbered(&self, object: &[u8]) {
        let mut state = self.state();
        state.numbered = state.numbered.saturating_add(1);
        let mut digits = itoa::Buffer::new();
        let number = digits.format(state.numbered).as_bytes();
        self.add(state, [object, b",\"sequence\":", number, b"}\n"]);
    }

    fn add<const N: usize>(&self, mut state: MutexGuard<'_, State>, line: [&[u8]; N]) {
        let length = line.iter().map(|part| part.len()).sum();
        if state.ended || state.waiting.len().saturating_add(length) > MOST {
            drop(state);
            line.into_iter().for_each(drop_lines);
            return;
        }
        line.into_iter().for_each(|part| state.waiting.extend_from_slice(part));
        if std::mem::take(&mut state.idle) {
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Waits for lines, and takes them; `None` once there are none and the process ends.
    fn take(&self, into: &mut Vec<u8>) -> Option<()> {
        let mut state = self.state();
        while state.waiting.is_empty() {
            if state.ending {
                return None;
            }
            state.idle = true;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.idle = false;
        into.clear();
        into.shrink_to(KEPT);
        std::mem::swap(&mut state.waiting, into);
        Some(())
    }

    /// Waits for a time, or as long as something is so.
    fn pause(&self, time: Duration, goes_on: impl Fn(&State) -> bool) {
        let waited = self.changed.wait_timeout_while(self.state(), time, |state| goes_on(state));
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn write(&self, mut to: impl Write) {
        let mut taken = Vec::new();
        while self.take(&mut taken).is_some() {
            self.write_all(&taken, &mut to);
            self.pause(PAUSE, |state| !state.ending);
        }
        self.state().ended = true;
        self.changed.notify_all();
    }

    /// Writes everything. What stderr refuses is lost, and there is nobody to tell.
    fn write_all(&self, mut bytes: &[u8], to: &mut impl Write) {
        while !bytes.is_empty() {
            match to.write(bytes) {
                Ok(written) if written > 0 => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.pause(RETRY, |_| true),
                Ok(_) | Err(_) => return drop_lines(bytes),
            }
        }
    }
}

/// The log of the process. Its end writes what waits, as far as somebody takes it.
#[derive(Debug)]
pub(crate) struct Log(Arc<Queue>);

impl Log {
    /// Starts the thread that writes.
    pub(super) fn to(stderr: impl Write + Send + 'static) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let writing = Arc::clone(&queue);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || writing.write(stderr))?;
        Ok(Self(queue))
    }

    pub(super) fn lines(&self) -> Lines {
        Lines(Arc::clone(&self.0))
    }

    /// Writes what waits, and nothing that comes later. Says whether everything was taken in time.
    pub(crate) fn finish(self) -> bool {
        let mut state = self.0.state();
        state.ending = true;
        self.0.changed.notify_all();
        let waited = self.0.changed.wait_timeout_while(state, LAST_WORDS, |state| !state.ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }
}

/// Where the lines of events go.
#[derive(Clone, Debug)]
pub(super) struct Lines(Arc<Queue>);

impl Lines {
    /// Takes an object without its end, and numbers it.
    pub(super) fn push_numbered(&self, object: &[u8]) {
        self.0.push_numbered(object);
    }
}

/// One line; it comes in one piece.
#[derive(Debug)]
pub(super) struct Line<'a>(&'a Queue);

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(&self.0)
    }
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Takes nothing until it is told how much.
    struct Reader {
        may_take: Receiver<io::Result<usize>>,
        taken: Sender<Vec<u8>>,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let most = self.may_take.recv().unwrap_or(Ok(usize::MAX))?;
            let bytes = &bytes[..bytes.len().min(most)];
            self.taken.send(bytes.to_vec()).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log() -> (Log, Sender<io::Result<usize>>, Receiver<Vec<u8>>) {
        let ((allow, may_take), (taken, seen)) = (channel(), channel());
        (Log::to(Reader { may_take, taken }).unwrap(), allow, seen)
    }

    #[test]
    fn lines_come_whole_and_in_order_however_they_are_taken() {
        let (log, allow, seen) = log();
        for most in [Ok(1), Err(io::Error::from(ErrorKind::WouldBlock)), Ok(2)] {
            allow.send(most).unwrap();
        }
        drop(allow);
        for line in ["one\n", "two\n", "three\n"] {
            log.lines().make_writer().write_all(line.as_bytes()).unwrap();
        }
        assert!(log.finish());
        assert_eq!(seen.iter().flatten().collect::<Vec<u8>>(), b"one\ntwo\nthree\n");
    }

    // One test, because the counter is the process's.
    #[test]
    fn whoever_logs_never_waits_and_what_is_lost_is_counted() {
        let (log, allow, seen) = log();
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        let before = dropped();
        let written = 2 * MOST / line.len();
        for _ in 0..written {
            log.lines().make_writer().write_all(&line).unwrap();
        }
        assert!(dropped() > before);
        drop(allow);
        assert!(log.finish());
        let taken = seen.iter().map(|bytes| bytes.len()).sum::<usize>() / line.len();
        let lost = dropped() - before;
        assert_eq!(taken + usize::try_from(lost).unwrap(), written);

        // A full disk.
        let (log, allow, _seen) = self::log();
        allow.send(Err(io::Error::from(ErrorKind::StorageFull))).unwrap();
        log.lines().make_writer().write_all(b"one\n").unwrap();
        assert!(log.finish());
        assert_eq!(dropped() - before, lost + 1);

        // Nobody ever reads: the end of the process does not wait for it.
        let (log, _allow, _seen) = self::log();
        log.lines().make_writer().write_all(b"one\n").unwrap();
        assert!(!log.finish());

        // A line that is missing leaves a gap in the numbers.
        let (log, allow, seen) = self::log();
        let (lines, before) = (log.lines(), dropped());
        lines.push_numbered(b"{\"a\":1");
        lines.make_writer().write_all(b"no object\n").unwrap();
        lines.push_numbered(&vec![b' '; MOST]);
        lines.push_numbered(b"{\"b\":2");
        assert_eq!(dropped() - before, 1);
        drop(allow);
        assert!(log.finish());
        let text = String::from_utf8(seen.iter().flatten().collect()).unwrap();
        assert_eq!(text, "{\"a\":1,\"sequence\":1}\nno object\n{\"b\":2,\"sequence\":3}\n");
    }
}
