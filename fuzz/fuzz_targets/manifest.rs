//! See `checks/manifest.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/manifest.rs"]
mod checks;

fuzz_target!(|text: &str| checks::check(text));
