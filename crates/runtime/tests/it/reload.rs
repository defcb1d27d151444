//! A manifest, or a file that it depends on, that changes while it is served.

use std::os::unix::fs::symlink;
use std::path::Path;

use bedrock_emulator::{ACCESS_KEY_ID, Config, Emulator, Gate, Reply, SECRET_ACCESS_KEY};
use futures_util::future::join_all;
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::door::{FILES, connect, encrypted, post, served};
use crate::support::{
    Events, Gateway, Http, hello, hello_streamed, manifest, manifest_of, params_for, pod, spicerack,
};

/// A manifest whose one model has another name.
fn renamed(name: &str) -> String {
    manifest(&[]).replace("name: nova", &format!("name: {name}"))
}

fn ask(model: &str) -> Value {
    let mut body = hello("hi");
    body["model"] = model.into();
    body
}

/// What `/v1/ready` says of the manifest: its number, and what is wrong with the last one.
async fn config(http: &Http) -> (u64, Vec<String>) {
    let config = http.get("/v1/ready?verbose=true").await.json()["config"].clone();
    let errors = config["errors"].as_array().unwrap().iter();
    let errors = errors.map(|error| error.as_str().unwrap().to_owned()).collect();
    (config["generation"].as_u64().unwrap(), errors)
}

#[tokio::test]
async fn a_change_is_served_from_the_next_request_on_and_running_answers_go_on() {
    let (mut gateway, emulator) = Gateway::with_emulator(&[]).await;
    let gate = Gate::default();
    let reply = Reply::events().event("messageStart", &json!({ "role": "assistant" })).text_delta("one ");
    let reply =
        reply.wait(&gate).text_delta("two").event("messageStop", &json!({ "stopReason": "end_turn" }));
    emulator.push(reply);
    let running = gateway.http.begin("POST", "/v1/chat/completions", hello_streamed("hi").to_string()).await;
    let created = gateway.http.get("/v1/models/nova").await.json()["created"].clone();

    let own = params_for(&emulator);
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    gateway.write(&manifest(&own).replace("name: nova", "name: other"));
    let line = gateway.reloaded();
    assert_eq!((&line["level"], &line["generation"]), (&json!("INFO"), &json!(2)));
    assert!(line["files"].as_str().unwrap().ends_with("spicepod.yaml"), "{line}");
    assert_eq!(gateway.http.post(&ask("other")).await.status, 200);
    let gone = gateway.http.post(&hello("hi")).await;
    gone.error((404, "invalid_request_error", Some("model_not_found"), Some("model")));
    assert_eq!(gateway.http.get("/v1/models/other").await.json()["created"], created);
    assert_eq!(config(&gateway.http).await, (2, Vec::new()));

    gate.open();
    let body = running.into_body().collect().await.unwrap().to_bytes();
    let events = Events::of(std::str::from_utf8(&body).unwrap());
    assert!(events.done);
    assert_eq!(events.content(), "one two");
    let line = gateway.log(|log| log["stream"] == true);
    assert_eq!((&line["model"], &line["end_reason"]), (&json!("nova"), &json!("completed")));
}

