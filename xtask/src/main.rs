//! Development tasks: `cargo xtask <task>`.
//!
//! `tidy` checks what no compiler checks, `docs` writes the pages that are generated from the code, `clients` lets
//! others' clients loose on the binary, `bench` measures it, `faults` lets everything go wrong that can, `soak` much of it for
//! long, and `instructions` counts what each step of a request takes.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod bench;
mod clients;
mod docs;
mod faults;
mod instructions;
mod soak;
mod tidy;

const USAGE: &str = "\
usage: cargo xtask <task>

tasks:
  tidy          check sizes, dependencies and invariants of the workspace
  docs          write the generated pages (with --check: fail where they differ)
  clients       run the official SDKs and the agent frameworks against the binary
  bench         measure a request's cost beside two yardsticks (--quick: one short round)
  faults        let every fault happen in all its forms, and write docs/faults.md
                (with --only f38: those alone, and their rows)
  soak          load the shipped binary for long, and check what is left (arguments: those of
                `bench soak`)
  instructions  count the instructions of each step of a request, beside the accepted
                numbers of bench/instructions.txt (with --bless: accept these)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let root = root();
    let problems = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["tidy"] => tidy::problems(&root),
        ["docs"] => docs::write(&root),
        ["docs", "--check"] => docs::check(&root),
        ["clients"] => clients::run(&root),
        ["faults"] => faults::run(&root, None),
        ["faults", "--only", rows] => faults::run(&root, Some(rows)),
        ["bench", rest @ ..] => bench::run(&root, rest),
        ["instructions"] => instructions::run(&root, false),
        ["instructions", "--bless"] => instructions::run(&root, true),
        ["soak", rest @ ..] => soak::run(&root, rest),
        _ => vec![USAGE.to_owned()],
    };
    let mut stderr = std::io::stderr().lock();
    for problem in &problems {
        // Nothing is left to tell where stderr is gone.
        let _ = writeln!(stderr, "{problem}");
    }
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}
