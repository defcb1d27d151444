//! See `checks/retry_after.rs`.
#![no_main]

use bedrock::fuzzing::{Asked, Failed, Tries, asked};
use libfuzzer_sys::fuzz_target;

#[path = "../checks/retry_after.rs"]
mod checks;

fuzz_target!(|bytes: &[u8]| checks::check(bytes));