#[tokio::test]
async fn a_change_with_problems_changes_nothing_and_is_told_with_its_place() {
    let mut gateway = Gateway::start(&manifest(&[]), &["--emulator", "--metrics", "127.0.0.1:0"]);
    let line = gateway.log(|log| log["message"].as_str().is_some_and(|text| text.starts_with("metrics on")));
    let address = line["message"].as_str().unwrap().trim_start_matches("metrics on http://");
    let metrics = Http::to(address.trim_end_matches("/metrics").parse().unwrap());

    let half = manifest(&[]);
    let half = half.split_at(half.find("aws_region").unwrap() + 5).0.to_owned();
    for (number, (text, place)) in [
        (manifest(&["temperature: warm"]), ":9:20: error: "),
        (half, ": error: "),
        (String::new(), ":1:1: error: "),
        ("models: [".to_owned(), ": error: "),
    ]
    .into_iter()
    .enumerate()
    {
        gateway.write(&text);
        let line = gateway.reloaded();
        assert_eq!((&line["level"], &line["generation"]), (&json!("ERROR"), &json!(1)), "{line}");
        assert!(line["problems"].as_str().unwrap().contains(place), "{place} is not in {line}");
        assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
        let (generation, errors) = config(&gateway.http).await;
        assert_eq!(generation, 1);
        assert!(errors.iter().any(|error| error.contains(place)), "{errors:?}");
        assert!(errors.iter().all(|error| !error.contains('\n')), "{errors:?}");
        let failures = format!("spicerack_config_reloads_total{{result=\"failure\"}} {}", number + 1);
        let page = metrics.get("/metrics").await;
        assert!(page.text().contains(&failures), "{}", page.text());
    }
    std::fs::remove_file(gateway.folder().join("spicepod.yaml")).unwrap();
    assert_eq!(gateway.reloaded()["level"], "ERROR");
    assert_eq!(gateway.http.get("/v1/ready").await.status, 200);

    gateway.write(&renamed("other"));
    assert_eq!(gateway.reloaded()["level"], "INFO");
    assert_eq!(config(&gateway.http).await, (2, Vec::new()));
    let page = metrics.get("/metrics").await;
    for line in ["spicerack_config_generation 2", "spicerack_config_reloads_total{result=\"success\"} 1"] {
        assert!(page.text().contains(line), "{line} is not in {}", page.text());
    }
}

#[tokio::test]
async fn a_signal_reloads_though_nothing_is_watched() {
    let mut gateway = Gateway::start(&manifest(&[]), &["--emulator", "--no-watch"]);
    gateway.write(&renamed("other"));
    gateway.signal("-HUP");
    assert_eq!(gateway.reloaded()["generation"], 2);
    assert_eq!(gateway.http.post(&ask("other")).await.status, 200);
    // Also where nothing has changed: what secrets are kept elsewhere may have.
    gateway.signal("-HUP");
    assert_eq!(gateway.reloaded()["generation"], 3);
}

#[tokio::test]
async fn a_load_that_fails_for_a_passing_reason_is_tried_again_by_itself_and_told_once() {
    let top = "secrets:\n  - from: 'file:kept'\n    name: file\nruntime:\n  auth:\n    api-key:\n      keys: ['${ file:KEY }']\nmodels:\n";
    let folder = pod(&manifest(&[]).replace("models:\n", top));
    let (kept, away) = (folder.path().join("kept"), folder.path().join("away"));
    std::fs::create_dir(&kept).unwrap();
    std::fs::write(kept.join("KEY"), "first").unwrap();
    let mut command = spicerack();
    let mut gateway = Gateway::spawn(command.arg(folder.path()).args(["--emulator", "--no-watch"]));
    let second = gateway.http.with("authorization", "Bearer second");

    // The store cannot be reached when it is asked for.
    std::fs::rename(&kept, &away).unwrap();
    gateway.signal("-HUP");
    let line = gateway.reloaded();
    assert_eq!((&line["level"], &line["tried_again"]), (&json!("ERROR"), &json!(true)), "{line}");
    std::fs::write(away.join("KEY"), "second").unwrap();
    assert_eq!(second.post(&hello("hi")).await.status, 401);
    std::fs::rename(&away, &kept).unwrap();
    // Nobody asks again.
    let line = gateway.reloaded();
    assert_eq!((&line["level"], &line["generation"]), (&json!("INFO"), &json!(2)), "{line}");
    assert_eq!(second.post(&hello("hi")).await.status, 200);

    // What is wrong with the manifest itself does not pass.
    std::fs::write(folder.path().join("spicepod.yaml"), "models: [\n").unwrap();
    gateway.signal("-HUP");
    assert_eq!(gateway.reloaded()["tried_again"], false);
    let log = gateway.stop();
    assert_eq!(log.matches("the changed manifest cannot be served").count(), 2, "{log}");
}

