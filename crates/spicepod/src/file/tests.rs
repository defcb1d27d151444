//! Files that are what they seem, and files that are swapped between two looks.

use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tempfile::TempDir;

use super::*;

/// A folder `base` with a file in it, beside a file that is not in it.
fn folders() -> (TempDir, PathBuf) {
    let outer = tempfile::tempdir().unwrap();
    let base = outer.path().canonicalize().unwrap().join("base");
    std::fs::create_dir(&base).unwrap();
    std::fs::write(base.join("file"), "inside").unwrap();
    std::fs::write(outer.path().join("outside"), "outside").unwrap();
    (outer, base)
}

fn text(contents: Result<Contents, ReadError>) -> String {
    String::from_utf8(contents.unwrap().bytes).unwrap()
}

#[test]
fn a_file_is_read_up_to_its_limit() {
    let (_outer, base) = folders();
    let file = base.join("file");
    assert_eq!(text(read(&file, 6)), "inside");
    assert!(matches!(read(&file, 5), Err(ReadError::TooLarge { bytes: 6, most: 5 })));
    // A file of the system says that it is empty.
    assert!(matches!(
        read(Path::new("/proc/self/status"), 5),
        Err(ReadError::TooLarge { bytes: 6, most: 5 })
    ));
    assert!(read(Path::new("/proc/self/status"), 1 << 20).unwrap().bytes.len() > 5);
    assert!(matches!(read(&base, 5), Err(ReadError::NotRegular)));
    assert!(matches!(read(Path::new("/dev/zero"), 5), Err(ReadError::NotRegular)));
    assert!(matches!(read(&base.join("nope"), 5), Err(ReadError::Failed(_))));
    assert!(!format!("{:?}", read(&file, 6)).contains("inside"));
}

#[test]
fn links_are_followed_and_stay_inside_where_they_must() {
    let (_outer, base) = folders();
    symlink("file", base.join("link")).unwrap();
    symlink("../outside", base.join("leaving")).unwrap();
    assert_eq!(text(read_inside(&base, &base.join("link"), 9)), "inside");
    assert!(matches!(read_inside(&base, &base.join("leaving"), 9), Err(ReadError::Outside)));
    assert_eq!(text(read(&base.join("leaving"), 9)), "outside");
}

/// Puts something else in the place of `file`, or of the link `link` to it, in a folder.
type Swap = fn(&Path);

#[test]
fn what_is_put_in_the_place_of_a_file_is_not_read() {
    let swaps: [(&str, Swap); 5] = [
        ("a link that leads out", |base| {
            std::fs::remove_file(base.join("file")).unwrap();
            symlink("../outside", base.join("file")).unwrap();
        }),
        ("a link in place of the folder", |base| {
            let outer = base.parent().unwrap();
            std::fs::create_dir(outer.join("other")).unwrap();
            std::fs::write(outer.join("other/file"), "outside").unwrap();
            std::fs::rename(base, outer.join("gone")).unwrap();
            symlink("other", base).unwrap();
        }),
        ("another link of a mount", |base| {
            std::fs::write(base.join("next"), "next").unwrap();
            std::fs::remove_file(base.join("link")).unwrap();
            symlink("next", base.join("link")).unwrap();
        }),
        ("a pipe", |base| {
            std::fs::remove_file(base.join("file")).unwrap();
            mkfifo(&base.join("file"), Mode::S_IRUSR).unwrap();
        }),
        ("a socket", |base| {
            std::fs::remove_file(base.join("file")).unwrap();
            UnixListener::bind(base.join("file")).unwrap();
        }),
    ];
    for (name, swap) in swaps {
        let (_outer, base) = folders();
        symlink("file", base.join("link")).unwrap();
        let path = base.join("link");
        let (done, result) = mpsc::channel();
        // What waits for a writer would wait for good.
        std::thread::spawn(move || done.send(attempt(&path, Some(&base), 9, || swap(&base))));
        let result =
            result.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|_| panic!("{name} is waited for"));
        let is_told = matches!(result, Err(ReadError::Replaced | ReadError::NotRegular));
        assert!(is_told, "{name}: {result:?}");
    }
    // What nobody touches is read the same way.
    let (_outer, base) = folders();
    assert_eq!(text(attempt(&base.join("file"), Some(&base), 9, || {})), "inside");
}

