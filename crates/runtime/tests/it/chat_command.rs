//! `spicerack chat`.

use std::io::Write as _;
use std::process::Stdio;

use crate::support::{Gateway, drain, manifest, pod, run, spicerack};

#[test]
fn a_prompt_is_answered_straight_from_a_manifest() {
    let folder = pod(&manifest(&[]));
    let output = run(spicerack().args(["chat", "--emulator", "--pod"]).arg(folder.path()).arg("hello"));
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("hello") && said.ends_with('\n'), "{said}");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_prompt_may_come_through_a_pipe() {
    let folder = pod(&manifest(&[]));
    let mut command = spicerack();
    command.args(["chat", "--emulator", "--pod"]).arg(folder.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all("two\nlines: größer\n".as_bytes()).unwrap();
    let said = drain(child.stdout.take());
    assert!(child.wait().unwrap().success());
    assert!(said.contains("two\nlines: größer"), "{said}");
}

#[tokio::test]
async fn a_running_server_can_be_talked_to() {
    let top = "runtime:\n  auth:\n    api-key:\n      keys: [sk-1]\n";
    let (gateway, emulator) = Gateway::with_emulator_and(top, &[], &[]).await;
    for url in [format!("http://{}", gateway.address), format!("http://{}/v1/", gateway.address)] {
        let mut command = spicerack();
        command.args(["chat", "hello", "--model", "nova", "--url", &url]).env("SPICERACK_API_KEY", "sk-1");
        let output = tokio::task::spawn_blocking(move || run(&mut command)).await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8(output.stdout).unwrap().contains("hello"));
    }
    assert!(emulator.requests().iter().all(|request| request.stream));
    let mut command = spicerack();
    command.args(["chat", "hello", "--url", &format!("http://{}", gateway.address)]);
    let output = tokio::task::spawn_blocking(move || run(&mut command)).await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.starts_with("error: Incorrect or missing API key.") && said.contains("(invalid_api_key)"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_asked_is_said() {
    let folder = pod(&manifest(&["aws_iam_role_source: env"]));
    let empty = pod("version: v1\nkind: Spicepod\nname: x\nmodels:\n");
    for (arguments, pod, expected) in [
        (
            &["hi", "--emulator", "--model", "nva"][..],
            &folder,
            "error: there is no model `nva`\nhelp: did you mean `nova`?\n",
        ),
        (
            &["hi", "--emulator"],
            &empty,
            "error: there is no model to talk to\nhelp: declare one under `models:`\n",
        ),
        (&[" ", "--emulator"], &folder, "error: the prompt is empty\n"),
        (&["hi"], &folder, "error: `nova` is not available: "),
    ] {
        let output = run(spicerack().arg("chat").args(arguments).arg("--pod").arg(pod.path()));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.ends_with(expected) || said.contains(expected), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    let output = run(spicerack().args(["chat", "hi", "--url", "127.0.0.1"]));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("is no address of a server\nhelp: write one such as")
    );
}

#[test]
fn how_an_answer_ended_is_said_beside_it() {
    let guarded = ["bedrock_guardrail_identifier: abc123", "bedrock_guardrail_version: DRAFT"];
    for (params, prompt, note) in [
        (&["maxTokens: 2"][..], "repeat 50 word", "(cut off at the limit of tokens)\n"),
        (&guarded, bedrock_emulator::BLOCKED_IN_PROMPTS, "(stopped by a guardrail or content filter)\n"),
    ] {
        let folder = pod(&manifest(params));
        let output = run(spicerack().args(["chat", "--emulator", prompt, "--pod"]).arg(folder.path()));
        assert_eq!(String::from_utf8(output.stderr).unwrap(), note);
        assert!(output.status.success());
    }
}
