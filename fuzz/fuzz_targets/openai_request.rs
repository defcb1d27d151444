//! See `checks/openai_request.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/openai_request.rs"]
mod checks;

fuzz_target!(|bytes: &[u8]| checks::check(bytes));
