//! Streams and replies that go wrong: each ends as an error that the client can see, and none with `[DONE]`.

use std::time::Duration;

use bedrock_emulator::{Ending, Gate, Reply};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::support::{Events, Gateway, hello, hello_streamed};

fn started() -> Reply {
    Reply::events().event("messageStart", &json!({ "role": "assistant" })).text_delta("half an ")
}

fn stop(reply: Reply) -> Reply {
    reply
        .event("contentBlockStop", &json!({ "contentBlockIndex": 0 }))
        .event("messageStop", &json!({ "stopReason": "end_turn" }))
}

/// A stream that fails after its first text: what is said, and in which words.
async fn breaks(reply: Reply, params: &[&str], code: &str) {
    let (mut gateway, emulator) = Gateway::with_emulator(params).await;
    emulator.push(reply);
    let reply = gateway.http.post(&hello_streamed("hi")).await;
    assert_eq!(reply.status, 200, "{code}");
    let events = reply.events();
    let error = events.error.as_ref().unwrap_or_else(|| panic!("{code}: no error in {events:?}"));
    assert_eq!(error["code"], code);
    assert_eq!(events.content(), "half an ", "{code}");
    assert!(
        !events.done && events.finish_reasons().is_empty() && events.usages().is_empty(),
        "{code}: {events:?}"
    );
    assert_eq!(emulator.requests().len(), 1, "{code}: a paid answer is not asked for again");
    let line = gateway.request_line();
    assert_eq!((&line["status"], &line["attempts"]), (&json!(200), &json!(1)), "{code}");
    assert_ne!(line["end_reason"], "completed", "{code}");
}

#[tokio::test]
async fn an_exception_in_the_middle_of_a_stream_is_an_error_event() {
    for (exception, code) in [
        ("throttlingException", "rate_limit_exceeded"),
        ("internalServerException", "upstream_error"),
        ("modelStreamErrorException", "model_stream_error"),
        ("serviceUnavailableException", "server_is_overloaded"),
        ("validationException", "invalid_request"),
        ("neverHeardOfException", "upstream_error"),
    ] {
        breaks(started().exception(exception, "no"), &[], code).await;
    }
    breaks(started().error_frame("InternalError", "no"), &[], "upstream_error").await;
}

#[tokio::test]
async fn a_stream_that_ends_early_is_an_error_event() {
    breaks(started(), &[], "upstream_incomplete").await;
    breaks(started().close(), &[], "upstream_incomplete").await;
    breaks(started().reset(), &[], "upstream_incomplete").await;
    let cut = started().cut_event(
        "contentBlockDelta",
        &json!({ "contentBlockIndex": 0, "delta": { "text": "x" } }),
        12,
    );
    breaks(cut, &[], "upstream_incomplete").await;
}

