//! See `checks/request_heads.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/request_heads.rs"]
mod checks;

fuzz_target!(|bytes: &[u8]| checks::check(bytes, |bytes, size| {
    let (passed, heads) = runtime::fuzzing::heads(bytes, size);
    checks::Seen { passed, heads }
}));
