//! Folders of files: those that hold secrets, and those that set traps.

use std::os::unix::fs::symlink;

use std::path::Path;

use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::*;

fn store(folder: &Path) -> FileStore {
    let (asked, noted) = Default::default();
    FileStore { path: folder.to_owned(), shown: "run/secrets/".to_owned(), asked, noted }
}

/// A folder `mounted` beside a file that is not in it.
fn folders() -> (TempDir, PathBuf) {
    let outer = tempfile::tempdir().unwrap();
    let mounted = outer.path().join("mounted");
    std::fs::create_dir(&mounted).unwrap();
    std::fs::write(outer.path().join("outside"), "hunter2").unwrap();
    (outer, mounted)
}

async fn found(store: &FileStore, key: &str) -> Option<String> {
    store.get(key).await.unwrap().map(|secret| secret.expose_secret().to_owned())
}

async fn refused(store: &FileStore, key: &str) -> String {
    let error = store.get(key).await.unwrap_err();
    assert!(!format!("{error:?} {error}").contains("hunter2"));
    // What somebody has to correct is not over by itself.
    let passes = [" cannot be opened: ", " cannot be read: ", " leads nowhere"];
    let may_pass = passes.iter().any(|words| error.to_string().contains(words));
    assert_eq!(error.may_pass(), may_pass, "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_file_is_a_secret_without_its_last_line_end() {
    let (_outer, mounted) = folders();
    let cases = [
        ("PLAIN", "a b", "a b"),
        ("UNIX", "a\n", "a"),
        ("WINDOWS", "a\r\n", "a"),
        ("TWO", "a\n\n", "a\n"),
        ("PEM", "-----\nx\n-----\n", "-----\nx\n-----"),
        ("empty-one", "\n", ""),
        ("with.dot", "é", "é"),
    ];
    for (name, text, expected) in cases {
        std::fs::write(mounted.join(name), text).unwrap();
        assert_eq!(found(&store(&mounted), name).await.as_deref(), Some(expected), "{name}");
    }
    assert_eq!(found(&store(&mounted), "NOPE").await, None);
    // Keys are the names of files, as they are.
    assert_eq!(found(&store(&mounted), "plain").await, None);
    assert_eq!(store(&mounted).describe(), "files in run/secrets/");
    assert_eq!(store(&mounted).advice("KEY"), "write the file run/secrets/KEY");
}

#[tokio::test]
async fn the_links_of_a_kubernetes_mount_are_followed() {
    let (outer, mounted) = folders();
    for (version, text) in [("..2026_01_01", "old"), ("..2026_01_02", "new")] {
        std::fs::create_dir(mounted.join(version)).unwrap();
        std::fs::write(mounted.join(version).join("KEY"), text).unwrap();
    }
    symlink("..2026_01_01", mounted.join("..data")).unwrap();
    symlink("..data/KEY", mounted.join("KEY")).unwrap();
    assert_eq!(found(&store(&mounted), "KEY").await.as_deref(), Some("old"));
    symlink("..2026_01_02", mounted.join("..data_tmp")).unwrap();
    std::fs::rename(mounted.join("..data_tmp"), mounted.join("..data")).unwrap();
    assert_eq!(found(&store(&mounted), "KEY").await.as_deref(), Some("new"));
    // The folder itself may be a link.
    symlink(&mounted, outer.path().join("link")).unwrap();
    assert_eq!(found(&store(&outer.path().join("link")), "KEY").await.as_deref(), Some("new"));
}

#[tokio::test]
async fn nothing_outside_the_folder_is_read() {
    let (outer, mounted) = folders();
    symlink("../outside", mounted.join("RELATIVE")).unwrap();
    symlink(outer.path().join("outside"), mounted.join("ABSOLUTE")).unwrap();
    symlink("..", mounted.join("PARENT")).unwrap();
    // A neighbour whose name begins like the folder's is still outside.
    std::fs::create_dir(outer.path().join("mounted-too")).unwrap();
    std::fs::write(outer.path().join("mounted-too/KEY"), "hunter2").unwrap();
    symlink("../mounted-too/KEY", mounted.join("NEIGHBOUR")).unwrap();
    for key in ["RELATIVE", "ABSOLUTE", "PARENT", "NEIGHBOUR"] {
        let error = refused(&store(&mounted), key).await;
        assert_eq!(error, format!("run/secrets/{key} leads out of the folder run/secrets/"));
    }
    let absolute = outer.path().join("outside");
    for key in ["../outside", "..", ".", "", "a/b", "/etc/passwd", "a\0b", absolute.to_str().unwrap()] {
        let error = refused(&store(&mounted), key).await;
        assert!(error.contains("is not the name of a file"), "{key}: {error}");
    }
}

#[tokio::test]
async fn what_is_no_regular_file_is_refused_without_waiting() {
    let (_outer, mounted) = folders();
    std::fs::create_dir(mounted.join("FOLDER")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(mounted.join("PIPE")).status().unwrap();
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(mounted.join("SOCKET")).unwrap();
    symlink("PIPE", mounted.join("TO_PIPE")).unwrap();
    for key in ["FOLDER", "PIPE", "SOCKET", "TO_PIPE"] {
        let error = refused(&store(&mounted), key).await;
        assert_eq!(error, format!("run/secrets/{key} is not a regular file"));
    }
    symlink("/dev/zero", mounted.join("ZERO")).unwrap();
    assert!(refused(&store(&mounted), "ZERO").await.contains("leads out of the folder"));
    let error = refused(&store(Path::new("/dev")), "zero").await;
    assert_eq!(error, "run/secrets/zero is not a regular file");
}

#[tokio::test]
async fn links_that_lead_nowhere_are_said_to() {
    let (_outer, mounted) = folders();
    symlink("GONE", mounted.join("DANGLING")).unwrap();
    symlink("LOOP", mounted.join("LOOP")).unwrap();
    assert_eq!(
        refused(&store(&mounted), "DANGLING").await,
        "run/secrets/DANGLING is a link that leads nowhere"
    );
    assert!(refused(&store(&mounted), "LOOP").await.starts_with("run/secrets/LOOP cannot be read: "));
}

#[tokio::test]
async fn a_file_is_read_up_to_its_limit_and_must_be_text() {
    let (_outer, mounted) = folders();
    std::fs::write(mounted.join("FULL"), vec![b'x'; 64 * 1024]).unwrap();
    std::fs::write(mounted.join("OVER"), vec![b'x'; 64 * 1024 + 1]).unwrap();
    std::fs::File::create(mounted.join("SPARSE")).unwrap().set_len(2 << 30).unwrap();
    std::fs::write(mounted.join("BINARY"), b"hunter2\xff").unwrap();
    assert_eq!(found(&store(&mounted), "FULL").await.map(|text| text.len()), Some(64 * 1024));
    for key in ["OVER", "SPARSE"] {
        assert_eq!(refused(&store(&mounted), key).await, format!("run/secrets/{key} is larger than 64 KiB"));
    }
    assert_eq!(refused(&store(&mounted), "BINARY").await, "run/secrets/BINARY is not UTF-8 text");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_said_to() {
    let (outer, _) = folders();
    for folder in ["nope", "outside/in"] {
        let error = refused(&store(&outer.path().join(folder)), "KEY").await;
        assert!(error.starts_with("the folder run/secrets/ cannot be opened: "), "{error}");
    }
    // A file in place of the folder.
    let error = refused(&store(&outer.path().join("outside")), "KEY").await;
    assert!(error.starts_with("run/secrets/KEY cannot be read: "), "{error}");
}

#[tokio::test]
async fn the_files_that_were_asked_for_are_known_whether_they_are_there_or_not() {
    let (_outer, mounted) = folders();
    std::fs::write(mounted.join("THERE"), "x").unwrap();
    let store = store(&mounted);
    assert!(store.files().is_empty());
    for key in ["THERE", "MISSING", "THERE", "../outside"] {
        let _ = store.get(key).await;
    }
    assert_eq!(store.files(), [mounted.join("MISSING"), mounted.join("THERE")]);
}

#[tokio::test]
async fn a_secret_that_others_may_change_or_read_is_told_of_once() {
    use std::os::unix::fs::PermissionsExt as _;

    let (outer, mounted) = folders();
    std::fs::set_permissions(outer.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(&mounted, std::fs::Permissions::from_mode(0o755)).unwrap();
    for (name, mode) in [("LOOSE", 0o646), ("OPEN", 0o644), ("CLOSED", 0o640)] {
        std::fs::write(mounted.join(name), "hunter2").unwrap();
        // What is root's and in memory is a platform's.
        let _ = std::os::unix::fs::chown(mounted.join(name), Some(65_534), None);
        std::fs::set_permissions(mounted.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let store = store(&mounted);
    for key in ["LOOSE", "OPEN", "CLOSED", "LOOSE", "OPEN"] {
        assert_eq!(found(&store, key).await.as_deref(), Some("hunter2"));
    }
    let shown = spicepod::Sources::default().render(&store.warnings());
    let expected = "run/secrets/LOOSE: warning: everybody on this machine may change this file (its mode is 646)\n\
                    help: let nobody but its owner write it: `chmod go-w`\n\
                    run/secrets/OPEN: warning: everybody on this machine may read this secret (its mode is 644)\n\
                    help: let nobody but its owner read it: `chmod go-r`\n";
    assert_eq!(shown, expected);
    let _ = found(&store, "LOOSE").await;
    assert!(store.warnings().is_empty());
}
