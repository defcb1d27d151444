//! What is said of failures, and when they do not matter any more. What goes wrong is a row of the target `faults`.

use std::time::Duration;

use bedrock_emulator::Reply;
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

#[tokio::test]
async fn a_stream_ends_with_the_time_of_its_request() {
    let (mut gateway, emulator) = Gateway::with_emulator(&["request_timeout: 150ms"]).await;
    emulator.push(started().stall());
    let events = gateway.http.post(&hello_streamed("hi")).await.events();
    assert_eq!(events.error.as_ref().unwrap()["code"], "upstream_timeout");
    assert!(!events.done && events.content() == "half an ", "{events:?}");
    assert_eq!(gateway.request_line()["end_reason"], "timeout");
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
