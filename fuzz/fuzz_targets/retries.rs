//! See `checks/retries.rs`.
#![no_main]

use bedrock::fuzzing::{Budget, Failed, Tries};
use libfuzzer_sys::fuzz_target;

#[path = "../checks/retries.rs"]
mod checks;

#[path = "../checks/steps.rs"]
mod steps;

fuzz_target!(|bytes: &[u8]| checks::check(bytes));
