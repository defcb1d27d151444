//! Wrong requests over HTTP: each gets OpenAI's error body, and none reaches Bedrock.

use serde_json::{Value, json};

use crate::support::{Gateway, hello};

fn with(member: &str, value: Value) -> Value {
    let mut body = hello("hi");
    body[member] = value;
    body
}

#[tokio::test]
async fn wrong_requests_are_refused_with_the_path_of_what_is_wrong() {
    let (gateway, emulator) = Gateway::with_emulator(&[]).await;
    let part = |part: Value| json!({ "model": "nova", "messages": [{ "role": "user", "content": [part] }] });
    for (body, code, param) in [
        (json!(null), None, None),
        (json!([]), None, None),
        (json!({}), Some("missing_required_parameter"), Some("model")),
        (json!({ "model": "nova" }), Some("missing_required_parameter"), Some("messages")),
        (with("messages", json!([])), Some("empty_array"), Some("messages")),
        (
            with("messages", json!([{ "role": "system", "content": "x" }])),
            Some("invalid_request"),
            Some("messages"),
        ),
        (with("messages", json!([{ "role": "wizard", "content": "x" }])), None, Some("messages[0].role")),
        (with("messages", json!([{ "content": "x" }])), None, Some("messages[0]")),
        (with("messages", json!([{ "role": "user" }])), None, Some("messages[0].content")),
        (with("messages", json!([{ "role": "user", "content": 5 }])), None, Some("messages[0].content")),
        (with("temperature", json!("hot")), None, Some("temperature")),
        (with("temperature", json!(2.5)), Some("decimal_above_max_value"), Some("temperature")),
        (with("temperature", json!(-1)), Some("decimal_below_min_value"), Some("temperature")),
        (with("temperature", json!(1.5)), Some("invalid_request"), Some("temperature")),
        (with("top_p", json!(1.5)), Some("decimal_above_max_value"), Some("top_p")),
        (with("max_tokens", json!(0)), Some("integer_below_min_value"), Some("max_tokens")),
        (with("max_tokens", json!(1.5)), None, Some("max_tokens")),
        (with("max_completion_tokens", json!(-3)), None, Some("max_completion_tokens")),
        (with("stop", json!(5)), None, Some("stop")),
        (with("stream", json!("true")), None, Some("stream")),
        (
            with("stream_options", json!({ "include_usage": "yes" })),
            None,
            Some("stream_options.include_usage"),
        ),
        (with("n", json!(2)), Some("unsupported_parameter"), Some("n")),
        (with("logprobs", json!(true)), Some("unsupported_parameter"), Some("logprobs")),
        (with("metadata", json!({ "a": 1 })), None, Some("metadata.a")),
        (with("additional_model_request_fields", json!([])), None, Some("additional_model_request_fields")),
        (part(json!({ "type": "text" })), None, Some("messages[0].content[0]")),
        (part(json!({ "type": "text", "text": 7 })), None, Some("messages[0].content[0].text")),
        (
            part(json!({ "type": "input_audio", "input_audio": {} })),
            Some("unsupported_parameter"),
            Some("messages[0].content[0]"),
        ),
    ] {
        let reply = gateway.http.post(&body).await;
        assert_eq!(reply.status, 400, "{body}: {:?}", reply.body);
        reply.error((400, "invalid_request_error", code, param));
    }
    assert!(emulator.requests().is_empty());
}

#[tokio::test]
async fn bodies_that_are_not_json_are_refused() {
    let (gateway, emulator) = Gateway::with_emulator(&[]).await;
    let path = "/v1/chat/completions";
    let deep = format!("{{\"made_up\":{}", "[".repeat(200_000));
    let twice = r#"{"model":"nova","model":"nova","messages":[{"role":"user","content":"hi"}]}"#;
    for body in ["", "  ", "{", "hello", "{\"model\": \"nova\",}", "\u{feff}{}", &*deep, twice] {
        let reply = gateway.http.send("POST", path, body.to_owned()).await;
        reply.error((400, "invalid_request_error", None, None));
    }
    let reply = gateway.http.send("POST", path, b"{\"model\":\"\xff\"}".to_vec()).await;
    assert_eq!(reply.status, 400);
    let good = hello("hi").to_string();
    for (name, value, status, code) in [
        ("content-type", "text/plain", 415, "unsupported_content_type"),
        ("content-type", "application/x-www-form-urlencoded", 415, "unsupported_content_type"),
        ("content-encoding", "gzip", 415, "unsupported_content_encoding"),
        ("content-encoding", "br", 415, "unsupported_content_encoding"),
    ] {
        let reply = gateway.http.with(name, value).send("POST", path, good.clone()).await;
        reply.error((status, "invalid_request_error", Some(code), None));
    }
    assert!(emulator.requests().is_empty());
    for (name, value) in [
        ("content-type", "application/json; charset=utf-8"),
        ("content-type", "APPLICATION/JSON"),
        ("x-none", "1"),
    ] {
        let reply = gateway.http.with(name, value).send("POST", path, good.clone()).await;
        assert_eq!(reply.status, 200, "{name}: {value}");
    }
}

