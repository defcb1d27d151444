//! More failures, and more requests, than a gateway can bear: what is repeated, what waits, and what is sent away.

use bedrock_emulator::{Config, Emulator, Gate, Reply};
use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use crate::support::{Gateway, Http, hello, hello_streamed, manifest, params_for, pod, run, spicerack};

const METRICS: &[&str] = &["--metrics", "127.0.0.1:0"];

/// The server of the gateway's numbers.
pub(crate) fn numbers(gateway: &mut Gateway) -> Http {
    let line = gateway.log(|log| log["message"].as_str().is_some_and(|text| text.starts_with("metrics on")));
    gateway.rewind();
    let address = line["message"].as_str().unwrap().trim_start_matches("metrics on http://");
    Http::to(address.trim_end_matches("/metrics").parse().unwrap())
}

/// A number of the page; 0 where it is not there.
pub(crate) async fn number(numbers: &Http, name: &str) -> u64 {
    let page = numbers.get("/metrics").await;
    let value = page.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}

#[tokio::test]
async fn a_storm_of_failures_is_repeated_within_the_budget_alone() {
    let (mut gateway, emulator) = Gateway::with_emulator_and("", &["max_attempts: 5"], METRICS).await;
    let numbers = numbers(&mut gateway);
    emulator.always(Some(Reply::error(500, "InternalServerException", "no")));
    let replies = join_all((0..400).map(|_| {
        let http = gateway.http.clone();
        async move { http.post(&hello("hi")).await }
    }))
    .await;
    for reply in &replies {
        reply.error((502, "api_error", Some("upstream_error"), None));
    }
    // The reserve of 100, and one call to ten requests; not five times as many.
    let calls = emulator.requests().len();
    assert!((500..=540).contains(&calls), "{calls}");
    let refused = number(&numbers, "spicerack_retry_budget_exhausted_total{model=\"nova\"}").await;
    assert!(refused > 0, "{}", numbers.get("/metrics").await.text());

    // Without a budget the error comes at once, and a call that succeeds is not touched by any of it.
    emulator.always(None);
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
}

#[test]
fn the_check_shows_the_policy_of_each_model() {
    let folder = pod(&manifest(&[
        "idle_timeout: 500ms",
        "max_attempts: 1",
        "retry_budget_percent: 20",
        "requests_per_minute_limit: 60",
    ]));
    let check = |arguments: &[&str]| {
        let output = run(spicerack().arg("check").args(arguments).arg(folder.path()));
        let said = String::from_utf8(output.stdout).unwrap();
        said.split_once("\n\n").unwrap_or_else(|| panic!("{said}")).1.to_owned()
    };
    assert_eq!(
        check(&[]),
        "\
NAME  POLICY
nova  connect 3s, first event 120s, idle 500ms, request 3600s, attempts 1, retry budget 20%, per minute 60
"
    );
    assert_eq!(
        check(&["--verbose"]),
        "\
NAME  CONNECT  FIRST EVENT  IDLE   REQUEST  ATTEMPTS  RETRY BUDGET  AT ONCE  PER MINUTE
nova  3s       120s         500ms  3600s    1         20%           -        60
"
    );
}

#[tokio::test]
async fn chats_beyond_the_limit_are_sent_away_at_once() {
    let (mut gateway, emulator) =
        Gateway::with_emulator_and("", &[], &["--max-in-flight", "1", "--max-queued", "0"]).await;
    let gate = Gate::default();
    emulator.push(Reply::silence().wait(&gate).then(Reply::converse("at last")));
    let http = gateway.http.clone();
    let mut first = JoinSet::new();
    first.spawn(async move { http.post(&hello("hi")).await });
    emulator.wait_for_requests(1).await;
    let reply = gateway.http.post(&hello("hi")).await;
    reply.error((503, "service_unavailable_error", Some("server_overloaded"), None));
    assert_eq!((reply.header("retry-after"), reply.header("x-should-retry")), ("1", "true"));
    assert_eq!(gateway.http.get("/v1/models").await.status, 200);
    assert_eq!(gateway.request_line()["end_reason"], "server_overloaded");
    gate.open();
    assert_eq!(first.join_next().await.unwrap().unwrap().status, 200);
    // The place is free again once the answer is out, which the log line says.
    gateway.log(|log| {
        log["message"] == "request" && log["status"] == json!(200) && log["route"] == "chat_completions"
    });
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
}

