//! See `checks/admission.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runtime::fuzzing::{Came, Place, Queue, Wait, Why};

#[path = "../checks/admission.rs"]
mod checks;

#[path = "../checks/steps.rs"]
mod steps;

fuzz_target!(|bytes: &[u8]| checks::check(bytes));