#[tokio::test]
async fn what_somebody_has_to_correct_is_not_tried_again() {
    let (folder, _) = encrypted(FILES);
    let path = folder.path().join("spicepod.yaml");
    let served = std::fs::read_to_string(&path).unwrap();
    std::fs::create_dir(folder.path().join("kept")).unwrap();
    std::fs::write(folder.path().join("kept/binary"), b"\xff").unwrap();
    symlink("../spicepod.yaml", folder.path().join("kept/leaving")).unwrap();
    for file in ["kept/large", "large.pem"] {
        let file = std::fs::File::create(folder.path().join(file)).unwrap();
        file.set_len(2 << 20).unwrap();
    }
    let mut command = spicerack();
    let mut gateway = Gateway::spawn(command.arg(folder.path()).args(["--emulator", "--no-watch"]));
    let keyed = |key: &str| {
        let top = format!(
            "secrets:\n  - from: 'file:kept'\n    name: file\nruntime:\n  auth:\n    api-key:\n      keys: ['${{ file:{key} }}']\n"
        );
        served.replace("runtime:\n", &top)
    };
    for (text, told) in [
        (keyed("a/b"), "`${` begins no reference to a secret here"),
        (keyed("leaving"), "leads out of the folder"),
        (keyed("large"), "is larger than 64 KiB"),
        (keyed("binary"), "is not UTF-8 text"),
        (served.replace("server.pem", "large.pem"), "it is larger than 1048576 bytes"),
        (served.replace("server.pem", "kept"), "it is not a regular file"),
    ] {
        std::fs::write(&path, text).unwrap();
        gateway.signal("-HUP");
        let line = gateway.reloaded();
        assert!(line["problems"].as_str().unwrap().contains(told), "{told}: {line}");
        assert_eq!(line["tried_again"], false, "{line}");
    }
}

#[tokio::test]
async fn models_that_a_manifest_loses_are_named() {
    let mut gateway = Gateway::start(&manifest(&[]), &["--emulator"]);
    gateway.write(&renamed("other"));
    let line = gateway.reloaded();
    assert_eq!((&line["models"], &line["gone"]), (&json!(1), &json!("nova")), "{line}");
    // Half of a file that ends within a line.
    gateway.write("version: v1\nkind: Spicepod\nname: test\nmodels:");
    let line = gateway.reloaded();
    assert_eq!((&line["models"], &line["gone"]), (&json!(0), &json!("other")), "{line}");
}

#[tokio::test]
async fn a_burst_of_saves_ends_with_the_last_one() {
    let mut gateway = Gateway::start(&manifest(&[]), &["--emulator"]);
    for index in 0..200 {
        // As editors save: a new file in place of the old one.
        let path = gateway.folder().join(".saved");
        std::fs::write(&path, renamed(&format!("nova-{index}"))).unwrap();
        std::fs::rename(&path, gateway.folder().join("spicepod.yaml")).unwrap();
    }
    let mut reloads = 0;
    while gateway.http.post(&ask("nova-199")).await.status != 200 {
        gateway.reloaded();
        reloads += 1;
    }
    assert!(reloads <= 10, "{reloads}");
}

/// Swaps the folder that all files of a mount are links into, as Kubernetes does.
fn mount(folder: &Path, number: usize, files: &[(&str, &str)]) {
    let target = format!("..{number}");
    std::fs::create_dir(folder.join(&target)).unwrap();
    for (name, text) in files {
        std::fs::write(folder.join(&target).join(name), text).unwrap();
        if number == 0 {
            symlink(Path::new("..data").join(name), folder.join(name)).unwrap();
        }
    }
    symlink(target, folder.join("..new")).unwrap();
    std::fs::rename(folder.join("..new"), folder.join("..data")).unwrap();
    if let Some(last) = number.checked_sub(1) {
        std::fs::remove_dir_all(folder.join(format!("..{last}"))).unwrap();
    }
}

#[tokio::test]
async fn mounts_that_swap_all_files_at_once_are_followed() {
    let (pod, secrets) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let top = format!(
        "secrets:\n  - from: 'file:{}'\n    name: file\nruntime:\n  auth:\n    api-key:\n      keys: ['${{ file:KEY }}']\nmodels:\n",
        secrets.path().display()
    );
    let of = |name: &str| renamed(name).replace("models:\n", &top);
    mount(pod.path(), 0, &[("spicepod.yaml", &of("nova"))]);
    mount(secrets.path(), 0, &[("KEY", "first")]);
    let mut gateway = Gateway::spawn(spicerack().arg(pod.path()).arg("--emulator"));
    let with = |key: &str| gateway.http.with("authorization", &format!("Bearer {key}"));
    let (first, second) = (with("first"), with("second"));
    assert_eq!(first.post(&hello("hi")).await.status, 200);

    mount(secrets.path(), 1, &[("KEY", "second")]);
    assert_eq!(gateway.reloaded()["generation"], 2);
    assert_eq!(first.post(&hello("hi")).await.status, 401);
    assert_eq!(second.post(&hello("hi")).await.status, 200);

    mount(pod.path(), 1, &[("spicepod.yaml", &of("other"))]);
    assert_eq!(gateway.reloaded()["generation"], 3);
    assert_eq!(second.post(&ask("other")).await.status, 200);
    let said = first.get("/v1/ready?verbose=true").await.json();
    assert_eq!(said["models"], json!([]));
}

