//! What holds of files that are looked at, however they change: what is told is what is in them by then, nothing is told
//! of a file that is being written unless that never ends, and every change is told once nothing moves any more.
//!
//! Steps: `t` time passes, in units of 10 ms. Something is written to a file, by its number: a whole text (`y`), one
//! that ends within a line (`h`), and other bytes behind what is there (`b`); `r` puts a whole text in its place; `x`
//! deletes it, `m` makes a folder of it, and `s` writes what is there again. A digit behind the file's number says what
//! the text is.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep_until};

use super::{Watched, steps};

/// How often files are looked at.
const PERIOD: Duration = Duration::from_millis(250);

/// So many looks in a row at files that move are enough.
const PATIENCE: u32 = 4;

/// Half a manifest is waited with for so long.
const HALF_A_FILE: Duration = Duration::from_millis(1250);

/// By then, everything has been told.
const LONG: Duration = Duration::from_millis(2500);

/// Two manifests and a secret.
const NAMES: [&str; 3] = ["spicepod.yaml", "model.yml", "secret"];

struct Model {
    paths: Vec<PathBuf>,
    /// What was in the files when they were last told; nothing where they are not there.
    told: Vec<Option<Vec<u8>>>,
    /// When something was done to a file, and which.
    moves: Vec<(Instant, usize)>,
    /// Dates of files, each of which is another one: the clock of files does not go on with time that is paused.
    date: SystemTime,
}

/// Does what the steps say in an empty folder.
///
/// # Panics
///
/// Where a change is told too early, or not at all.
pub(crate) fn check(bytes: &[u8], folder: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let Ok(runtime) = runtime else { panic!("there is no runtime") };
    // Each look takes a thread of its own to read.
    let steps = steps::steps(bytes);
    runtime.block_on(run(&steps[..steps.len().min(80)], folder));
}

async fn run(steps: &[(u8, u64)], folder: &Path) {
    let paths: Vec<PathBuf> = NAMES.iter().map(|name| folder.join(name)).collect();
    let told = vec![None; NAMES.len()];
    let mut model = Model { paths, told, moves: Vec::new(), date: SystemTime::UNIX_EPOCH };
    let mut watch = Watched::begin(model.paths.clone()).await;
    // Nothing happens at the very moment of a look, so that it is known which look sees it.
    model.wait(&mut watch, PERIOD / 50).await;
    for (step, number) in steps {
        if *step == b't' {
            model.wait(&mut watch, Duration::from_millis(number % 1000 * 10)).await;
        } else {
            model.change(*step, *number);
        }
    }
    model.wait(&mut watch, LONG).await;
    assert_eq!(model.told, model.found(), "a change is never told");
}

impl Model {
    /// What is in the files.
    fn found(&self) -> Vec<Option<Vec<u8>>> {
        self.paths.iter().map(|path| fs::read(path).ok()).collect()
    }

    /// Changes a file.
    fn change(&mut self, step: u8, number: u64) {
        let nth = steps::nth(number / 10, NAMES.len()).unwrap_or_default();
        let path = &self.paths[nth];
        let (text, before) = (format!("a: {}", number % 10), fs::read(path).unwrap_or_default());
        let done = match step {
            b'y' => fs::write(path, text + "\n"),
            b'h' => fs::write(path, text),
            b'b' => fs::write(path, [before, text.into_bytes()].concat()),
            b's' if path.is_file() => fs::write(path, before),
            b'r' => {
                let new = path.with_extension("new");
                fs::write(&new, text + "\n").and_then(|()| fs::rename(new, path))
            }
            b'x' => fs::remove_file(path).or_else(|_| fs::remove_dir(path)),
            b'm' => fs::create_dir(path),
            _ => return,
        };
        // Where it is a folder, or is not there.
        if done.is_err() {
            return;
        }
        self.date += Duration::from_millis(1);
        if let Ok(file) = File::open(path) {
            let dated = file.set_modified(self.date);
            assert!(dated.is_ok(), "{dated:?}");
        }
        self.moves.push((Instant::now(), nth));
    }

    /// Time passes, and changes are told.
    async fn wait(&mut self, watch: &mut Watched, time: Duration) {
        let end = Instant::now() + time;
        loop {
            tokio::select! {
                biased;
                changed = watch.changed() => self.tell(&changed),
                () = sleep_until(end) => break,
            }
        }
        let now = Instant::now();
        for (nth, name) in NAMES.iter().enumerate() {
            let last = self.moves.iter().rfind(|(_, moved)| *moved == nth).map(|(at, _)| *at);
            let rests = last.is_none_or(|last| now - last > LONG);
            assert!(!rests || self.told[nth] == self.found()[nth], "{name} rests and is not told");
        }
    }

    /// A change is told.
    fn tell(&mut self, changed: &[PathBuf]) {
        let found = self.found();
        let differs = |nth: &usize| self.told[*nth] != found[*nth];
        let different: Vec<usize> = (0..NAMES.len()).filter(differs).collect();
        let expected: Vec<&PathBuf> = different.iter().map(|nth| &self.paths[*nth]).collect();
        assert_eq!(changed.iter().collect::<Vec<_>>(), expected, "other files have changed");
        // What comes and goes between two looks was never there.
        let seen = self.moves.iter().rfind(|(_, moved)| found[*moved].is_some());
        let (now, last) = (Instant::now(), seen.map(|(at, _)| *at));
        let is_restless = (0..PATIENCE).all(|look| {
            let (from, to) = (PERIOD * (look + 1), PERIOD * look);
            self.moves.iter().any(|(at, _)| now - *at <= from && now - *at >= to)
        });
        let since = last.map_or(Duration::MAX, |last| now - last);
        assert!(is_restless || since >= PERIOD, "told {since:?} after the last change");
        for nth in different {
            let last = self.moves.iter().rfind(|(_, moved)| *moved == nth).map(|(at, _)| *at);
            let since = last.map_or(Duration::MAX, |last| now - last);
            let is_cut = found[nth].as_ref().is_some_and(|text| text.last() != Some(&b'\n'));
            let is_half = is_cut && NAMES[nth] != "secret";
            assert!(is_restless || !is_half || since >= HALF_A_FILE, "half of {} is told", NAMES[nth]);
        }
        self.told = found;
    }
}
