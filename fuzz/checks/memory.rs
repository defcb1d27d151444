//! What holds of any files of the kernel: a limit is a number that stands in one of them, only files of control groups
//! are looked at, and what the process holds is a number of its status.
//!
//! What stands in front of the first line `--` is the file of the process's groups; each line behind it is a file: its
//! path, white space, and what stands in it. A second `--` ends those: what follows is the status.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Component, Path};

use super::{limit_by, resident_of};

/// Limits from here on are none.
const UNLIMITED: u64 = 1 << 60;

/// Reads files.
///
/// # Panics
///
/// Where a number is made up, or other files are looked at.
pub(crate) fn check(text: &str) {
    let mut parts = text.splitn(3, "\n--\n");
    let mut part = || parts.next().unwrap_or_default();
    let (groups, others, status) = (part(), part(), part());
    let files: HashMap<&str, &str> =
        others.lines().filter_map(|line| line.split_once(char::is_whitespace)).collect();
    let looked = RefCell::new(Vec::new());
    let limit = limit_by(&|path: &Path| {
        if path == Path::new("/proc/self/cgroup") {
            return Some(groups.to_owned());
        }
        let is_inside = path.starts_with("/sys/fs/cgroup")
            && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        let name = path.file_name().and_then(|name| name.to_str());
        assert!(is_inside && matches!(name, Some("memory.max" | "memory.limit_in_bytes")), "{path:?}");
        let text = files.get(path.to_str()?).copied();
        looked.borrow_mut().extend(text);
        text.map(ToOwned::to_owned)
    });
    let numbers = looked.into_inner();
    let numbers = numbers.iter().filter_map(|text| text.trim().parse::<u64>().ok());
    assert_eq!(limit, numbers.filter(|number| *number < UNLIMITED).min(), "not the smallest");
    if let Some(resident) = resident_of(status) {
        assert!(resident % 1024 == 0 && status.contains(&(resident / 1024).to_string()), "{resident}");
    }
}
