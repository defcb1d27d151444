//! See `checks/limiter.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use routing::{Allowance, Limit, Limiter, Met, Reserved, Running};

#[path = "../checks/limiter.rs"]
mod checks;

#[path = "../checks/steps.rs"]
mod steps;

fuzz_target!(|bytes: &[u8]| checks::check(bytes));
