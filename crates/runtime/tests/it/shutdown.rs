//! How the process ends.

use std::time::Duration;

use bedrock_emulator::{Gate, Reply};
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use runtime::http::Limits;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::limits::InProcess;
use crate::overload::number;
use crate::support::{Events, Gateway, Http, hello, hello_streamed};

/// A request by hand, whose connection is kept unless the server closes it.
fn request(method: &str, path: &str, body: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// A connection that has been used once.
async fn kept(gateway: &Gateway) -> TcpStream {
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream.write_all(request("GET", "/health", "").as_bytes()).await.unwrap();
    let mut text = Vec::new();
    while !text.ends_with(b"ok\n") {
        assert!(stream.read_buf(&mut text).await.unwrap() > 0);
    }
    stream
}

/// Everything that comes on a connection up to its end.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

async fn asked(mut stream: TcpStream, request: String) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    rest(stream).await
}

/// Tells the process to end, and waits until it takes no more connections.
async fn terminate(gateway: &mut Gateway) {
    gateway.signal("-TERM");
    gateway.log(|log| log["message"].as_str().is_some_and(|text| text.starts_with("stopping")));
    while std::net::TcpStream::connect(gateway.address).is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn open_connections_are_told_that_the_process_ends_while_an_answer_is_running() {
    let (mut gateway, emulator) = Gateway::with_emulator(&[]).await;
    let gate = Gate::default();
    let reply = Reply::events().event("messageStart", &json!({ "role": "assistant" })).text_delta("one ");
    emulator
        .push(reply.wait(&gate).text_delta("two").event("messageStop", &json!({ "stopReason": "end_turn" })));
    let mut running = TcpStream::connect(gateway.address).await.unwrap();
    let chat = request("POST", "/v1/chat/completions", &hello_streamed("hi").to_string());
    running.write_all(chat.as_bytes()).await.unwrap();
    emulator.wait_for_requests(1).await;
    let mut used = Vec::new();
    let mut fresh = Vec::new();
    for _ in 0..4 {
        used.push(kept(&gateway).await);
        fresh.push(TcpStream::connect(gateway.address).await.unwrap());
    }
    // All are accepted in turn, so once this one is served the others are.
    drop(kept(&gateway).await);
    terminate(&mut gateway).await;
    for connections in [&mut used, &mut fresh] {
        for (request, status) in [
            (request("GET", "/health", ""), "200 OK"),
            (request("GET", "/v1/ready", ""), "503 Service Unavailable"),
            (request("POST", "/v1/chat/completions", &hello("hi").to_string()), "503 Service Unavailable"),
        ] {
            let reply = asked(connections.remove(0), request.clone()).await;
            assert!(reply.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request}: {reply}");
            assert!(reply.contains("connection: close\r\n"), "{request}: {reply}");
            if request.starts_with("POST") {
                for said in ["\"server_shutting_down\"", "retry-after: 1\r\n", "x-should-retry: true\r\n"] {
                    assert!(reply.contains(said), "{reply}");
                }
            }
        }
    }
    // Those that say nothing are closed with the last answer, which closes its own connection.
    gate.open();
    assert!(rest(running).await.contains("data: [DONE]\n\n"));
    for silent in [used.remove(0), fresh.remove(0)] {
        assert_eq!(rest(silent).await, "");
    }
    assert_eq!(emulator.requests().len(), 1);
    let (status, log) = gateway.ended();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[tokio::test]
async fn a_process_that_answers_nothing_ends_at_once() {
    let (gateway, _emulator) = Gateway::with_emulator(&[]).await;
    let (used, fresh) = (kept(&gateway).await, TcpStream::connect(gateway.address).await.unwrap());
    drop(kept(&gateway).await);
    let began = tokio::time::Instant::now();
    gateway.stop();
    // Answers would have half a minute.
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    drop((used, fresh));
}

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

#[tokio::test]
async fn a_client_that_is_behind_is_told_that_its_answer_was_cut_off() {
    let limits = Limits { drain: Duration::from_millis(50), ..Limits::default() };
    let mut server = InProcess::start(limits).await;
    let flood = hello_streamed("flood").to_string();
    let response = server.http.begin("POST", "/v1/chat/completions", flood).await;
    server.shutdown.drain();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let last = &body[body.len().saturating_sub(1000)..];
    let (_, error) = std::str::from_utf8(last).unwrap().rsplit_once("data: ").unwrap();
    let error: Value = serde_json::from_str(error.trim_end()).unwrap();
    assert_eq!(error["error"]["code"], "server_shutting_down");
    assert_eq!(server.server.join_next().await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn whoever_is_cut_off_is_told_where_it_reads_and_counted_where_it_does_not() {
    let limits = Limits {
        drain: Duration::from_millis(50),
        in_flight: 1,
        queue_time: Duration::from_secs(60),
        ..Limits::default()
    };
    let mut server = InProcess::start(limits).await;
    // One takes nothing of its answer, and holds the only place.
    let flood = hello_streamed("flood").to_string();
    let held = server.http.begin("POST", "/v1/chat/completions", flood).await;
    // One waits for that place, and one has not sent its body.
    let http = Http::to(server.address);
    let mut waiting = JoinSet::new();
    waiting.spawn(async move { http.post(&hello("hi")).await });
    while number(&server.numbers, "spicerack_requests_queued").await == 0 {}
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    let head =
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n";
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut went = [0; 25];
    slow.read_exact(&mut went).await.unwrap();
    server.shutdown.drain();
    let reply = waiting.join_next().await.unwrap().unwrap();
    reply.error((503, "service_unavailable_error", Some("server_shutting_down"), None));
    assert_eq!((reply.header("retry-after"), reply.header("connection")), ("1", "close"));
    let reply = rest(slow).await;
    assert!(reply.starts_with("HTTP/1.1 503") && reply.contains("\"server_shutting_down\""), "{reply}");
    assert_eq!(server.server.join_next().await.unwrap().unwrap(), 3);
    // Nothing of them is left once the server has ended: whoever ends the process then loses no line.
    assert!(server.dropped.notified().now_or_never().is_some());
    for (model, count) in [("nova", 1), ("unknown", 2)] {
        let name = format!("spicerack_errors_total{{model=\"{model}\",kind=\"server_shutting_down\"}}");
        assert_eq!(number(&server.numbers, &name).await, count, "{model}");
        let name = format!("spicerack_errors_total{{model=\"{model}\",kind=\"client_closed\"}}");
        assert_eq!(number(&server.numbers, &name).await, 0, "{model}");
    }
    drop(held);
}

#[tokio::test]
async fn a_second_signal_loses_no_line_of_clients_that_do_not_read() {
    let (mut gateway, emulator) = Gateway::with_emulator(&[]).await;
    let (pieces, count) = (1024, 2);
    let text = "z".repeat(16 * 1024);
    let start = Reply::events().event("messageStart", &json!({ "role": "assistant" }));
    let long = (0..pieces).fold(start, |reply, _| reply.text_delta(&text));
    let mut held = Vec::new();
    for _ in 0..count {
        emulator.push(long.clone().stall());
        let mut client = TcpStream::connect(gateway.address).await.unwrap();
        let chat = request("POST", "/v1/chat/completions", &hello_streamed("hi").to_string());
        client.write_all(chat.as_bytes()).await.unwrap();
        client.read_exact(&mut [0; 64 * 1024]).await.unwrap();
        held.push(client);
    }
    // Meanwhile their sockets fill: this answer comes behind as much as one of them holds.
    emulator.push(long.close());
    assert!(gateway.http.post(&hello_streamed("hi")).await.events().error.is_some());
    gateway.signal("-TERM");
    gateway.log(|log| log["message"].as_str().is_some_and(|text| text.starts_with("stopping")));
    gateway.signal("-TERM");
    let (status, log) = gateway.ended();
    assert_eq!(status.code(), Some(1), "{log}");
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let is_held = |line: &&Value| line["message"] == "request" && line["end_reason"] != "incomplete";
    let lines: Vec<&Value> = lines.iter().filter(is_held).collect();
    assert_eq!(lines.len(), count, "{log}");
    assert!(lines.iter().all(|line| line["end_reason"] == "server_shutting_down"), "{log}");
    drop(held);
}
