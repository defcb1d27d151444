//! Every fault in all its forms, and the page of the documentation that lists them.

use std::path::Path;
use std::process::Command;

/// Runs all rows whole; the tests themselves write the page.
pub(crate) fn run(root: &Path) -> Vec<String> {
    let mut tests = Command::new("cargo");
    tests.args(["test", "--locked", "--package", "runtime", "--test", "faults"]);
    tests.args(["--", "--include-ignored", "--show-output"]).env("FAULTS", "whole").current_dir(root);
    match tests.status() {
        Ok(status) if status.success() => Vec::new(),
        Ok(status) => vec![format!("faults: {status}")],
        Err(error) => vec![format!("faults: {error}")],
    }
}
