//! See `checks/memory.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runtime::fuzzing::{limit_by, resident_of};

#[path = "../checks/memory.rs"]
mod checks;

fuzz_target!(|text: &str| checks::check(text));
