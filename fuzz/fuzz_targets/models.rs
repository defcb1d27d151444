//! See `checks/models.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/models.rs"]
mod checks;

fuzz_target!(|text: &str| checks::check(text));
