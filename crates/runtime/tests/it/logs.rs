//! What is logged and counted, and what never is.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use bedrock_emulator::{Ending, Reply};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::overload::{number, numbers};
use crate::support::{Gateway, hello, hello_streamed, manifest, params_for, pod, run, spicerack};

/// Texts that must show up nowhere.
const PROMPT: &str = "canary-prompt-5519";
const SECRET: &str = "canary-secret-8834";
const API_KEY: &str = "canary-api-key-2207";

#[tokio::test]
async fn one_line_a_request_says_how_it_went() {
    let (mut gateway, _emulator) = Gateway::with_emulator(&[]).await;
    let answer = gateway.http.post(&hello("hi")).await.json();
    let line = gateway.request_line();
    assert_eq!(
        (&line["level"], &line["model"], &line["status"]),
        (&json!("INFO"), &json!("nova"), &json!(200))
    );
    assert_eq!((&line["end_reason"], &line["attempts"]), (&json!("completed"), &json!(1)));
    assert_eq!(line["prompt_tokens"], answer["usage"]["prompt_tokens"]);
    assert_eq!(line["completion_tokens"], answer["usage"]["completion_tokens"]);
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(line["client"], "127.0.0.1");
    gateway.http.post(&hello_streamed("hi")).await;
    let line = gateway.request_line();
    assert_eq!((&line["stream"], &line["end_reason"]), (&json!(true), &json!("completed")));
    assert!(line["first_token_ms"].as_f64().unwrap() <= line["duration_ms"].as_f64().unwrap());
    gateway.http.get("/health").await;
    gateway.http.get("/v1/models").await;
    assert_eq!(gateway.request_line()["route"], "models", "probes are silent");
}

