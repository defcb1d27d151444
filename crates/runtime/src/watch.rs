//! Files that are looked at again and again, so that a change of one is noticed.
//!
//! They are polled, and not watched by the kernel: what is mounted into a container changes by links and mounts that lie
//! outside of its folder, a network's file systems send no events, and the number of watches of a machine is limited.
//! A few files cost a few microseconds each time.

use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};
use spicepod::file::{self, ReadError};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

/// How often files are looked at. A change counts once two looks in a row see the same.
const PERIOD: Duration = Duration::from_millis(250);

/// Files that never come to rest are read after this many looks.
const PATIENCE: u32 = 4;

/// A manifest that is written where it lies and ends within a line may be half of one. It counts once it has not changed
/// for so long. One that was put in the place of another is whole.
const HALF_A_FILE: Duration = Duration::from_millis(1250);

/// No file that is watched is larger; what comes later in one is not looked at.
const LARGEST: u64 = 2 * 1024 * 1024;

/// The clock that dates files lags behind the one that is read here.
const LAG: Duration = Duration::from_millis(20);

/// Files, and what was in them when it was last read.
#[derive(Debug)]
pub(crate) struct Watch {
    period: Interval,
    files: Vec<Watched>,
    /// When contents were last read.
    read_at: SystemTime,
    /// Something has changed since.
    pending: bool,
    /// How many looks in a row saw a change.
    restless: u32,
}

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    stamp: Stamp,
    /// Somebody wrote it where it lies when it last changed.
    in_place: bool,
    content: Content,
    /// When a look last saw it changed. Others do not count: some file may change for ever.
    moved_at: Instant,
}

/// What the file system says of a file; `None` where it is not there. Links are followed.
type Stamp = Option<[i64; 7]>;

/// What is in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    /// It could not be read yet.
    Unknown,
    /// It is not there, or cannot be read.
    Absent,
    Text {
        digest: [u8; 32],
        /// It ends within a line, or before the first one.
        cut: bool,
    },
}

impl Watch {
    /// Begins with no files. What changes from here on will be noticed by [`Watch::follow`].
    pub(crate) fn begin() -> Self {
        let mut period = interval(PERIOD);
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { period, files: Vec::new(), read_at: now(), pending: false, restless: 0 }
    }

    /// Looks at these files from here on; somebody has read them since the last change was told. Says whether one of
    /// those that are new may have changed after that, so that it has to be read again.
    pub(crate) async fn follow(&mut self, paths: Vec<PathBuf>) -> bool {
        let (known, read_at) = (std::mem::take(&mut self.files), self.read_at);
        self.read_at = now();
        let began = Instant::now();
        let (files, pending, stale) = blocking(move || {
            let (mut pending, mut stale) = (false, false);
            let watched = paths.into_iter().map(|path| {
                let known = known.iter().find(|file| file.path == path);
                let moved_at = known.map_or(began, |file| file.moved_at);
                let stamp = stamp(&path);
                let in_place = known.is_none_or(|file| is_in_place(file, &stamp));
                let changed = stamp.is_some_and(|stamp| is_since(stamp, read_at));
                pending |= changed;
                stale |= changed && known.is_none();
                let content = match known {
                    Some(file) => file.content.clone(),
                    None => content(&path).unwrap_or(Content::Unknown),
                };
                pending |= content == Content::Unknown;
                Watched { path, stamp, in_place, content, moved_at }
            });
            let watched: Vec<Watched> = watched.collect();
            (watched, pending, stale)
        })
        .await;
        self.files = files;
        self.pending = pending;
        self.restless = 0;
        stale
    }