#[tokio::test]
async fn routes_and_methods_that_are_not_there_are_errors_too() {
    let (gateway, _emulator) = Gateway::with_emulator(&[]).await;
    for path in
        ["/", "/v1", "/v1/chat", "/v1/completions", "/v2/models", "/metrics", "/v1/models/../ready", "/%00"]
    {
        let reply = gateway.http.get(path).await;
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(reply.json()["error"]["type"], "invalid_request_error", "{path}");
    }
    for (method, path, allow) in [
        ("GET", "/v1/chat/completions", "POST"),
        ("PUT", "/v1/chat/completions", "POST"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("DELETE", "/v1/models/nova", "GET, HEAD"),
        ("POST", "/health", "GET, HEAD"),
    ] {
        let reply = gateway.http.send(method, path, "").await;
        reply.error((405, "invalid_request_error", Some("method_not_allowed"), None));
        assert_eq!(reply.header("allow"), allow, "{method} {path}");
    }
}

#[tokio::test]
async fn unknown_models_are_not_found() {
    let (mut gateway, emulator) = Gateway::with_emulator(&[]).await;
    let message = gateway.http.post(&with("model", json!("gpt-9"))).await.error((
        404,
        "invalid_request_error",
        Some("model_not_found"),
        Some("model"),
    ));
    assert_eq!(message, "The model `gpt-9` does not exist or you do not have access to it.");
    assert!(emulator.requests().is_empty());
    let line = gateway.request_line();
    assert_eq!((line["end_reason"].as_str(), line.get("model")), (Some("model_not_found"), None));
}

#[tokio::test]
async fn what_has_no_effect_is_announced() {
    let (gateway, emulator) = Gateway::with_emulator(&[]).await;
    let mut body = hello("hi");
    body["seed"] = json!(1);
    body["user"] = json!("u");
    body["made_up"] = json!({ "api_base": "http://evil", "aws_access_key_id": "AKIAEVIL" });
    let reply = gateway.http.post(&body).await;
    assert_eq!((reply.status.as_u16(), reply.header("x-spicerack-ignored")), (200, "seed, user, made_up"));
    let plain = gateway.http.post(&hello("hi")).await;
    assert_eq!(plain.header("x-spicerack-ignored"), "");
    let requests = emulator.requests();
    assert_eq!(requests[0].body, requests[1].body);
    // A header cannot hold every name that a client makes up.
    body["metadata"] = json!({ "a\nb,c": "é" });
    let odd = gateway.http.post(&body).await;
    assert_eq!(odd.header("x-spicerack-ignored"), "seed, user, made_up, metadata.a?b?c");
}

#[tokio::test]
async fn what_had_to_be_changed_is_announced() {
    let emulator = bedrock_emulator::Emulator::start(bedrock_emulator::Config::default()).await.unwrap();
    let own = crate::support::params_for(&emulator);
    let params: Vec<&str> = own.iter().map(String::as_str).collect();
    let from = "bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0";
    let gateway = Gateway::start(&crate::support::manifest_of(from, &params), &[]);
    let mut body = hello("hi");
    body["temperature"] = json!(0.5);
    body["top_p"] = json!(0.5);
    let reply = gateway.http.post(&body).await;
    assert_eq!((reply.status.as_u16(), reply.header("x-spicerack-adjusted")), (200, "top_p"));
    assert_eq!(emulator.requests()[0].json()["inferenceConfig"], json!({ "temperature": 0.5 }));
}

#[tokio::test]
async fn ids_of_requests_are_the_clients_own_where_they_fit() {
    let (mut gateway, _emulator) = Gateway::with_emulator(&[]).await;
    let reply = gateway.http.with("x-request-id", "mine-1").post(&hello("hi")).await;
    assert_eq!(reply.header("x-request-id"), "mine-1");
    assert!(!reply.header("x-amzn-requestid").is_empty());
    assert_eq!(gateway.request_line()["request_id"], "mine-1");
    let reply = gateway.http.with("x-request-id", "two words").get("/v1/models").await;
    assert!(reply.header("x-request-id").starts_with("req_"));
}
