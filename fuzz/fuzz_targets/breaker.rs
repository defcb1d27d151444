//! See `checks/breaker.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use routing::fuzzing::{Became, Breaker, Passed, admits, enter, force};

#[path = "../checks/breaker.rs"]
mod checks;

#[path = "../checks/steps.rs"]
mod steps;

fuzz_target!(|bytes: &[u8]| checks::check(bytes));