    /// The files that are looked at.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.files.iter().map(|file| &file.path)
    }

    /// Whether a file has changed since they were last read, so that what was read may be half of it.
    pub(crate) fn is_pending(&self) -> bool {
        self.pending
    }

    /// Waits until something else is in one of the files, and gives those. Nothing is lost where the wait is given up.
    pub(crate) async fn changed(&mut self) -> Vec<PathBuf> {
        loop {
            self.period.tick().await;
            let moved = self.look().await;
            let forced = moved && self.restless.is_multiple_of(PATIENCE);
            if !self.pending || (moved && !forced) {
                continue;
            }
            let changed = self.read_unless(!forced).await;
            if !changed.is_empty() {
                return changed;
            }
        }
    }

    /// Waits until no file changes any more, within reason.
    pub(crate) async fn rest(&mut self) {
        for _ in 0..PATIENCE {
            self.period.tick().await;
            if !self.look().await {
                return;
            }
        }
    }

    /// Reads all files, and gives those with another content than before.
    pub(crate) async fn read(&mut self) -> Vec<PathBuf> {
        self.read_unless(false).await
    }

    /// Looks once, and says whether a file has changed since the last look.
    async fn look(&mut self) -> bool {
        let paths: Vec<PathBuf> = self.paths().cloned().collect();
        let stamps = blocking(move || paths.iter().map(stamp).collect::<Vec<_>>()).await;
        let mut moved = false;
        for (file, stamp) in self.files.iter_mut().zip(stamps) {
            file.in_place = is_in_place(file, &stamp);
            if file.stamp != stamp {
                moved = true;
                file.stamp = stamp;
                file.moved_at = Instant::now();
            }
        }
        self.pending |= moved;
        self.restless = if moved { self.restless.saturating_add(1) } else { 0 };
        moved
    }

    /// Whether somebody may be in the middle of writing a manifest. Secrets often end without a line's end.
    fn may_be_half(&self, contents: &[Content]) -> bool {
        let is_manifest =
            |path: &PathBuf| path.extension().is_some_and(|kind| kind == "yaml" || kind == "yml");
        let is_cut = |(file, content): (&Watched, &Content)| {
            matches!(content, Content::Text { cut: true, .. })
                && file.in_place
                && file.content != *content
                && is_manifest(&file.path)
                && file.moved_at.elapsed() < HALF_A_FILE
        };
        self.files.iter().zip(contents).any(is_cut)
    }

    /// Reads all files, and forgets what was read where one changes meanwhile, if that counts.
    async fn read_unless(&mut self, moved_counts: bool) -> Vec<PathBuf> {
        let paths: Vec<PathBuf> = self.paths().cloned().collect();
        let read_at = now();
        let read =
            blocking(move || paths.iter().map(|path| content(path)).collect::<io::Result<Vec<_>>>()).await;
        // The process has no descriptors left; the next look tries again.
        let Ok(contents) = read else { return Vec::new() };
        let was_restless = self.restless > 0;
        if moved_counts && (self.look().await || self.may_be_half(&contents)) {
            return Vec::new();
        }
        self.read_at = read_at;
        self.pending = was_restless;
        let mut changed = Vec::new();
        for (file, content) in self.files.iter_mut().zip(contents) {
            if file.content != content {
                file.content = content;
                changed.push(file.path.clone());
            }
        }
        changed
    }
}

fn now() -> SystemTime {
    #[expect(
        clippy::disallowed_methods,
        reason = "compared with the times of files, which are the machine's"
    )]
    SystemTime::now()
}

/// A file system may take its time, and requests must not wait for it.
async fn blocking<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(look).await {
        Ok(seen) => seen,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The process ends, and with it whoever waits here.
            Err(_) => std::future::pending().await,
        },
    }
}

fn stamp(path: &PathBuf) -> Stamp {
    let of = |data: Metadata| {
        let bits = |number: u64| i64::from_ne_bytes(number.to_ne_bytes());
        let times = [data.mtime(), data.mtime_nsec(), data.ctime(), data.ctime_nsec()];
        let [modified, modified_nanos, changed, changed_nanos] = times;
        [
            bits(data.dev()),
            bits(data.ino()),
            bits(data.size()),
            modified,
            modified_nanos,
            changed,
            changed_nanos,
        ]
    };
    fs::metadata(path).ok().map(of)
}

/// Whether somebody wrote a file where it lies when it last changed, up to this look. What has another number was put in
/// the place of the one before; what was not there may be on its way.
fn is_in_place(file: &Watched, now: &Stamp) -> bool {
    match (&file.stamp, now) {
        (Some([device, file_number, bytes, time, nanos, ..]), Some(now)) => {
            let [now_device, now_number, written @ .., _, _] = now;
            if (device, file_number) != (now_device, now_number) {
                return false;
            }
            // Another owner or mode is no other text.
            file.in_place || *written != [*bytes, *time, *nanos]
        }
        (None, _) | (_, None) => true,
    }
}

/// Whether a file has been changed after a time, or may have been.
fn is_since(stamp: [i64; 7], time: SystemTime) -> bool {
    let [.., seconds, nanos] = stamp;
    let (Ok(seconds), Ok(nanos)) = (u64::try_from(seconds), u64::try_from(nanos)) else { return false };
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_nanos(nanos);
    changed + LAG >= time
}

