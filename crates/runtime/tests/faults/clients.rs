//! F50 to F59: clients that go, stall, flood, or speak in an unusual way.

use std::net::SocketAddr;

use fault_kit::{How, Reply, Upstream};
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::case::{FORMS, PIECES, Run, answer, started, stopped};
use crate::lane::{API_KEY, Lane, chat, manifest};
use crate::support::Events;

/// The bytes of a chat.
fn request(id: &str, stream: bool) -> String {
    let body = chat("nova", stream).to_string();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {API_KEY}\r\n\
         x-request-id: {id}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A client by hand.
async fn connected(address: SocketAddr, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream
}

fn leave(stream: TcpStream, how: How) {
    if how == How::Rst {
        stream.set_zero_linger().unwrap();
    }
    drop(stream);
}

/// Reads until so much has come.
async fn read_until(stream: &mut TcpStream, what: &str) -> String {
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains(what) {
        assert!(stream.read_buf(&mut text).await.unwrap() > 0, "{}", String::from_utf8_lossy(&text));
    }
    String::from_utf8(text).unwrap()
}

/// The client goes while an answer is under way: so does the call, and it is not made again.
async fn goes(run: &Run, streamed: bool, reply: impl Fn() -> Reply, reads: &str) {
    let mut lane = Lane::start().await;
    for round in 0..run.count(2, 20) {
        for (how, reused) in [(How::Fin, false), (How::Rst, false), (How::Fin, true), (How::Rst, true)] {
            let about = format!("a client that goes by {how:?}, round {round}");
            lane.is_well(streamed, reused, &about).await;
            let (calls, id) = (lane.upstream.requests().len(), lane.name());
            lane.upstream.push(reply());
            let mut client = connected(lane.gateway.address, &request(&id, streamed)).await;
            lane.upstream.wait_for_requests(calls + 1).await;
            if !reads.is_empty() {
                read_until(&mut client, reads).await;
            }
            leave(client, how);
            let ending = lane.upstream.wait_for_end(calls).await;
            assert_eq!(ending, bedrock_emulator::Ending::ClientClosed, "{about}");
            let line = lane.line(&id);
            assert_eq!(
                (&line["end_reason"], &line["attempts"]),
                (&json!("client_closed"), &json!(1)),
                "{about}"
            );
            lane.holds(&about).await;
            assert_eq!(lane.upstream.requests().len(), calls + 1, "{about}: called again");
        }
    }
    lane.stop_and(&[]);
}

pub(crate) async fn before_the_head(run: Run) {
    goes(&run, false, || Reply::silence().stall(), "").await;
    goes(&run, true, || Reply::silence().stall(), "").await;
}

pub(crate) async fn in_the_middle(run: Run) {
    goes(&run, true, || started(2).stall(), PIECES[1]).await;
}

pub(crate) async fn of_a_whole_answer(run: Run) {
    let half =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9000\r\n\r\n{\"output\":";
    goes(&run, false, || Reply::silence().raw(half).stall(), "").await;
}

pub(crate) async fn half_closed(run: Run) {
    let mut lane = Lane::start().await;
    for (stream, reused) in FORMS.into_iter().take(run.count(4, 4)) {
        lane.is_well(stream, reused, "the start").await;
        let (calls, id) = (lane.upstream.requests().len(), lane.name());
        lane.upstream.push(Reply::silence().stall());
        let mut client = connected(lane.gateway.address, &request(&id, stream)).await;
        lane.upstream.wait_for_requests(calls + 1).await;
        client.shutdown().await.unwrap();
        lane.upstream.wait_for_end(calls).await;
        assert_eq!(client.read(&mut [0; 16]).await.unwrap(), 0);
        assert_eq!(lane.line(&id)["end_reason"], "client_closed");
        drop(client);
        lane.holds("a client that ended its side").await;
    }
    lane.stop_and(&[]);
}

/// The size of the pieces of long answers.
const PIECE: usize = 16 * 1024;

/// An answer of so many pieces, without an end.
fn long(pieces: usize) -> Reply {
    let text = "z".repeat(PIECE);
    let start = Reply::events().event("messageStart", &json!({ "role": "assistant" }));
    (0..pieces).fold(start, |reply, _| reply.text_delta(&text))
}

pub(crate) async fn slow_reader(run: Run) {
    let mut lane = Lane::start().await;
    lane.rest.at_once = 2;
    for reused in [false, true].into_iter().take(run.count(1, 2)) {
        lane.is_well(true, reused, "the start").await;
        let sent = |lane: &Lane| -> u64 {
            lane.upstream.proxy.connections().iter().map(|connection| connection.down).sum()
        };
        let (before, sent_before, id) = (lane.size(), sent(&lane), lane.name());
        // What is not read stays with the upstream, but for what the system keeps on the way: it may be 30 MiB.
        let pieces = run.count(512, 4096);
        lane.upstream.push(stopped(long(pieces)));
        let http = lane.http.with("x-request-id", &id);
        let answer = http.begin("POST", "/v1/chat/completions", chat("lively", true).to_string()).await;
        // Nobody reads for longer than the upstream may be silent, as another request shows.
        for _ in 0..2 {
            lane.upstream.push(Reply::silence().stall());
            let (seen, line) = lane.ask("hasty", true).await;
            assert_eq!((seen.status, &line["end_reason"]), (504, &"timeout".into()), "{seen:?}");
        }
        let grown = lane.size().saturating_sub(before);
        assert!(grown <= 6 * 1024, "a client that does not read costs {grown} KiB");
        let sent = sent(&lane) - sent_before;
        assert!(!run.whole || sent < 48 << 20, "the upstream could send {sent} bytes");
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        let events = Events::of(std::str::from_utf8(&text).unwrap());
        assert!(events.done && events.error.is_none(), "it was not the upstream's fault: {:?}", events.error);
        assert_eq!(events.content().len(), pieces * PIECE);
        assert_eq!(lane.line(&id)["end_reason"], "completed");
        lane.holds("a client that reads late").await;
    }
    lane.stop();
}

pub(crate) async fn slow_readers(run: Run) {
    let count = run.count(1, 300);
    let upstream = Upstream::start().await.unwrap();
    let url = upstream.url();
    // What the system keeps for them grows for a while, and the time for a whole answer must not end before.
    let manifest = manifest(&url, "5s").replace("request_timeout: 50s", "request_timeout: 300s");
    let mut lane = Lane::with(upstream, &manifest, &["--max-in-flight", "1000"]);
    let before = lane.size();
    lane.upstream.always(Some(long(4096)));
    let mut clients = Vec::new();
    for _ in 0..count {
        let id = lane.name();
        clients.push(connected(lane.gateway.address, &request(&id, true)).await);
    }
    lane.upstream.wait_for_requests(count).await;
    // Nobody reads. After thirty seconds each is let go, and its call with it.
    for index in 0..count {
        lane.upstream.wait_for_end(index).await;
    }
    let grown = lane.size().saturating_sub(before);
    let bound = u64::try_from(count).unwrap() * 512 + 16 * 1024;
    assert!(grown <= bound, "{count} clients that do not read cost {grown} KiB");
    for connection in lane.upstream.proxy.connections() {
        assert!(connection.down < 32 << 20, "the upstream could send {} bytes", connection.down);
    }
    lane.upstream.always(None);
    drop(clients);
    lane.holds("clients that do not read").await;
    lane.is_well(true, true, "clients that do not read").await;
    let log = lane.stop_and(&[]);
    assert_eq!(log.matches("\"end_reason\":\"client_closed\"").count(), count, "{log}");
}

pub(crate) async fn slow_senders(run: Run) {
    let upstream = Upstream::start().await.unwrap();
    let url = upstream.url();
    let mut lane = Lane::with(upstream, &manifest(&url, "5s"), &["--max-in-flight", "1000"]);
    let mut heads = Vec::new();
    let mut bodies = Vec::new();
    for index in 0..run.count(2, 100) {
        let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nx-slow: ";
        heads.push(connected(lane.gateway.address, head).await);
        let authorization = format!("authorization: Bearer {API_KEY}\r\n");
        let body = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n{authorization}x-request-id: slow-{index}\r\n\
             content-length: 90\r\n\r\n{{\"model\""
        );
        bodies.push(connected(lane.gateway.address, &body).await);
        lane.know(&format!("slow-{index}"));
    }
    lane.is_well(true, true, "clients that send slowly").await;
    for mut head in heads {
        assert_eq!(head.read(&mut [0; 16]).await.unwrap_or(0), 0, "a head that does not end is answered");
    }
    lane.is_well(true, true, "heads that do not end").await;
    for mut body in bodies {
        let mut text = String::new();
        let _ = body.read_to_string(&mut text).await;
        assert!(text.starts_with("HTTP/1.1 408 ") && text.contains("\"request_timeout\""), "{text}");
    }
    lane.is_well(true, true, "bodies that do not end").await;
    lane.holds("clients that send slowly").await;
    lane.stop_and(&["model"]);
}

pub(crate) async fn many_connections(run: Run) {
    let upstream = Upstream::start().await.unwrap();
    let url = upstream.url();
    let mut lane = Lane::with(upstream, &manifest(&url, "5s"), &["--max-connections", "8"]);
    // This connection is there before the flood.
    lane.upstream.always(Some(answer(false)));
    let first = lane.name();
    let mut open = connected(lane.gateway.address, &request(&first, false)).await;
    read_until(&mut open, PIECES[3]).await;
    let mut flood = Vec::new();
    for _ in 0..run.count(40, 1000) {
        // Where the queue is full as well, this waits, which is as good as any refusal.
        let connecting = TcpStream::connect(lane.gateway.address);
        if let Ok(Ok(stream)) = tokio::time::timeout(std::time::Duration::from_millis(50), connecting).await {
            flood.push(stream);
        }
    }
    for _ in 0..5 {
        let id = lane.name();
        open.write_all(request(&id, false).as_bytes()).await.unwrap();
        read_until(&mut open, PIECES[3]).await;
        assert_eq!(lane.line(&id)["end_reason"], "completed");
    }
    drop(flood);
    lane.upstream.always(None);
    let mut late = connected(lane.gateway.address, "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    read_until(&mut late, "ok\n").await;
    lane.holds("a flood of connections").await;
    lane.stop();
}

pub(crate) async fn pipelined(run: Run) {
    let mut lane = Lane::start().await;
    let pairs = run.count(50, 500);
    let get = |path: &str| {
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {API_KEY}\r\n\r\n")
    };
    let all = (get("/health") + &get("/nowhere")).repeat(pairs);
    let mut client = connected(
        lane.gateway.address,
        &(all + "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"),
    )
    .await;
    let mut text = String::new();
    client.read_to_string(&mut text).await.unwrap();
    let statuses: Vec<&str> = text.lines().filter(|line| line.contains("HTTP/1.1 ")).collect();
    assert_eq!(statuses.len(), 2 * pairs + 1);
    for (index, line) in statuses.iter().enumerate() {
        let status = if index % 2 == 0 { "HTTP/1.1 200 OK" } else { "HTTP/1.1 404 Not Found" };
        assert!(line.ends_with(status), "the answer to request {index} is {line}");
    }
    // Chats as well, each answered once.
    lane.upstream.always(Some(answer(false)));
    let ids: Vec<String> = (0..20).map(|_| lane.name()).collect();
    let all: String = ids.iter().map(|id| request(id, false)).collect();
    let mut client = connected(lane.gateway.address, &all).await;
    let mut seen = Vec::new();
    while String::from_utf8_lossy(&seen).matches(PIECES[0]).count() < ids.len() {
        assert!(client.read_buf(&mut seen).await.unwrap() > 0);
    }
    let text = String::from_utf8(seen).unwrap();
    let places: Vec<usize> =
        ids.iter().map(|id| text.find(&format!("x-request-id: {id}\r\n")).unwrap()).collect();
    assert!(places.is_sorted(), "answers out of order: {places:?}");
    assert_eq!(lane.upstream.requests().len(), ids.len());
    lane.upstream.always(None);
    lane.holds("requests in one write").await;
    drop(client);
    lane.stop();
}