#[tokio::test]
async fn a_burst_waits_for_a_moment_and_what_is_beyond_it_is_sent_away() {
    let arguments = [METRICS, &["--max-in-flight", "1", "--max-queued", "1"]].concat();
    let (mut gateway, emulator) = Gateway::with_emulator_and("", &[], &arguments).await;
    let numbers = numbers(&mut gateway);
    let gate = Gate::default();
    emulator.push(Reply::silence().wait(&gate).then(Reply::converse("at last")));
    let mut waiting = JoinSet::new();
    let first = gateway.http.clone();
    waiting.spawn(async move { first.post(&hello("hi")).await });
    emulator.wait_for_requests(1).await;
    let second = gateway.http.clone();
    waiting.spawn(async move { second.post(&hello("hi")).await });
    while number(&numbers, "spicerack_requests_queued").await == 0 {}
    let reply = gateway.http.post(&hello("hi")).await;
    reply.error((503, "service_unavailable_error", Some("server_overloaded"), None));
    assert_eq!(reply.header("retry-after"), "1");
    let millis: u64 = reply.header("retry-after-ms").parse().unwrap();
    assert!((500..=1000).contains(&millis), "{millis}");
    assert_eq!(number(&numbers, "spicerack_shed_total{reason=\"queue_full\"}").await, 1);
    gate.open();
    // Who was let in gets an answer; who waited may have waited for too long by then.
    let mut statuses: Vec<u16> = waiting.join_all().await.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    let late = number(&numbers, "spicerack_shed_total{reason=\"queue_timeout\"}").await;
    assert_eq!(statuses, if late == 0 { [200, 200] } else { [200, 503] });
}

/// Params of a second model, `other`, behind those of the first.
fn two_models(params: &[&str], other: &[String]) -> String {
    let more: String = other.iter().map(|line| format!("      {line}\n")).collect();
    let second = "  - from: bedrock:us.amazon.nova-pro-v1:0\n    name: other\n    params:\n      aws_region: us-east-1\n";
    format!("{}{second}{more}", manifest(params))
}

#[tokio::test]
async fn a_model_at_its_limit_refuses_and_the_others_do_not_notice() {
    let emulator = Emulator::start(Config::default()).await.unwrap();
    let own = params_for(&emulator);
    let mut params: Vec<&str> = own.iter().map(String::as_str).collect();
    params.push("max_concurrency: 1");
    let mut gateway = Gateway::start(&two_models(&params, &own), METRICS);
    let numbers = numbers(&mut gateway);
    let gate = Gate::default();
    emulator.push(Reply::silence().wait(&gate).then(Reply::converse("at last")));
    let http = gateway.http.clone();
    let mut first = JoinSet::new();
    first.spawn(async move { http.post(&hello("hi")).await });
    emulator.wait_for_requests(1).await;
    let reply = gateway.http.post(&hello("hi")).await;
    let message = reply.error((429, "rate_limit_error", Some("rate_limit_exceeded"), None));
    assert_eq!(message, "This model is at its limit of concurrent chats: 1.");
    assert_eq!((reply.header("retry-after"), reply.header("x-should-retry")), ("1", "true"));
    let mut other = hello("hi");
    other["model"] = "other".into();
    assert_eq!(gateway.http.post(&other).await.status, 200);
    let name = "spicerack_rate_limited_total{scope=\"model\",limit=\"concurrency\"}";
    assert_eq!(number(&numbers, name).await, 1);
    gate.open();
    assert_eq!(first.join_next().await.unwrap().unwrap().status, 200);
}

#[tokio::test]
async fn a_models_requests_per_minute_are_counted_over_reloads() {
    let params = ["requests_per_minute_limit: 2"];
    let mut gateway = Gateway::start(&manifest(&params), &["--emulator"]);
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
    gateway.write(&manifest(&[params[0], "temperature: 0.5"]));
    gateway.reloaded();
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
    let reply = gateway.http.post(&hello("hi")).await;
    reply.error((429, "rate_limit_error", Some("rate_limit_exceeded"), None));
    let seconds: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=30).contains(&seconds), "{seconds}");
    gateway.log(|log| log["end_reason"] == "rate_limit_exceeded");
}

/// Keys `batch` with these limits and `admin` without any, in front of the models.
fn keys(limits: &str) -> String {
    format!(
        "runtime:\n  auth:\n    api-key:\n      keys:\n        - {{ key: batch-key, name: batch, {limits} }}\n        - admin-key\n"
    )
}

