//! Every example of `examples/`, and the manifest of the root, loads and is served.

use std::path::PathBuf;

use serde_json::json;

use crate::support::{Gateway, run, spicerack, workspace};

/// What the manifests refer to.
const VARIABLES: &[(&str, &str)] = &[
    ("AWS_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("AWS_SESSION_TOKEN", "example-token"),
    ("SPICERACK_ADMIN_KEY", "sk-example"),
    ("SPICERACK_BATCH_KEY", "sk-batch"),
    ("OPEN_WEBUI_KEY", "sk-example"),
];

fn manifests() -> Vec<PathBuf> {
    let mut found = vec![workspace().join("spicepod.yaml")];
    for entry in std::fs::read_dir(workspace().join("examples")).unwrap() {
        let manifest = entry.unwrap().path().join("spicepod.yaml");
        assert!(manifest.is_file(), "{}", manifest.display());
        found.push(manifest);
    }
    found.sort();
    assert!(found.len() >= 7, "{found:?}");
    found
}

#[tokio::test]
async fn every_example_is_valid_and_answers_on_the_emulator() {
    let folder = tempfile::tempdir().unwrap();
    let profiles = folder.path().join("config");
    std::fs::write(&profiles, "[profile bedrock-dev]\nregion = us-east-1\n").unwrap();
    for manifest in manifests() {
        let shown = manifest.display();
        let variables = VARIABLES.iter().copied();
        let mut check = spicerack();
        check.arg("check").arg(&manifest).envs(variables.clone()).env("AWS_CONFIG_FILE", &profiles);
        let output = run(&mut check);
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{shown}");
        assert_eq!(output.status.code(), Some(0), "{shown}");

        let mut command = spicerack();
        command.arg(&manifest).arg("--emulator").envs(variables);
        let gateway = Gateway::spawn(&mut command);
        let key = if gateway.http.get("/v1/models").await.status == 401 { "sk-example" } else { "unused" };
        let http = gateway.http.with("authorization", &format!("Bearer {key}"));
        let models = http.get("/v1/models").await.json();
        let models = models["data"].as_array().unwrap();
        assert!(!models.is_empty(), "{shown}");
        for model in models {
            let body = json!({ "model": model["id"], "messages": [{ "role": "user", "content": "hello" }], "metadata": { "product": "x", "language": "English" } });
            let reply = http.post(&body).await;
            assert_eq!(reply.status, 200, "{shown} {model}: {:?}", reply.body);
        }
    }
}
