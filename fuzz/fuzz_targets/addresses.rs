//! See `checks/addresses.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/addresses.rs"]
mod checks;

fuzz_target!(|text: &str| checks::check(text, runtime::fuzzing::address, runtime::fuzzing::redirect));