#[tokio::test]
async fn a_key_at_its_limit_is_refused_and_the_others_do_not_notice() {
    let arguments = [METRICS, &["--max-in-flight", "2", "--max-queued", "0"]].concat();
    let (mut gateway, emulator) =
        Gateway::with_emulator_and(&keys("max_concurrency: 1"), &[], &arguments).await;
    let numbers = numbers(&mut gateway);
    let (batch, admin) =
        (gateway.http.with("x-api-key", "batch-key"), gateway.http.with("x-api-key", "admin-key"));
    let gate = Gate::default();
    emulator.push(Reply::silence().wait(&gate).then(Reply::converse("at last")));
    let http = batch.clone();
    let mut first = JoinSet::new();
    first.spawn(async move { http.post(&hello("hi")).await });
    emulator.wait_for_requests(1).await;
    let reply = batch.post(&hello("hi")).await;
    let message = reply.error((429, "rate_limit_error", Some("rate_limit_exceeded"), None));
    assert_eq!(message, "This API key is at its limit of concurrent chats: 1.");
    assert_eq!((reply.header("retry-after"), reply.header("x-should-retry")), ("1", "true"));
    assert_eq!(gateway.request_line()["key"], "batch");
    assert_eq!(admin.post(&hello("hi")).await.status, 200);
    let name = "spicerack_rate_limited_total{scope=\"key\",limit=\"concurrency\"}";
    assert_eq!(number(&numbers, name).await, 1);
    gate.open();
    assert_eq!(first.join_next().await.unwrap().unwrap().status, 200);
    // The place is free again once the answer is out, which the log line says.
    gateway.log(|log| log["key"] == "batch" && log["status"] == json!(200));
    assert_eq!(batch.post(&hello("hi")).await.status, 200);
}

#[tokio::test]
async fn a_keys_requests_and_tokens_are_counted_over_reloads() {
    for (limits, allowed, what) in [
        ("requests_per_minute: 2", 2, "requests per minute: 2"),
        // The answer that begins below the limit may go beyond it.
        ("tokens_per_minute: 1", 1, "tokens per minute: 1"),
    ] {
        let (mut gateway, emulator) = Gateway::with_emulator_and(&keys(limits), &[], &[]).await;
        let batch = gateway.http.with("x-api-key", "batch-key");
        for _ in 0..allowed {
            assert_eq!(batch.post(&hello_streamed("hi")).await.status, 200);
            gateway.request_line();
        }
        let own = params_for(&emulator);
        let mut params: Vec<&str> = own.iter().map(String::as_str).collect();
        params.push("temperature: 0.5");
        gateway.write(&manifest(&params).replace("models:\n", &format!("{}models:\n", keys(limits))));
        gateway.reloaded();
        let reply = batch.post(&hello("hi")).await;
        let message = reply.error((429, "rate_limit_error", Some("rate_limit_exceeded"), None));
        assert!(message.contains(what), "{message}");
        let millis: u64 = reply.header("retry-after-ms").parse().unwrap();
        assert!(millis > 0);
        assert_eq!(gateway.http.with("x-api-key", "admin-key").post(&hello("hi")).await.status, 200);
    }
}

#[tokio::test]
async fn a_process_that_holds_too_much_memory_refuses_chats_and_goes_on_with_those_it_has() {
    let arguments = [METRICS, &["--max-memory", "1MiB"]].concat();
    let (mut gateway, emulator) = Gateway::with_emulator_and("", &[], &arguments).await;
    let numbers = numbers(&mut gateway);
    let gate = Gate::default();
    emulator.push(Reply::silence().wait(&gate).then(Reply::converse("at last")));
    let http = gateway.http.clone();
    let mut first = JoinSet::new();
    first.spawn(async move { http.post(&hello("hi")).await });
    // One at a time is let in whatever the process holds, or it might never find out that there is room.
    emulator.wait_for_requests(1).await;
    for _ in 0..3 {
        let reply = gateway.http.post(&hello("hi")).await;
        reply.error((503, "service_unavailable_error", Some("server_overloaded"), None));
        assert_eq!((reply.header("retry-after"), reply.header("x-should-retry")), ("1", "true"));
    }
    assert_eq!(gateway.http.get("/health").await.status, 200);
    assert_eq!(number(&numbers, "spicerack_shed_total{reason=\"memory\"}").await, 3);
    assert_eq!(number(&numbers, "spicerack_memory_watermark_bytes").await, (1 << 20) * 80 / 100);
    assert!(number(&numbers, "spicerack_memory_resident_bytes").await > 1 << 20);
    gate.open();
    assert_eq!(first.join_next().await.unwrap().unwrap().status, 200);
    gateway.log(|log| log["message"] == "request" && log["status"] == json!(200) && !log["model"].is_null());
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
    let log = gateway.stop();
    assert_eq!(log.matches("the process holds too much memory").count(), 1, "{log}");
}

