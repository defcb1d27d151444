//! See `checks/upstream_errors.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/upstream_errors.rs"]
mod checks;

fuzz_target!(|bytes: &[u8]| checks::check(&bedrock::fuzzing::refusal(bytes)));
