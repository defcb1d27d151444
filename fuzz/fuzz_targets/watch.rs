//! See `checks/watch.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runtime::fuzzing::Watched;

#[path = "../checks/watch.rs"]
mod checks;

#[path = "../checks/steps.rs"]
mod steps;

fuzz_target!(|bytes: &[u8]| {
    let folder = std::env::temp_dir().join(format!("spicerack-watch-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    if std::fs::create_dir(&folder).is_ok() {
        checks::check(bytes, &folder);
    }
});
