//! How much memory the process holds, and how much it may.

use std::path::{Component, Path};

use nix::sys::resource::{Resource, getrlimit};

/// What stands behind a number of bytes.
const UNITS: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

/// Limits from here on are none: the first version of control groups has no word for that.
const UNLIMITED: u64 = 1 << 60;

/// Reads a size such as `512MiB`; without a unit it is bytes.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let unit = UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)));
    let (number, bytes) = unit.unwrap_or((text, 1));
    let number: Option<u64> = number.trim_end().parse().ok();
    let size = number.and_then(|number| number.checked_mul(bytes));
    size.ok_or_else(|| "write a whole number and a unit, such as `512MiB` or `2GiB`".to_owned())
}

/// The bytes of the process that are in memory. Takes some ten microseconds.
pub(crate) fn resident() -> Option<u64> {
    // Says bytes, where `statm` counts pages of a size that is asked for elsewhere.
    resident_of(&std::fs::read_to_string("/proc/self/status").ok()?)
}

pub(crate) fn resident_of(status: &str) -> Option<u64> {
    named(status, "VmRSS:")
}

/// The number of bytes behind a name, in a file where the kernel counts kibibytes.
fn named(file: &str, name: &str) -> Option<u64> {
    let line = file.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The bytes that the process may hold: the least of what its control groups, its limit of addresses and the machine
/// have.
pub(crate) fn limit() -> Option<u64> {
    [limit_of_group(), limit_of_addresses(), of_machine()].into_iter().flatten().min()
}

/// What the limit of addresses (`ulimit -v`) leaves to be held. Programs and stacks take addresses of which little is
/// ever in memory; what they take now is not there for anything else. Of the rest, half is for what the allocator takes
/// in larger pieces than are asked for, and keeps: where there are no addresses left, the process ends at once.
fn limit_of_addresses() -> Option<u64> {
    let (limit, _) = getrlimit(Resource::RLIMIT_AS).ok()?;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let unheld = named(&status, "VmSize:")?.saturating_sub(named(&status, "VmRSS:")?);
    // Nothing at all would stand for no limit.
    (limit < UNLIMITED).then(|| (limit.saturating_sub(unheld) / 2).max(1))
}

/// The memory of the machine.
fn of_machine() -> Option<u64> {
    named(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")
}

/// The bytes that the control group of the process, or one above it, lets it hold; of either version.
fn limit_of_group() -> Option<u64> {
    limit_by(&|path| std::fs::read_to_string(path).ok())
}

/// The same, of files that are read by somebody else.
pub(crate) fn limit_by(read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let groups = read(Path::new("/proc/self/cgroup"))?;
    let limits = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, group) = (parts.next()?, parts.next()?);
        let (mount, file) = if controllers.is_empty() {
            ("/sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            return None;
        };
        smallest(Path::new(mount), Path::new(group), file, read)
    });
    limits.min()
}

/// The smallest number in the files of that name from a group up to the mount. In a container the group's own path may
/// not be there, and then the mount is the group.
fn smallest(mount: &Path, group: &Path, file: &str, read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let mut folders = vec![mount.to_path_buf()];
    let mut folder = mount.to_path_buf();
    for part in group.components() {
        if let Component::Normal(name) = part {
            folder.push(name);
            folders.push(folder.clone());
        }
    }
    let limits = folders.iter().filter_map(|folder| {
        let text = read(&folder.join(file))?;
        // `max` is no number, and no limit.
        text.trim().parse().ok().filter(|limit| *limit < UNLIMITED)
    });
    limits.min()
}

#[cfg(test)]
mod tests;
