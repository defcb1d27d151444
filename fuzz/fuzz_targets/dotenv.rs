//! See `checks/dotenv.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/dotenv.rs"]
mod checks;

fuzz_target!(|text: &str| checks::check(text, secrets::fuzzing::dotenv));