#[tokio::test]
async fn a_body_for_which_there_is_no_room_is_refused_before_it_is_read() {
    let (mut gateway, emulator) = Gateway::with_emulator_and("", &[], &["--max-memory", "200MiB"]).await;
    gateway.log(|log| log["watermark_bytes"] == json!(160 << 20));
    let gate = Gate::default();
    emulator.push(Reply::silence().wait(&gate).then(Reply::converse("at last")));
    let http = gateway.http.clone();
    let mut first = JoinSet::new();
    first.spawn(async move { http.post(&hello("hi")).await });
    emulator.wait_for_requests(1).await;
    // Held twice for a moment, these would be too much.
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 33554432\r\n\r\n";
    let mut uploads = Vec::new();
    for _ in 0..3 {
        let mut upload = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
        upload.write_all(head.as_bytes()).await.unwrap();
        uploads.push(upload);
    }
    gateway.log(|log| log["message"].as_str().is_some_and(|text| text.contains("holds too much memory")));
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200, "there is room for a small one");
    gate.open();
    assert_eq!(first.join_next().await.unwrap().unwrap().status, 200);
}

#[tokio::test]
async fn who_is_refused_by_the_head_is_not_asked_for_the_body() {
    let (gateway, emulator) = Gateway::with_emulator_and(&keys("requests_per_minute: 1"), &[], &[]).await;
    assert_eq!(gateway.http.with("x-api-key", "batch-key").post(&hello("hi")).await.status, 200);
    for (key, status) in [("", "401"), ("x-api-key: wrong\r\n", "401"), ("x-api-key: batch-key\r\n", "429")] {
        for expects in ["expect: 100-continue\r\n", ""] {
            let head = format!(
                "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n{key}{expects}content-length: 9000000\r\n\r\n"
            );
            let mut client = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
            client.write_all(head.as_bytes()).await.unwrap();
            let mut reply = String::new();
            client.read_to_string(&mut reply).await.unwrap();
            assert!(reply.starts_with(&format!("HTTP/1.1 {status}")), "{reply}");
            assert!(reply.contains("connection: close\r\n"), "{reply}");
        }
    }
    assert_eq!(emulator.requests().len(), 1);
}

#[tokio::test]
async fn a_chat_that_does_not_come_to_be_asked_costs_its_key_no_request() {
    let arguments = ["--max-in-flight", "1", "--max-queued", "0"];
    let (mut gateway, emulator) =
        Gateway::with_emulator_and(&keys("requests_per_minute: 2"), &[], &arguments).await;
    let (batch, admin) =
        (gateway.http.with("x-api-key", "batch-key"), gateway.http.with("x-api-key", "admin-key"));
    let gate = Gate::default();
    emulator.push(Reply::silence().wait(&gate).then(Reply::converse("at last")));
    let mut first = JoinSet::new();
    first.spawn(async move { admin.post(&hello("hi")).await });
    emulator.wait_for_requests(1).await;
    for _ in 0..3 {
        let reply = batch.post(&hello("hi")).await;
        reply.error((503, "service_unavailable_error", Some("server_overloaded"), None));
    }
    gate.open();
    assert_eq!(first.join_next().await.unwrap().unwrap().status, 200);
    gateway.log(|log| log["message"] == "request" && log["status"] == json!(200));
    let mut unknown = hello("hi");
    unknown["model"] = "nobody".into();
    for _ in 0..3 {
        assert_eq!(batch.send("POST", "/v1/chat/completions", "{").await.status, 400);
        gateway.request_line();
        assert_eq!(batch.post(&unknown).await.status, 404);
        gateway.log(|log| log["end_reason"] == "model_not_found");
    }
    for _ in 0..2 {
        assert_eq!(batch.post(&hello("hi")).await.status, 200);
        gateway
            .log(|log| log["message"] == "request" && log["key"] == "batch" && log["status"] == json!(200));
    }
    let reply = batch.post(&hello("hi")).await;
    reply.error((429, "rate_limit_error", Some("rate_limit_exceeded"), None));
}
