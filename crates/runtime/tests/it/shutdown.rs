//! How the process ends.

use std::time::Duration;

use bedrock_emulator::{Gate, Reply};
use http_body_util::BodyExt as _;
use runtime::http::Limits;
use serde_json::json;

use crate::limits::InProcess;
use crate::support::{Events, Gateway, hello, hello_streamed};

#[tokio::test]
async fn running_answers_end_and_new_requests_are_refused() {
    let (mut gateway, emulator) = Gateway::with_emulator(&[]).await;
    let gate = Gate::default();
    let reply = Reply::events().event("messageStart", &json!({ "role": "assistant" })).text_delta("one ");
    let reply =
        reply.wait(&gate).text_delta("two").event("messageStop", &json!({ "stopReason": "end_turn" }));
    emulator.push(reply);
    let response = gateway.http.begin("POST", "/v1/chat/completions", hello_streamed("hi").to_string()).await;
    gateway.signal("-TERM");
    gateway.log(|log| log["message"].as_str().is_some_and(|text| text.starts_with("stopping")));
    // The listener closes while the answer is still running.
    while std::net::TcpStream::connect(gateway.address).is_ok() {
        tokio::task::yield_now().await;
    }
    gate.open();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let events = Events::of(std::str::from_utf8(&body).unwrap());
    assert!(events.done);
    assert_eq!(events.content(), "one two");
    let (status, log) = gateway.ended();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[tokio::test]
async fn answers_that_do_not_end_are_cut_off_in_words() {
    let limits = Limits { drain: Duration::from_millis(50), ..Limits::default() };
    let mut server = InProcess::start(limits).await;
    let response =
        server.http.begin("POST", "/v1/chat/completions", hello_streamed("silence").to_string()).await;
    server.shutdown.drain();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let events = Events::of(std::str::from_utf8(&body).unwrap());
    assert!(!events.done);
    assert_eq!(events.error.unwrap()["code"], "server_shutting_down");
    assert_eq!(server.server.join_next().await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn whole_answers_that_do_not_end_are_refused_in_words() {
    let limits = Limits { drain: Duration::from_millis(50), ..Limits::default() };
    let mut server = InProcess::start(limits).await;
    let http = server.http.clone();
    let mut asking = tokio::task::JoinSet::new();
    asking.spawn(async move { http.post(&hello("silence")).await });
    // A second request on another connection is answered once the first one has been read.
    assert_eq!(server.http.get("/health").await.status, 200);
    let busy = server.http.begin("POST", "/v1/chat/completions", hello_streamed("silence").to_string()).await;
    server.shutdown.drain();
    let reply = asking.join_next().await.unwrap().unwrap();
    reply.error((503, "service_unavailable_error", Some("server_shutting_down"), None));
    assert_eq!(server.server.join_next().await.unwrap().unwrap(), 2);
    drop(busy);
}

#[tokio::test]
async fn a_second_signal_does_not_wait() {
    let (mut gateway, emulator) = Gateway::with_emulator(&[]).await;
    emulator.push(Reply::events().event("messageStart", &json!({ "role": "assistant" })).stall());
    let _response =
        gateway.http.begin("POST", "/v1/chat/completions", hello_streamed("hi").to_string()).await;
    gateway.signal("-INT");
    gateway.log(|log| log["message"].as_str().is_some_and(|text| text.starts_with("stopping")));
    gateway.signal("-INT");
    let (status, _) = gateway.ended();
    assert_eq!(status.code(), Some(1));
}