#[test]
fn what_cannot_be_read_without_waiting_is_not_opened() {
    let (_outer, base) = folders();
    symlink("file", base.join("link")).unwrap();
    let read = |name: &str| open(&base.join(name)).map(|file| io::read_to_string(file).unwrap());
    assert_eq!(read("link").unwrap(), "inside");
    mkfifo(&base.join("pipe"), Mode::S_IRUSR).unwrap();
    for other in ["pipe", "."] {
        assert!(matches!(read(other), Err(ReadError::NotRegular)), "{other}");
    }
    // By itself, opening sees what came after the look.
    let pipe = open_resolved(&base.join("pipe")).unwrap();
    assert!(!pipe.metadata().unwrap().is_file());
    assert!(matches!(open_resolved(&base.join("link")), Err(ReadError::Replaced)));
}

#[test]
fn a_file_that_others_may_change_is_told_of() {
    let (_outer, base) = folders();
    let file = base.join("file");
    let warned = |mode: u32| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        read(&file, 9).unwrap().warning("file").map(|problem| problem.message().to_owned())
    };
    for mode in [0o600, 0o644, 0o444, 0o755] {
        assert_eq!(warned(mode), None, "{mode:o}");
    }
    let everybody = warned(0o666).unwrap();
    assert_eq!(everybody, "everybody on this machine may change this file (its mode is 666)");
    // Another group than the owner's own; who may not give the file away has one of those, or none to test with.
    let metadata = file.metadata().unwrap();
    let is_own = metadata.gid() == metadata.uid();
    if !is_own || chown(&file, None, Some(metadata.gid().wrapping_add(1))).is_ok() {
        assert_eq!(warned(0o664).unwrap(), "a group may change this file (its mode is 664)");
    }
    if is_own && chown(&file, None, Some(metadata.uid())).is_ok() {
        assert_eq!(warned(0o664), None);
    }
}

#[test]
fn a_secret_that_everybody_may_read_is_told_of_where_they_can_reach_it() {
    let (outer, base) = folders();
    let file = base.join("file");
    // What is root's and in memory is a platform's.
    let _ = chown(&file, Some(65_534), None);
    let warned = |folder: u32, mode: u32| {
        for (path, mode) in [(outer.path(), folder), (&*base, 0o755), (&*file, mode)] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        read(&file, 9).unwrap().secret_warning("file").map(|problem| problem.message().to_owned())
    };
    for mode in [0o600, 0o640, 0o400] {
        assert_eq!(warned(0o755, mode), None, "{mode:o}");
    }
    let everybody = "everybody on this machine may read this secret (its mode is 644)";
    assert_eq!(warned(0o755, 0o644).as_deref(), Some(everybody));
    // Its folder lets nobody in.
    assert_eq!(warned(0o750, 0o644), None);
    // One warning for a file.
    assert!(warned(0o755, 0o646).unwrap().contains("may change this file"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_secret_that_a_platform_mounts_is_nothing_to_warn_of() {
    let mounted = |file: &Path, owner| {
        let contents =
            Contents { bytes: Vec::new(), real: file.to_owned(), mode: 0o644, owner, others: None };
        contents.is_mounted()
    };
    let Ok(memory) = tempfile::tempdir_in("/dev/shm") else { return };
    assert!(mounted(memory.path(), 0));
    assert!(!mounted(memory.path(), 1000));
    assert!(!mounted(Path::new(env!("CARGO_MANIFEST_DIR")), 0));
}
