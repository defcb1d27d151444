//! See `checks/converse_events.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/converse_events.rs"]
mod checks;

fuzz_target!(|bytes: &[u8]| checks::check(|at_once| bedrock::fuzzing::events(bytes, at_once)));
