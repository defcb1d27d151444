//! See `checks/credential_process.rs`.
#![no_main]

use bedrock::fuzzing::{Printed, printed};
use libfuzzer_sys::fuzz_target;

#[path = "../checks/credential_process.rs"]
mod checks;

fuzz_target!(|output: &[u8]| checks::check(output));
