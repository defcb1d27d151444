//! The binary as it is shipped, under much load and for a long time.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds it and the load, and runs `bench soak` with these arguments.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Vec<String> {
    let mut build = Command::new("cargo");
    build.args(["build", "--locked", "--profile", "dist", "--package", "runtime", "--package", "bench"]);
    if let Err(problem) = done(build.current_dir(root)) {
        return vec![problem];
    }
    #[expect(clippy::disallowed_methods, reason = "cargo is told by a variable where it builds")]
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let built = target.join("dist");
    let mut soak = Command::new(built.join("bench"));
    soak.args(["soak", "--spicerack"]).arg(built.join("spicerack")).args(arguments);
    done(soak.current_dir(root)).err().into_iter().collect()
}

fn done(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("soak: {status}")),
        Err(error) => Err(format!("soak: {error}")),
    }
}
