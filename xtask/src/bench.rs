//! `cargo xtask bench`: what a request costs beside two yardsticks, on the binary that ships.

use std::path::Path;
use std::process::Command;

/// Where the figures stand for programs.
const FIGURES: &str = "target/bench.json";

/// Builds with the `dist` profile, measures, and prints a table; `arguments` go to the benchmark.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Vec<String> {
    let mut build = Command::new("cargo");
    build.args(["build", "--locked", "--profile", "dist", "--package", "runtime", "--package", "bench"]);
    let target = root.join("target/dist");
    let mut bench = Command::new(target.join("bench"));
    bench
        .arg("run")
        .arg("--spicerack")
        .arg(target.join("spicerack"))
        .args(["--json", FIGURES])
        .args(arguments);
    for command in [&mut build, &mut bench] {
        match command.current_dir(root).env("CARGO_TARGET_DIR", root.join("target")).status() {
            Ok(status) if status.success() => {}
            Ok(status) => return vec![format!("{command:?} ended with {status}")],
            Err(error) => return vec![format!("{command:?}: {error}")],
        }
    }
    Vec::new()
}
