//! See `checks/chunks.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/chunks.rs"]
mod checks;

fuzz_target!(|text: &str| checks::check(text));
