//! The process among the other users of its machine: files that they may change, and what they may look at.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use crate::door::{FILES, encrypted};
use crate::support::{Gateway, run, spicerack};

#[tokio::test]
async fn files_that_others_may_change_are_told_of_and_served() {
    let (folder, _) = encrypted(FILES);
    let path = folder.path().join("spicepod.yaml");
    let with_store = std::fs::read_to_string(&path).unwrap();
    let with_store = with_store.replace("runtime:\n", "secrets:\n  - { from: 'file:files', name: files }\nruntime:\n  auth:\n    api-key:\n      keys: ['${ files:KEY }']\n");
    std::fs::write(&path, with_store).unwrap();
    std::fs::create_dir(folder.path().join("files")).unwrap();
    let names = ["spicepod.yaml", ".env", "server.pem", "server.key", "files/KEY"];
    std::fs::write(folder.path().join(".env"), "A=1\n").unwrap();
    std::fs::write(folder.path().join("files/KEY"), "sk-1\n").unwrap();
    let check = |mode: u32| {
        for name in names {
            std::fs::set_permissions(folder.path().join(name), Permissions::from_mode(mode)).unwrap();
        }
        let output = run(spicerack().arg("check").current_dir(folder.path()));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{said}");
        said
    };
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
