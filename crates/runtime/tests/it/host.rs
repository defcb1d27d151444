//! The process among the other users of its machine: files that they may change, and what they may look at.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::door::{FILES, encrypted};
use crate::support::{Gateway, hello, manifest, pod, run, spicerack};

#[tokio::test]
async fn files_that_others_may_change_and_secrets_that_they_may_read_are_told_of_and_served() {
    let (folder, _) = encrypted(FILES);
    let path = folder.path().join("spicepod.yaml");
    let with_store = std::fs::read_to_string(&path).unwrap();
    let with_store = with_store.replace("runtime:\n", "secrets:\n  - { from: 'file:files', name: files }\nruntime:\n  auth:\n    api-key:\n      keys: ['${ files:KEY }']\n");
    std::fs::write(&path, with_store).unwrap();
    std::fs::create_dir(folder.path().join("files")).unwrap();
    let names = ["spicepod.yaml", ".env", "server.pem", "server.key", "files/KEY"];
    std::fs::write(folder.path().join(".env"), "A=1\n").unwrap();
    std::fs::write(folder.path().join("files/KEY"), "sk-1\n").unwrap();
    let folders = |mode: u32| {
        for folder in [folder.path().to_owned(), folder.path().join("files")] {
            std::fs::set_permissions(folder, Permissions::from_mode(mode)).unwrap();
        }
    };
    let check = |mode: u32| {
        for name in names {
            // What is root's and in memory is a platform's.
            let _ = chown(folder.path().join(name), Some(NOBODY), None);
            std::fs::set_permissions(folder.path().join(name), Permissions::from_mode(mode)).unwrap();
        }
        let output = run(spicerack().arg("check").current_dir(folder.path()));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{said}");
        said
    };
    folders(0o755);
    assert_eq!(check(0o640), "");
    let said = check(0o644);
    for name in ["server.key", "files/KEY"] {
        let line =
            format!("{name}: warning: everybody on this machine may read this secret (its mode is 644)\n");
        assert_eq!(said.matches(&line).count(), 1, "{name}: {said}");
    }
    assert_eq!(said.matches("warning: ").count(), 2, "{said}");
    // Who cannot get to them cannot read them.
    folders(0o700);
    assert_eq!(check(0o644), "");
    let said = check(0o666);
    for name in names {
        let line =
            format!("{name}: warning: everybody on this machine may change this file (its mode is 666)\n");
        assert_eq!(said.matches(&line).count(), 1, "{name}: {said}");
    }
    let mut command = spicerack();
    let mut gateway = Gateway::spawn(command.arg(folder.path()).arg("--emulator"));
    let warning = gateway.log(|log| log["level"] == "WARN");
    assert!(warning["message"].as_str().unwrap().contains("may change this file"), "{warning}");
}

/// A user who owns nothing.
const NOBODY: u32 = 65_534;

/// The binary as a user who is not root; as root, that takes a copy that such a user may run.
fn unprivileged(folder: &TempDir) -> Command {
    if std::fs::metadata(folder.path()).unwrap().uid() != 0 {
        return spicerack();
    }
    let built = env!("CARGO_BIN_EXE_spicerack");
    let copy = folder.path().join("spicerack");
    std::fs::hard_link(built, &copy).or_else(|_| std::fs::copy(built, &copy).map(drop)).unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(copy);
    command.env_clear().env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", "/nonexistent").uid(NOBODY);
    command
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_process_with_secrets_is_nobody_elses_to_look_into() {
    let folder = pod(&manifest(&[]).replace(
        "models:\n",
        "runtime:\n  auth:\n    api-key:\n      keys: ['${ env:OWN_API_KEY }']\nmodels:\n",
    ));
    let mut command = unprivileged(&folder);
    command.arg(folder.path()).arg("--emulator").env("OWN_API_KEY", "canary-api-key-7731");
    let gateway = Gateway::spawn(&mut command);
    let files = Path::new("/proc").join(gateway.id().to_string());
    // The process is not root's, and what the system tells of it is: core dumps and debuggers go by the same mark.
    let status = std::fs::read_to_string(files.join("status")).unwrap();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:\t")).unwrap();
    assert!(!uid.starts_with("0\t"), "{uid}");
    for file in ["environ", "mem", "maps", "fd"] {
        assert_eq!(std::fs::metadata(files.join(file)).unwrap().uid(), 0, "{file}");
    }
    // What it needs of that itself it can still read, and it serves.
    let http = gateway.http.with("x-api-key", "canary-api-key-7731");
    assert_eq!(http.post(&hello("hi")).await.status, 200);
    let line = std::fs::read_to_string(files.join("cmdline")).unwrap();
    assert!(!line.contains("canary"), "{line}");
}
