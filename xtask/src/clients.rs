//! Others' clients against the binary: the official SDKs, hostile ones, and the agent frameworks. They are installed on the way.

use std::path::Path;
use std::process::Command;

/// The suites, each of which takes the path of the binary.
const SUITES: &[&str] = &["tests/clients/run", "tests/hostile/run", "tests/frameworks/run"];

/// Builds the binary, runs every suite and says which failed.
pub(crate) fn run(root: &Path) -> Vec<String> {
    let mut build = Command::new("cargo");
    build.args(["build", "--locked", "--package", "runtime"]).current_dir(root);
    if let Some(problem) = problem(&mut build, "cargo build") {
        return vec![problem];
    }
    let binary = root.join("target/debug/spicerack");
    let suite = |suite: &&str| problem(Command::new(root.join(suite)).arg(&binary).current_dir(root), suite);
    SUITES.iter().filter_map(suite).collect()
}

fn problem(command: &mut Command, name: &str) -> Option<String> {
    match command.status() {
        Ok(status) if status.success() => None,
        Ok(status) => Some(format!("{name}: {status}")),
        Err(error) => Some(format!("{name}: {error}")),
    }
}
