//! Every fault in all its forms, and the page of the documentation that lists them.

use std::io;
use std::path::Path;
use std::process::Command;

/// The test that writes the page.
const WRITES: &str = "table::the_page_is_written";

/// Runs all rows whole, or those whose names hold a word. Where all of them pass, the page says what they ran, and of the
/// others what it said before, or what they ran when they last passed.
pub(crate) fn run(root: &Path, only: Option<&str>) -> Vec<String> {
    match whole(root, only) {
        Ok(()) => Vec::new(),
        Err(problem) => vec![format!("faults: {problem}")],
    }
}

fn whole(root: &Path, only: Option<&str>) -> Result<(), String> {
    let folder = root.join("target/faults");
    forget(&folder, only).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut rows = tests(root, &folder, only);
    rows.args(only).args(["--include-ignored", "--show-output", "--skip", WRITES]).env("FAULTS", "whole");
    succeeds(rows)?;
    let mut page = tests(root, &folder, only);
    page.args([WRITES, "--exact", "--ignored"]);
    succeeds(page)
}

/// Takes away what an earlier run left of the rows that are to run: one that fails now has not passed.
fn forget(folder: &Path, only: Option<&str>) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if only.is_none_or(|only| entry.file_name().to_string_lossy().contains(only)) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn tests(root: &Path, folder: &Path, only: Option<&str>) -> Command {
    let mut tests = Command::new("cargo");
    tests.args(["test", "--locked", "--package", "runtime", "--test", "faults", "--"]);
    tests.env("FAULTS_RECORD", folder).current_dir(root);
    if let Some(only) = only {
        tests.env("FAULTS_ONLY", only);
    }
    tests
}

fn succeeds(mut command: Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{status}; docs/faults.md is as it was")),
        Err(error) => Err(error.to_string()),
    }
}