#[tokio::test]
async fn referenced_files_and_variables_count_and_so_does_their_coming_and_going() {
    let text = "version: v1\nkind: Spicepod\nname: test\nmodels:\n  - ref: models/one.yaml\n";
    let one = |name: &str, tokens: &str| {
        format!(
            "from: bedrock:us.amazon.nova-lite-v1:0\nname: {name}\nparams:\n  aws_region: us-east-1\n  maxTokens: {tokens}\n"
        )
    };
    let folder = pod(text);
    let (file, env) = (folder.path().join("models/one.yaml"), folder.path().join(".env"));
    std::fs::create_dir(folder.path().join("models")).unwrap();
    std::fs::write(&file, one("nova", "7")).unwrap();
    let mut gateway = Gateway::spawn(spicerack().arg(folder.path()).arg("--emulator"));
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);

    std::fs::write(&file, one("other", "${ env:TOKENS }")).unwrap();
    assert!(gateway.reloaded()["problems"].as_str().unwrap().contains("one.yaml:5:14: error: "));
    std::fs::write(&env, "TOKENS=9\n").unwrap();
    assert_eq!(gateway.reloaded()["generation"], 2);
    assert_eq!(gateway.http.post(&ask("other")).await.status, 200);
    std::fs::remove_file(&file).unwrap();
    assert!(gateway.reloaded()["problems"].as_str().unwrap().contains("does not exist"));
    std::fs::write(&file, one("third", "7")).unwrap();
    assert_eq!(gateway.reloaded()["generation"], 3);
    assert_eq!(gateway.http.post(&ask("third")).await.status, 200);
}

