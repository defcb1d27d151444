//! See `checks/converse_events.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/converse_events.rs"]
mod checks;

fuzz_target!(|bytes: &[u8]| {
    let (events, error) = bedrock::fuzzing::events(bytes);
    checks::check(&events, error.as_ref());
});