/// # Errors
///
/// Where the process has no descriptors left, which says nothing of the file.
fn content(path: &Path) -> io::Result<Content> {
    let read = || {
        let file = match file::open(path) {
            Ok(file) => file,
            Err(ReadError::Failed(error)) => return Err(error),
            Err(
                ReadError::Outside | ReadError::NotRegular | ReadError::TooLarge { .. } | ReadError::Replaced,
            ) => return Ok(Content::Absent),
        };
        let mut bytes = Vec::new();
        file.take(LARGEST).read_to_end(&mut bytes)?;
        let cut = bytes.last() != Some(&b'\n');
        Ok(Content::Text { digest: Sha256::digest(bytes).into(), cut })
    };
    read().or_else(|error: io::Error| {
        // EMFILE and ENFILE.
        if matches!(error.raw_os_error(), Some(24 | 23)) { Err(error) } else { Ok(Content::Absent) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than any change takes to be noticed, on a clock that is paused.
    const LONG: Duration = Duration::from_secs(60);

    async fn watch(folder: &Path) -> Watch {
        let mut watch = Watch::begin();
        std::fs::write(folder.join("a"), "one").unwrap();
        while watch.follow(vec![folder.join("a"), folder.join("b")]).await {}
        watch
    }

    async fn change(watch: &mut Watch) -> Option<Vec<PathBuf>> {
        tokio::time::timeout(LONG, watch.changed()).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn other_bytes_are_a_change_and_another_date_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        let mut watch = watch(folder.path()).await;
        assert_eq!(change(&mut watch).await, None);
        std::fs::write(&a, "one").unwrap();
        std::fs::rename(&a, folder.path().join("c")).unwrap();
        std::fs::write(&a, "one").unwrap();
        assert_eq!(change(&mut watch).await, None);
        std::fs::write(&a, "two").unwrap();
        assert_eq!(change(&mut watch).await, Some(vec![a.clone()]));
        assert_eq!(change(&mut watch).await, None);
        std::fs::write(&b, "").unwrap();
        assert_eq!(change(&mut watch).await, Some(vec![b.clone()]));
        std::fs::remove_file(&a).unwrap();
        assert_eq!(change(&mut watch).await, Some(vec![a.clone()]));
        // What is no file is none that is there.
        std::fs::create_dir(&a).unwrap();
        assert_eq!(change(&mut watch).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn files_that_never_rest_are_read_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let a = folder.path().join("a");
        let mut watch = watch(folder.path()).await;
        let started = tokio::time::Instant::now();
        let saving = async {
            for saves in 1.. {
                std::fs::write(&a, "x".repeat(saves)).unwrap();
                tokio::time::sleep(PERIOD / 10).await;
            }
        };
        let changed = tokio::select! {
            changed = watch.changed() => changed,
            () = saving => unreachable!("saving never ends"),
        };
        assert_eq!(changed, [a]);
        assert!(started.elapsed() <= PERIOD * (PATIENCE + 2), "{:?}", started.elapsed());
    }

    #[tokio::test]
    async fn a_file_that_changes_while_it_is_read_for_the_first_time_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let a = folder.path().join("a");
        let mut watch = Watch::begin();
        std::fs::write(&a, "one").unwrap();
        assert!(watch.follow(vec![a.clone()]).await);
        assert!(!watch.follow(vec![a]).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_manifest_that_ends_within_a_line_is_waited_for_and_a_whole_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spicepod.yaml");
        let mut watch = Watch::begin();
        std::fs::write(&path, "models:\n- a\n").unwrap();
        while watch.follow(vec![path.clone()]).await {}
        assert_eq!(change(&mut watch).await, None);
        // Written by somebody who takes a break after each half line; each half is valid.
        for (text, waits) in
            [("models:\n", false), ("models:\n- b", true), ("models:\n- b\n- c\n", false), ("", true)]
        {
            std::fs::write(&path, text).unwrap();
            let began = tokio::time::Instant::now();
            assert_eq!(change(&mut watch).await, Some(vec![path.clone()]), "{text:?}");
            let waited = began.elapsed() >= HALF_A_FILE;
            assert_eq!(waited, waits, "{text:?}: {:?}", began.elapsed());
        }
        // What replaces it is whole, also where another name or mode comes with it.
        let next = folder.path().join("next");
        std::fs::write(&next, "models:\n- c").unwrap();
        std::fs::rename(&next, &path).unwrap();
        let began = tokio::time::Instant::now();
        assert_eq!(change(&mut watch).await, Some(vec![path.clone()]));
        assert!(began.elapsed() <= PERIOD * 3, "{:?}", began.elapsed());
        // The rest comes in time: half of it was never told.
        std::fs::write(&path, "models:\n- d").unwrap();
        let half = tokio::time::timeout(HALF_A_FILE - PERIOD, watch.changed()).await;
        assert!(half.is_err(), "{half:?}");
        std::fs::write(&path, "models:\n- d\n- e\n").unwrap();
        assert_eq!(change(&mut watch).await, Some(vec![path]));
        assert_eq!(change(&mut watch).await, None);
    }
}
