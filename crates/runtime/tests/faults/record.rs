//! What a row ran, for the page of the documentation: kept only once the row has passed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::case::variable;
use crate::support::workspace;

tokio::task_local! {
    static RECORD: Arc<Record>;
}

/// What a row has run so far.
#[derive(Debug, Default)]
struct Record {
    cases: AtomicUsize,
    skipped: Mutex<Vec<String>>,
}

/// The folder for what rows ran, a file for each; `None` where nobody asks for it.
pub(crate) fn folder() -> Option<PathBuf> {
    variable("FAULTS_RECORD").map(PathBuf::from)
}

/// Runs a row, and keeps what it ran. A row that fails does not come so far.
pub(crate) async fn kept(name: &str, seed: u64, row: impl Future<Output = ()>) {
    let record = Arc::<Record>::default();
    RECORD.scope(Arc::clone(&record), row).await;
    let Some(folder) = folder() else { return };
    let skipped = record.skipped.lock().unwrap().join("; ");
    let ran = match record.cases.load(Ordering::Relaxed) {
        0 => String::new(),
        cases => format!("passed: {cases} cases, seed {seed}"),
    };
    assert!(!ran.is_empty() || !skipped.is_empty(), "{name} has run nothing, and does not say why");
    let skipped = if skipped.is_empty() { skipped } else { format!("skipped: {skipped}") };
    let both = if ran.is_empty() || skipped.is_empty() { "" } else { "; " };
    std::fs::write(folder.join(name), format!("{ran}{both}{skipped}")).unwrap();
}

/// Keeps the record of the row that runs here for a task that it starts.
pub(crate) fn inherited<F: Future>(task: F) -> impl Future<Output = F::Output> {
    RECORD.scope(RECORD.get(), task)
}

/// Counts a case: a request of a row.
pub(crate) fn case() {
    RECORD.with(|record| record.cases.fetch_add(1, Ordering::Relaxed));
}

/// Tells that a row, or a part of it, cannot be run on this machine.
pub(crate) fn skipped(row: &str, why: &str) {
    println!("{row} skipped: {why}");
    RECORD.with(|record| record.skipped.lock().unwrap().push(why.to_owned()));
}

/// Runs a test of another target, where what rows ran is kept.
pub(crate) fn held(name: &str, file: &str, test: &str) {
    let Some(folder) = folder() else { return };
    let (package, path) = file.split_once('/').unwrap();
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--locked", "--package", package]);
    match Path::new(path).strip_prefix("tests") {
        Ok(path) => {
            let target = path.components().next().unwrap().as_os_str().to_str().unwrap();
            command.args(["--test", target.trim_end_matches(".rs")]);
        }
        Err(_) => {
            command.arg("--lib");
        }
    }
    // What this run is told is not for those tests.
    command.args(["--", test]).env_remove("FAULTS_RECORD").env_remove("FAULTS").current_dir(workspace());
    let done = command.output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout);
    let passed = text.lines().any(|line| line.starts_with("test result: ok. 1 passed"));
    assert!(done.status.success() && passed, "{test}: {text}{}", String::from_utf8_lossy(&done.stderr));
    std::fs::write(folder.join(name), "passed: 1 test").unwrap();
}

/// A check that another run makes.
pub(crate) fn outside(name: &str) {
    let Some(folder) = folder() else { return };
    std::fs::write(folder.join(name), OUTSIDE).unwrap();
}

/// What stands for a row that the run does not run.
pub(crate) const OUTSIDE: &str = "not part of this run: `.ci/run` makes it";