/// Sends the text in every place where a request may hold one, taken or refused.
async fn everywhere(http: &crate::support::Http) {
    let schema =
        json!({ "type": "object", "description": PROMPT, "properties": { PROMPT: { "type": "string" } } });
    let tool = json!({ "type": "function", "function": { "name": "f", "description": PROMPT, "parameters": schema } });
    let arguments = json!({ PROMPT: PROMPT }).to_string();
    let call =
        json!({ "id": PROMPT, "type": "function", "function": { "name": "f", "arguments": arguments } });
    let mut taken = hello(PROMPT);
    taken["messages"] = json!([
        { "role": "system", "content": PROMPT },
        { "role": "user", "content": [{ "type": "text", "text": PROMPT }], "name": PROMPT },
        { "role": "assistant", "content": PROMPT, "tool_calls": [call] },
        { "role": "tool", "tool_call_id": PROMPT, "content": PROMPT },
        { "role": "user", "content": PROMPT },
    ]);
    taken["tools"] = json!([tool]);
    taken["stop"] = json!([PROMPT]);
    taken["user"] = json!(PROMPT);
    taken["metadata"] = json!({ "note": PROMPT });
    taken["prompt_cache_key"] = json!(PROMPT);
    for stream in [false, true] {
        taken["stream"] = stream.into();
        let reply = http.with("x-session-id", PROMPT).post(&taken).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    let mut refused = vec![hello(PROMPT), hello(PROMPT), hello(PROMPT), hello(PROMPT), hello(PROMPT)];
    refused[0]["model"] = PROMPT.into();
    refused[1]["messages"][0]["role"] = PROMPT.into();
    refused[2]["messages"][0]["content"] = json!([{ "type": PROMPT }]);
    refused[3]["tool_choice"] = json!({ "type": "function", "function": { "name": PROMPT } });
    refused[4]["messages"][0]["content"] = json!([{ "type": "image_url", "image_url": { "url": format!("https://{PROMPT}.invalid/{PROMPT}") } }]);
    for body in refused {
        assert!(http.post(&body).await.status.is_client_error(), "{body}");
    }
    for path in [format!("/{PROMPT}"), format!("/v1/models/{PROMPT}"), format!("/v1/models?format={PROMPT}")]
    {
        assert!(http.get(&path).await.status.is_client_error(), "{path}");
    }
    assert_eq!(http.send("POST", "/v1/chat/completions", format!("{{\"{PROMPT}")).await.status, 400);
}

#[tokio::test]
async fn secrets_and_texts_are_in_no_output_at_any_level() {
    let emulator = bedrock_emulator::Emulator::start(bedrock_emulator::Config::default().key(
        "AKIAIOSFODNN7EXAMPLE",
        SECRET,
        None,
    ))
    .await
    .unwrap();
    let own = params_for(&emulator);
    let manifest = manifest(&[
        &own[0],
        "aws_access_key_id: AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key: ${ env:OWN_SECRET }",
    ])
    .replace(
        "models:\n",
        "runtime:\n  auth:\n    api-key:\n      keys: ['${ secrets:OWN_API_KEY }']\nmodels:\n",
    );
    for level in ["debug", "DEBUG", "info"] {
        let folder = pod(&manifest);
        let mut command = spicerack();
        command
            .arg(folder.path())
            .args(["--log", level])
            .env("OWN_SECRET", SECRET)
            .env("OWN_API_KEY", API_KEY);
        command.env("RUST_LOG", "trace").args(["--metrics", "127.0.0.1:0"]);
        let mut gateway = Gateway::spawn(&mut command);
        let http = gateway.http.with("authorization", &format!("Bearer {API_KEY}"));
        let mut seen = vec![
            format!("{:?}", gateway.http.get("/v1/ready?verbose=true").await),
            format!("{:?}", gateway.http.post(&hello(PROMPT)).await),
        ];
        assert_eq!(http.post(&hello(PROMPT)).await.status, 200);
        assert!(http.post(&hello_streamed(PROMPT)).await.events().done);
        everywhere(&http).await;
        emulator.push(Reply::error(
            403,
            "ExpiredTokenException",
            "The security token included in the request is expired",
        ));
        seen.push(format!("{:?}", http.post(&hello(PROMPT)).await));
        let metrics =
            gateway.log(|log| log["message"].as_str().is_some_and(|text| text.starts_with("metrics on")));
        let address = metrics["message"]
            .as_str()
            .unwrap()
            .trim_start_matches("metrics on http://")
            .trim_end_matches("/metrics");
        seen.push(crate::support::Http::to(address.parse().unwrap()).get("/metrics").await.text().to_owned());
        seen.push(gateway.stop());
        let all = seen.join("\n");
        for canary in [PROMPT, SECRET, API_KEY] {
            assert!(!all.contains(canary), "{level}: {canary} in {all}");
        }
    }
}

#[tokio::test]
async fn an_upstream_that_repeats_our_headers_is_not_repeated() {
    let key = "AKIAIOSFODNN7EXAMPLE";
    let emulator = bedrock_emulator::Emulator::start(bedrock_emulator::Config::default().key(
        key,
        SECRET,
        Some(API_KEY),
    ));
    let emulator = emulator.await.unwrap();
    let own = params_for(&emulator);
    let manifest = manifest(&[
        &own[0],
        &format!("aws_access_key_id: {key}"),
        &format!("aws_secret_access_key: {SECRET}"),
        &format!("aws_session_token: {API_KEY}"),
    ]);
    let gateway = Gateway::start(&manifest, &["--log", "debug"]);
    let echo = format!("The canonical request was: x-amz-security-token:{API_KEY} {key} {SECRET}");
    let mut seen = Vec::new();
    for (status, kind) in
        [(403, "InvalidSignatureException"), (400, "ValidationException"), (403, "AccessDeniedException")]
    {
        emulator.push(Reply::error(status, kind, &echo));
        seen.push(format!("{:?}", gateway.http.post(&hello("hi")).await));
    }
    emulator.push(Reply::events().exception("validationException", &echo));
    seen.push(format!("{:?}", gateway.http.post(&hello_streamed("hi")).await));
    seen.push(gateway.stop());
    let all = seen.join("\n");
    assert!(all.contains("The canonical request was"), "{all}");
    for canary in [SECRET, API_KEY, key] {
        assert!(!all.contains(canary), "{canary} in {all}");
    }
}

#[tokio::test]
async fn requests_are_answered_and_the_process_ends_though_nobody_reads_the_log() {
    let folder = pod(&manifest(&[]));
    let mut command = spicerack();
    command.arg(folder.path()).args(["--emulator", "--http", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    let address = loop {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0);
        let value: Value = serde_json::from_str(&line).unwrap();
        if let Some(address) = value["message"].as_str().unwrap().strip_prefix("listening on http://") {
            break address.parse().unwrap();
        }
    };
    // A pipe holds 64 KiB, and a line has more than 200 bytes.
    let http = crate::support::Http::to(address);
    for _ in 0..600 {
        assert_eq!(http.get("/v1/models").await.status, 200);
    }
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let mut waiting = tokio::task::JoinSet::new();
    waiting.spawn_blocking(move || child.wait().unwrap());
    assert_eq!(waiting.join_next().await.unwrap().unwrap().code(), Some(0));
    drop(log);
}

#[test]
fn a_manifest_with_mistakes_shows_no_secret() {
    let manifest = manifest(&[
        "aws_access_key_id: AKIAIOSFODNN7EXAMPLE",
        &format!("aws_secret_access_key: {SECRET}"),
        "aws_session_token: [1, 2]",
        "aws_regoin: x",
        "maxTokens: ${ env:OWN_SECRET }",
    ]);
    let folder = pod(&manifest);
    let output = run(spicerack().arg("check").arg(folder.path()).env("OWN_SECRET", SECRET));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(!text.contains(SECRET), "{text}");
    assert!(text.matches("error: ").count() >= 3, "{text}");
}

#[tokio::test]
async fn metrics_count_by_closed_sets_of_labels() {
    let (mut gateway, _emulator) = Gateway::with_emulator_and("", &[], &["--metrics", "127.0.0.1:0"]).await;
    let line = gateway.log(|log| log["message"].as_str().is_some_and(|text| text.starts_with("metrics on")));
    let address = line["message"]
        .as_str()
        .unwrap()
        .trim_start_matches("metrics on http://")
        .trim_end_matches("/metrics")
        .parse()
        .unwrap();
    gateway.http.post(&hello("hi")).await;
    gateway.http.post(&hello_streamed("hi")).await;
    for index in 0..20 {
        let mut body = hello("hi");
        body["model"] = Value::from(format!("unknown-{index}"));
        assert_eq!(gateway.http.post(&body).await.status, 404);
    }
    // The last line is written when its request is counted.
    for _ in 0..22 {
        gateway.request_line();
    }
    let page = crate::support::Http::to(address).get("/metrics").await;
    let text = page.text();
    for line in [
        r#"spicerack_requests_total{route="chat_completions",model="nova",status="200"} 2"#,
        r#"spicerack_requests_total{route="chat_completions",model="unknown",status="404"} 20"#,
        r#"spicerack_errors_total{model="unknown",kind="model_not_found"} 20"#,
        r#"spicerack_request_duration_seconds_count{route="chat_completions",model="nova"} 2"#,
        r#"spicerack_time_to_first_token_seconds_count{model="nova"} 1"#,
        r#"spicerack_upstream_attempts_total{model="nova"} 2"#,
        "spicerack_requests_in_flight 0",
        "spicerack_log_lines_dropped_total 0",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    assert!(text.contains(r#"spicerack_tokens_total{model="nova",kind="output"}"#), "{text}");
    assert!(!text.contains("unknown-1"), "{text}");
}

#[tokio::test]
async fn a_head_that_is_no_http_leaves_a_line_with_the_id_of_its_reply() {
    let (mut gateway, _emulator) = Gateway::with_emulator(&[]).await;
    let mut client = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    client.write_all(b"GET /health?canary HTTP/9.9\r\nhost: canary\r\n\r\n").await.unwrap();
    let mut reply = String::new();
    client.read_to_string(&mut reply).await.unwrap();
    let id = reply.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
    let line = gateway.request_line();
    assert_eq!(
        (&line["request_id"], &line["status"], &line["end_reason"], &line["route"], &line["attempts"]),
        (&json!(id), &json!(400), &json!("malformed_request"), &json!("other"), &json!(0)),
        "{line}"
    );
    assert_eq!(line["client"], "127.0.0.1");
    let log = gateway.stop();
    assert_eq!(log.matches("\"message\":\"request\"").count(), 1, "{log}");
    assert!(!log.contains("canary"), "{log}");
}

/// The line, and what is counted, of a client that goes once as many calls were made as said; all but the last fail.
async fn leaves(calls: usize, body: Value) {
    let (mut gateway, emulator) = Gateway::with_emulator_and("", &[], &["--metrics", "127.0.0.1:0"]).await;
    let numbers = numbers(&mut gateway);
    for _ in 1..calls {
        emulator.push(Reply::error(500, "InternalServerException", "no"));
    }
    emulator.push(Reply::silence().stall());
    let http = gateway.http.clone();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { http.post(&body).await });
    emulator.wait_for_requests(calls).await;
    tasks.abort_all();
    assert_eq!(emulator.wait_for_end(calls - 1).await, Ending::ClientClosed);
    let line = gateway.request_line();
    assert_eq!(
        (&line["end_reason"], &line["status"], &line["model"]),
        (&json!("client_closed"), &json!(0), &json!("nova")),
        "{line}"
    );
    assert_eq!(line["attempts"], calls, "{line}");
    let counted = number(&numbers, "spicerack_upstream_attempts_total{model=\"nova\"}").await;
    assert_eq!(usize::try_from(counted).unwrap(), calls);
}

#[tokio::test]
async fn the_calls_for_a_client_that_went_before_the_head_are_counted() {
    leaves(1, hello("hi")).await;
    leaves(1, hello_streamed("hi")).await;
    leaves(2, hello("hi")).await;
}