#[tokio::test]
async fn a_model_that_has_not_changed_keeps_what_it_has_learned_and_another_does_not() {
    let emulator = Emulator::start(Config::default()).await.unwrap();
    let own = params_for(&emulator);
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let from = "bedrock:us.anthropic.claude-sonnet-4-5-20250929-v1:0";
    let mut gateway = Gateway::start(&manifest_of(from, &own), &[]);
    let mut body = hello("hi");
    body["response_format"] = json!({ "type": "json_schema", "json_schema": {
        "name": "answer", "strict": true,
        "schema": { "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"], "additionalProperties": false },
    } });
    let refusal = "This model doesn't support the outputConfig.textFormat field. Remove outputConfig.textFormat and try again.";
    emulator.push(Reply::error(400, "ValidationException", refusal));
    assert_eq!(gateway.http.post(&body).await.status, 200);
    assert_eq!(gateway.request_line()["attempts"], 2);

    // Its request defaults are not the model itself.
    let params: Vec<&str> = own.iter().copied().chain(["maxTokens: 50"]).collect();
    gateway.write(&manifest_of(from, &params));
    assert_eq!(gateway.reloaded()["generation"], 2);
    emulator.always(Some(Reply::error(400, "ValidationException", refusal)));
    let sent = emulator.requests().len();
    gateway.http.post(&body).await;
    assert_eq!(gateway.request_line()["attempts"], 1);
    assert_eq!(emulator.requests_since(sent)[0].json()["inferenceConfig"]["maxTokens"], 50);

    let params: Vec<&str> = own.iter().copied().chain(["max_attempts: 2"]).collect();
    gateway.write(&manifest_of(from, &params));
    assert_eq!(gateway.reloaded()["generation"], 3);
    gateway.http.post(&body).await;
    assert_eq!(gateway.request_line()["attempts"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_manifests_come_and_go() {
    let (mut gateway, emulator) = Gateway::with_emulator(&[]).await;
    let own = params_for(&emulator);
    let http = gateway.http.clone();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut asking = tokio::task::JoinSet::new();
    for index in 0..8 {
        let (http, stopped) = (http.clone(), stopped.clone());
        asking.spawn(async move {
            let mut answers = 0;
            while !*stopped.borrow() {
                if index % 2 == 0 {
                    assert_eq!(http.post(&hello("hi")).await.status, 200);
                } else {
                    assert!(http.post(&hello_streamed("hi")).await.events().done);
                }
                answers += 1;
            }
            answers
        });
    }
    for number in 2..8 {
        let extra = format!("maxTokens: {number}");
        let params: Vec<&str> = own.iter().map(String::as_str).chain([&*extra]).collect();
        gateway.write(&manifest(&params));
        assert_eq!(gateway.reloaded()["generation"], number);
    }
    stop.send_replace(true);
    for answers in asking.join_all().await {
        assert!(answers > 0);
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_the_next_connection() {
    let (folder, first) = encrypted(FILES);
    let mut gateway = served(&folder);
    let old = connect(gateway.address, first, b"http/1.1").await;
    let (mut http1, connection) = hyper::client::conn::http1::handshake(TokioIo::new(old)).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { drop(connection.await) });
    assert_eq!(http1.send_request(post(&hello("hi"))).await.unwrap().status(), 200);

    let (renewed, second) = encrypted(FILES);
    for file in ["server.pem", "server.key"] {
        std::fs::copy(renewed.path().join(file), folder.path().join(file)).unwrap();
    }
    // Half of the pair alone does not fit the other half.
    while gateway.reloaded()["level"] != "INFO" {}
    drop(connect(gateway.address, second, b"http/1.1").await);
    // The old connection goes on.
    http1.ready().await.unwrap();
    assert_eq!(http1.send_request(post(&hello("hi"))).await.unwrap().status(), 200);

    // Unless encryption itself is turned off.
    std::fs::write(folder.path().join("spicepod.yaml"), manifest(&[])).unwrap();
    while gateway.reloaded()["level"] != "INFO" {}
    http1.ready().await.unwrap();
    let last = http1.send_request(post(&hello("hi"))).await.unwrap();
    assert_eq!(last.headers()["connection"], "close");
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
}

/// A shared credentials file.
fn shared(folder: &TempDir, id: &str, secret: &str) {
    let text = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    std::fs::write(folder.path().join("new"), text).unwrap();
    std::fs::rename(folder.path().join("new"), folder.path().join("credentials")).unwrap();
}

#[tokio::test]
async fn replaced_shared_credentials_are_used_though_the_old_ones_are_still_valid() {
    const NEW: &str = "AKIAIOSFODNN7ROTATED";
    let emulator = Emulator::start(Config::default().key(NEW, "rotated", None)).await.unwrap();
    let (aws, own) = (tempfile::tempdir().unwrap(), params_for(&emulator));
    shared(&aws, ACCESS_KEY_ID, SECRET_ACCESS_KEY);
    let folder = pod(&manifest(&[&own[0], "aws_profile: default"]));
    let mut command = spicerack();
    command.arg(folder.path()).env("AWS_SHARED_CREDENTIALS_FILE", aws.path().join("credentials"));
    command.env("AWS_CONFIG_FILE", aws.path().join("config"));
    let mut gateway = Gateway::spawn(&mut command);
    let signed = |from: usize| {
        let requests = emulator.requests_since(from);
        let of = |id: &str| requests.iter().all(|r| r.header("authorization").unwrap().contains(id));
        (of(ACCESS_KEY_ID), of(NEW))
    };
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
    assert_eq!(signed(0), (true, false));
    shared(&aws, NEW, "rotated");
    gateway.log(|log| log["message"].as_str().is_some_and(|text| text.contains("credentials")));
    gateway.log(|log| log["message"].as_str().is_some_and(|text| text.contains("credentials")));
    let sent = emulator.requests().len();
    let body = hello("hi");
    let replies = join_all((0..4).map(|_| gateway.http.post(&body))).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    assert_eq!(signed(sent), (false, true));
}