#[tokio::test]
async fn a_damaged_stream_is_an_error_event() {
    let delta = json!({ "contentBlockIndex": 0, "delta": { "text": "x" } });
    breaks(started().corrupt_event("contentBlockDelta", &delta, 300), &[], "upstream_corrupt").await;
    let length = bytes::Bytes::from_static(&[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
    breaks(started().body(length), &[], "upstream_corrupt").await;
}

#[tokio::test]
async fn a_stream_that_stalls_is_an_error_event() {
    breaks(started().stall(), &["idle_timeout: 100ms"], "upstream_timeout").await;
    breaks(started().stall(), &["request_timeout: 150ms"], "upstream_timeout").await;
}

#[tokio::test]
async fn a_failure_before_the_first_event_has_a_status_of_its_own() {
    for (reply, status, code) in [
        (Reply::events().exception("throttlingException", "slow down"), 429, "rate_limit_exceeded"),
        (Reply::events().exception("validationException", "no"), 400, "invalid_request"),
        (Reply::events().exception("modelTimeoutException", "no"), 504, "model_timeout"),
        (Reply::events(), 502, "upstream_incomplete"),
        (Reply::json(200, &json!({})), 502, "upstream_error"),
        (Reply::events().stall(), 504, "upstream_timeout"),
        (Reply::silence().stall(), 504, "upstream_timeout"),
    ] {
        let (gateway, emulator) =
            Gateway::with_emulator(&["first_event_timeout: 150ms", "max_attempts: 1"]).await;
        emulator.always(Some(reply));
        let reply = gateway.http.post(&hello_streamed("hi")).await;
        assert_eq!(reply.status, status, "{code}: {:?}", reply.body);
        assert_eq!(reply.json()["error"]["code"], code);
    }
}

#[tokio::test]
async fn a_slow_first_byte_is_waited_for() {
    let (gateway, emulator) = Gateway::with_emulator(&[]).await;
    let gate = Gate::default();
    emulator.push(stop(Reply::silence().wait(&gate).then(started())));
    let http = gateway.http.clone();
    let asking = async move { http.post(&hello_streamed("hi")).await };
    let opening = async {
        emulator.wait_for_requests(1).await;
        gate.open();
    };
    let (reply, ()) = tokio::join!(asking, opening);
    assert!(reply.events().done);
}

#[tokio::test]
async fn an_answer_without_metadata_is_complete() {
    let (gateway, emulator) = Gateway::with_emulator(&[]).await;
    emulator.push(stop(started()));
    let mut body = hello_streamed("hi");
    body["stream_options"] = json!({ "include_usage": true });
    let events = gateway.http.post(&body).await.events();
    assert!(events.done && events.error.is_none());
    assert_eq!((events.finish_reasons(), events.usages().len()), (vec!["stop"], 0));
}

#[tokio::test]
async fn nothing_spoils_an_answer_that_is_complete() {
    let delta = json!({ "contentBlockIndex": 0, "delta": { "text": "late" } });
    for (what, reply) in [
        ("unreadable metadata", stop(started()).event("metadata", &json!({ "usage": 7, "trace": [] }))),
        ("an exception", stop(started()).exception("throttlingException", "no")),
        ("a damaged frame", stop(started()).corrupt_event("metadata", &json!({}), 200)),
        ("a late delta", stop(started()).event("contentBlockDelta", &delta)),
        ("a reset", stop(started()).reset()),
        ("silence", stop(started()).event("metadata", &json!({ "usage": {} })).stall()),
    ] {
        let (mut gateway, emulator) = Gateway::with_emulator(&[]).await;
        emulator.push(reply);
        let events = gateway.http.post(&hello_streamed("hi")).await.events();
        assert!(events.done && events.error.is_none(), "{what}: {events:?}");
        assert_eq!(
            (events.content().as_str(), events.finish_reasons()),
            ("half an ", vec!["stop"]),
            "{what}"
        );
        assert_eq!(gateway.request_line()["end_reason"], "completed", "{what}");
    }
    let (gateway, emulator) = Gateway::with_emulator(&[]).await;
    let message = json!({ "role": "assistant", "content": [{ "text": "paid" }] });
    let body = json!({ "output": { "message": message }, "stopReason": "end_turn", "usage": { "outputTokens": 2.5 } });
    emulator.push(Reply::json(200, &body));
    let answer = gateway.http.post(&hello("hi")).await.json();
    assert_eq!(answer["choices"][0]["message"]["content"], "paid");
    assert_eq!(answer.get("usage"), None);
}

#[tokio::test]
async fn events_of_an_unknown_kind_are_passed_over() {
    let (gateway, emulator) = Gateway::with_emulator(&[]).await;
    let odd = started().event("somethingNew", &json!({ "x": 1 }));
    emulator.push(stop(
        odd.event("contentBlockDelta", &json!({ "contentBlockIndex": 0, "delta": { "hologram": {} } })),
    ));
    let events = gateway.http.post(&hello_streamed("hi")).await.events();
    assert!(events.done);
    assert_eq!(events.content(), "half an ");
}

#[tokio::test]
async fn failures_before_the_head_are_tried_again_and_then_told() {
    for (reply, status, code, calls) in [
        (Reply::error(429, "ThrottlingException", "Too many tokens"), 429, "rate_limit_exceeded", 3),
        (Reply::error(503, "ServiceUnavailableException", "no"), 503, "server_is_overloaded", 3),
        (Reply::error(500, "InternalServerException", "no"), 502, "upstream_error", 3),
        (Reply::error(429, "ModelNotReadyException", "no"), 503, "model_not_ready", 3),
        (Reply::error(400, "ServiceQuotaExceededException", "no"), 429, "quota_exceeded", 1),
        (Reply::error(408, "ModelTimeoutException", "no"), 504, "model_timeout", 1),
        (Reply::error(424, "ModelErrorException", "no"), 502, "model_error", 1),
        (Reply::error(404, "ResourceNotFoundException", "no"), 404, "model_not_found", 1),
        (Reply::error(403, "AccessDeniedException", "no"), 502, "upstream_access_denied", 1),
        (Reply::error(400, "ValidationException", "no"), 400, "invalid_request", 1),
        (
            Reply::error(400, "ValidationException", "Input is too long for requested model."),
            400,
            "context_length_exceeded",
            1,
        ),
        (Reply::text(502, "<html>bad gateway</html>"), 502, "upstream_error", 3),
    ] {
        let (gateway, emulator) = Gateway::with_emulator(&[]).await;
        emulator.always(Some(reply.clone()));
        let answer = gateway.http.post(&hello("hi")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["error"]["code"].as_str().unwrap()),
            (status, code)
        );
        assert_eq!(emulator.requests().len(), calls, "{code}");
        assert!(!answer.text().contains("html"), "{code}");
        let again = answer.header("x-should-retry");
        assert_eq!(
            again,
            if [429, 503].contains(&status) && code != "quota_exceeded" {
                "true"
            } else if status == 400 || status == 404 {
                ""
            } else {
                "false"
            },
            "{code}"
        );
    }
}

#[tokio::test]
async fn the_second_try_may_succeed() {
    for reply in [
        Reply::error(503, "ServiceUnavailableException", "no"),
        Reply::silence().reset(),
        Reply::silence().close(),
    ] {
        let (mut gateway, emulator) = Gateway::with_emulator(&[]).await;
        emulator.push(reply);
        assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
        assert_eq!(emulator.requests().len(), 2);
        assert_eq!(gateway.request_line()["attempts"], 2);
    }
}

#[tokio::test]
async fn a_reply_that_breaks_off_is_not_asked_for_again() {
    let whole = Reply::converse("a long answer that is cut off somewhere");
    let half = bytes::Bytes::from_static(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 400\r\n\r\n{\"output\":",
    );
    for (reply, status, code) in [
        (Reply::silence().raw(half.clone()).close(), 502, "upstream_incomplete"),
        (Reply::silence().raw(half.clone()).reset(), 502, "upstream_incomplete"),
        (Reply::silence().raw(half).stall(), 504, "upstream_timeout"),
        (Reply::json(200, &json!({ "stopReason": "end_turn" })), 502, "upstream_error"),
        (Reply::text(200, "<html>"), 502, "upstream_error"),
        (
            Reply::silence()
                .raw("HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n"),
            502,
            "upstream_error",
        ),
    ] {
        let (gateway, emulator) = Gateway::with_emulator(&["idle_timeout: 100ms"]).await;
        emulator.push(reply);
        emulator.push(whole.clone());
        let answer = gateway.http.post(&hello("hi")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["error"]["code"].as_str().unwrap()),
            (status, code)
        );
        assert_eq!(emulator.requests().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_client_that_goes_takes_the_call_with_it() {
    let (mut gateway, emulator) = Gateway::with_emulator(&[]).await;
    emulator.push(started().stall());
    let mut response =
        gateway.http.begin("POST", "/v1/chat/completions", hello_streamed("hi").to_string()).await;
    let frame = response.body_mut().frame().await.unwrap().unwrap();
    assert!(!Events::of(std::str::from_utf8(frame.data_ref().unwrap()).unwrap()).chunks.is_empty());
    drop(response);
    assert_eq!(emulator.wait_for_end(0).await, Ending::ClientClosed);
    assert_eq!(gateway.request_line()["end_reason"], "client_closed");

    // The same where nothing has been answered yet, streamed or not.
    for (index, body) in [hello("hi"), hello_streamed("hi")].into_iter().enumerate() {
        emulator.push(Reply::silence().stall());
        let http = gateway.http.clone();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move { http.post(&body).await });
        emulator.wait_for_requests(index + 2).await;
        tasks.abort_all();
        assert_eq!(emulator.wait_for_end(index + 1).await, Ending::ClientClosed);
        assert_eq!(gateway.request_line()["end_reason"], "client_closed");
    }
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_told_apart_from_one_that_fails() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let manifest = crate::support::manifest(&[
        &format!("aws_endpoint_url: http://{address}"),
        "aws_access_key_id: AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key: x",
    ]);
    let gateway = Gateway::start(&manifest, &[]);
    let reply = gateway.http.post(&hello("hi")).await;
    let message = reply.error((502, "api_error", Some("upstream_unreachable"), None));
    assert!(!message.contains(&address.port().to_string()), "{message}");
}

#[tokio::test]
async fn keep_alive_comments_bridge_a_silence() {
    // The interval is fifteen seconds in the binary, so this looks at the library that it is made of.
    let gateway = crate::limits::InProcess::start(runtime::http::Limits {
        keep_alive: Duration::from_millis(20),
        ..runtime::http::Limits::default()
    })
    .await;
    let mut response =
        gateway.http.begin("POST", "/v1/chat/completions", hello_streamed("silence").to_string()).await;
    let mut text = String::new();
    while !text.contains(": ping\n\n: ping\n\n") {
        let frame = response.body_mut().frame().await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    let value: Value = Events::of(&text).chunks[0].clone();
    assert_eq!(value["choices"][0]["delta"]["role"], "assistant");
}
