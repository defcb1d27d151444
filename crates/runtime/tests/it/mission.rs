//! The manifest of the README's kind, on every Nova model, and what is wrong with it said at once.

use serde_json::json;

use crate::support::{Gateway, hello, pod, run, spicerack};

const MANIFEST: &str = "version: v1
kind: Spicepod
name: demo
models:
  - from: bedrock:us.amazon.nova-lite-v1:0
    name: novash
    params:
      aws_region: us-east-1
      aws_access_key_id: ${ secrets:AWS_ACCESS_KEY_ID }
      aws_secret_access_key: ${ secrets:AWS_SECRET_ACCESS_KEY }
      bedrock_guardrail_identifier: abc123
      bedrock_guardrail_version: DRAFT
      bedrock_trace: enabled
      bedrock_temperature: 0.2
      maxTokens: 512
      topK: 40
      stopSequences: [\"END\"]
";

#[tokio::test]
async fn it_is_served_for_every_nova_model_with_keys_from_the_environment_or_a_file() {
    let emulator = bedrock_emulator::Emulator::start(bedrock_emulator::Config::default()).await.unwrap();
    let mut ids = Vec::new();
    for size in ["micro", "lite", "pro", "premier"] {
        ids.push(format!("amazon.nova-{size}-v1:0"));
        ids.push(format!("us.amazon.nova-{size}-v1:0"));
    }
    ids.push("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0".into());
    ids.push("arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0".into());
    for (index, id) in ids.iter().enumerate() {
        let folder = pod(&MANIFEST.replace("us.amazon.nova-lite-v1:0", id));
        let keys = [
            ("AWS_ACCESS_KEY_ID", bedrock_emulator::ACCESS_KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", bedrock_emulator::SECRET_ACCESS_KEY),
        ];
        let mut command = spicerack();
        command.arg(folder.path()).env("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", emulator.endpoint_url());
        if index % 2 == 0 {
            command.envs(keys);
        } else {
            let lines: Vec<String> = keys.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
            std::fs::write(folder.path().join(".env"), lines.concat()).unwrap();
        }
        let gateway = Gateway::spawn(&mut command);
        let mut body = hello("hello");
        body["model"] = "novash".into();
        let reply = gateway.http.post(&body).await;
        assert_eq!(reply.status, 200, "{id}: {:?}", reply.body);
        let answer = reply.json();
        assert_eq!(answer["model"], "novash");
        assert!(answer["bedrock"]["trace"]["guardrail"].is_object(), "{answer}");
        let request = emulator.requests().pop().unwrap();
        assert_eq!(request.model_id, *id);
        let expected = concat!(
            r#"{"messages":[{"role":"user","content":[{"text":"hello"}]}],"#,
            r#""inferenceConfig":{"maxTokens":512,"temperature":0.2,"stopSequences":["END"]},"#,
            r#""guardrailConfig":{"guardrailIdentifier":"abc123","guardrailVersion":"DRAFT","trace":"enabled"},"#,
            r#""additionalModelRequestFields":{"inferenceConfig":{"topK":40}}}"#,
        );
        assert_eq!(std::str::from_utf8(&request.body).unwrap(), expected);
    }
}

#[test]
fn two_mistakes_are_reported_together() {
    let wrong = MANIFEST
        .replace("identifier: abc123", "identifier: arn:aws:bedrock:us-east-1:1:guardrail/x")
        .replace("temperature: 0.2", "temperature: 42");
    let folder = pod(&wrong);
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "canary-4711")];
    let mut errors = Vec::new();
    for arguments in [&["check", "."][..], &["check"], &["."], &["--http", "127.0.0.1:0"]] {
        let output = run(spicerack().args(arguments).current_dir(folder.path()).envs(keys));
        assert_eq!(output.status.code(), Some(78), "{arguments:?}");
        assert!(output.stdout.is_empty());
        errors.push(String::from_utf8(output.stderr).unwrap());
    }
    let expected = "\
spicepod.yaml:11:37: error: models[0].params.bedrock_guardrail_identifier: ";
    assert!(errors[0].starts_with(expected), "{}", errors[0]);
    assert!(
        errors[0].contains("spicepod.yaml:14:28: error: models[0].params.bedrock_temperature: "),
        "{}",
        errors[0]
    );
    assert!(
        errors[0].contains("\n      bedrock_temperature: 42\n                           ^^\nhelp: "),
        "{}",
        errors[0]
    );
    assert_eq!(errors[0].matches("error: ").count(), 2, "{}", errors[0]);
    assert!(errors.iter().all(|text| *text == errors[0] && !text.contains("canary")), "{errors:#?}");
}

#[test]
fn a_missing_secret_is_a_problem_that_names_it() {
    let folder = pod(MANIFEST);
    let output =
        run(spicerack().arg("check").arg(folder.path()).env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(
        text.contains("`${ secrets:AWS_SECRET_ACCESS_KEY }` is not in any of the stores searched"),
        "{text}"
    );
    assert_eq!(text.matches("error: ").count(), 1, "{text}");
}

#[test]
fn the_table_shows_what_would_be_served() {
    let folder = pod(MANIFEST);
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "canary-4711")];
    let output = run(spicerack().arg("check").arg(folder.path()).envs(keys));
    assert_eq!(output.status.code(), Some(0));
    let expected = "\
NAME    FROM                              REGION     CREDENTIALS  GUARDRAIL
novash  bedrock:us.amazon.nova-lite-v1:0  us-east-1  access key   abc123:DRAFT

NAME    POLICY
novash  connect 3s, first event 120s, idle 120s, request 3600s, attempts 3, retry budget 10%
";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    assert_eq!(json!(String::from_utf8(output.stderr).unwrap()), json!(""));
}
