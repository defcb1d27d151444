//! The command line: usage, exit codes, and what goes to stdout.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Gateway, manifest, pod, run, spicerack};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn wrong_usage_ends_with_two() {
    for arguments in [
        &["--bogus"][..],
        &["--http", "nonsense"],
        &["--http", "127.0.0.1"],
        &["--http", "127.0.0.1:99999"],
        &["--log", "loud"],
        &["--max-in-flight", "0"],
        &["--idle-timeout", "0s"],
        &["--idle-timeout", "75"],
        &["a", "b"],
        &["check", "a", "b"],
        &["chat", "--url", "http://127.0.0.1:1", "--emulator"],
        &["chat", "a", "b"],
        &["emulator", "--http"],
        &["schema", "x"],
    ] {
        let output = run(spicerack().args(arguments));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).starts_with("error: "), "{arguments:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_manifest_that_cannot_be_served_ends_with_78() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("list.yaml"), "- a\n").unwrap();
    std::fs::write(path("empty.yaml"), "").unwrap();
    std::fs::write(path("binary.yaml"), b"\xff\xfe\x00").unwrap();
    std::fs::write(path("large.yaml"), "# x\n".repeat(300_000)).unwrap();
    std::fs::write(
        path("tls.yaml"),
        "version: v1\nkind: Spicepod\nname: x\nruntime:\n  tls:\n    enabled: true\n",
    )
    .unwrap();
    std::fs::create_dir(path("folder")).unwrap();
    for name in ["missing.yaml", "list.yaml", "empty.yaml", "binary.yaml", "large.yaml", "tls.yaml", "folder"]
    {
        for command in [&["check"][..], &["--http", "127.0.0.1:0"], &["chat", "hi", "--pod"]] {
            let output = run(spicerack().args(command).arg(path(name)));
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(78), "{command:?} {name}: {said}");
            assert!(said.contains("error: ") && said.contains(name), "{command:?} {name}: {said}");
        }
    }
}

#[test]
fn help_and_version_are_answers() {
    let output = run(spicerack().arg("--help"));
    let help = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    for word in [
        "Usage: spicerack [OPTIONS] [PATH]",
        "--emulator",
        "--metrics <ADDR>",
        "Examples:",
        "check",
        "chat",
        "schema",
    ] {
        assert!(help.contains(word), "{word} is not in {help}");
    }
    let version = text(&run(spicerack().arg("--version")).stdout);
    assert_eq!(version, format!("spicerack {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_schema_is_json() {
    let output = run(spicerack().arg("schema"));
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(schema.pointer("/properties/models").is_some(), "{schema}");
    assert!(schema.to_string().contains("bedrock_guardrail_identifier"));
}

#[test]
fn nobody_listens_beyond_the_machine_without_keys() {
    let folder = pod(&manifest(&[]));
    let output = run(spicerack().arg(folder.path()).args(["--emulator", "--http", "0.0.0.0:0"]));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(
        said.contains("0.0.0.0:0 is reachable from other machines")
            && said.contains("--allow-unauthenticated"),
        "{said}"
    );
}

#[test]
fn an_address_in_use_is_an_error_that_names_it() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let folder = pod(&manifest(&[]));
    for command in [&["--emulator"][..], &["--emulator", "--metrics", &address, "--http", "127.0.0.1:0"]] {
        let mut child = spicerack();
        child.arg(folder.path()).args(command);
        if !command.contains(&"--http") {
            child.args(["--http", &address]);
        }
        let output = run(&mut child);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            text(&output.stderr).contains(&format!("error: cannot listen on {address}: ")),
            "{}",
            text(&output.stderr)
        );
    }
}

#[test]
fn warnings_do_not_keep_a_manifest_from_being_served() {
    let manifest =
        manifest(&["tool_recursion_limit: 3"]).replace("models:\n", "datasets: []\nviews: []\nmodels:\n");
    let folder = pod(&manifest);
    let output = run(spicerack().arg("check").arg(folder.path()));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said.matches("warning: ").count(), 3, "{said}");
    assert!(text(&output.stdout).contains("nova"));
    let mut gateway = Gateway::start(&manifest, &["--emulator"]);
    gateway.log(|log| log["message"] == "serving a model");
    assert_eq!(gateway.stop().matches("\"WARN\"").count(), 3);
}

#[tokio::test]
async fn the_emulator_alone_says_how_to_reach_it() {
    let mut command = spicerack();
    command.arg("emulator");
    let gateway = Gateway::spawn(&mut command);
    let reply = gateway.http.send("POST", "/model/amazon.nova-lite-v1%3A0/converse", "{}").await;
    assert_eq!(
        (reply.status.as_u16(), reply.json()["message"].as_str()),
        (403, Some("Missing Authentication Token"))
    );
    drop(tokio::time::timeout(Duration::from_secs(20), async { gateway.stop() }).await.unwrap());
}
