//! The binary `spicerack`.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main()
}
