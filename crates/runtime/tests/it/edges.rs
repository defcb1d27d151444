//! The last request that is taken, the first that is not, and what every reply carries.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::json;

use crate::support::{Gateway, Reply, hello, hello_streamed};

const AUTH: &str = "runtime:\n  auth:\n    api-key:\n      keys: [sk-1]\n";

/// Sends bytes, and reads the head of the reply.
fn head(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(bytes).unwrap();
    read_head(&mut stream)
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn heads_are_taken_up_to_their_limits_and_not_beyond() {
    let (gateway, _emulator) = Gateway::with_emulator(&[]).await;
    let of_length = |length: usize| {
        let around = "GET /health HTTP/1.1\r\nhost: localhost\r\nx: \r\n\r\n";
        around.replace("x: ", &format!("x: {}", "a".repeat(length - around.len())))
    };
    let with_headers = |count: usize| {
        format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "a: b\r\n".repeat(count - 1))
    };
    let with_target = |length: usize| {
        format!("GET /health?{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(length - "/health?".len()))
    };
    for (fits, beyond, refusal) in [
        (of_length(64 * 1024), of_length(64 * 1024 + 1), "431 Request Header Fields Too Large"),
        (with_headers(100), with_headers(101), "431 Request Header Fields Too Large"),
        (with_target(8 * 1024), with_target(8 * 1024 + 1), "414 URI Too Long"),
    ] {
        let reply = head(gateway.address, fits.as_bytes());
        assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply} for {}", fits.len());
        let reply = head(gateway.address, beyond.as_bytes());
        assert!(reply.starts_with(&format!("HTTP/1.1 {refusal}\r\n")), "{reply} for {}", beyond.len());
    }
}

// The emulator answers on another thread while this one waits for the reply.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_refused_is_not_asked_for_a_body() {
    let (gateway, emulator) = Gateway::with_emulator_and(AUTH, &[], &[]).await;
    let body = hello("hi").to_string();
    let asking = |headers: &str, length: usize| {
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n{headers}content-length: {length}\r\n\r\n"
        )
    };
    let auth = "authorization: Bearer sk-1\r\n";
    for (request, status) in [
        (asking("", body.len()), "401"),
        (asking("authorization: Bearer sk-2\r\n", body.len()), "401"),
        (asking(auth, 99_999_999), "413"),
        (asking(&format!("{auth}content-encoding: gzip\r\n"), body.len()), "415"),
        (asking(auth, body.len()).replace("completions", "nowhere"), "404"),
    ] {
        let reply = head(gateway.address, request.as_bytes());
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{reply} to {request}");
    }
    assert!(emulator.requests().is_empty());
    let mut stream = TcpStream::connect(gateway.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(asking(auth, body.len()).as_bytes()).unwrap();
    assert_eq!(read_head(&mut stream), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).unwrap();
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn replies_carry_what_they_should_and_nothing_of_the_server() {
    let (gateway, _emulator) = Gateway::with_emulator_and(AUTH, &[], &[]).await;
    let http = gateway.http.with("authorization", "Bearer sk-1");
    let mut ignored = hello("hi");
    ignored["seed"] = json!(1);
    let json = "application/json";
    let replies: [(Reply, &str, &[&str]); 9] = [
        (http.post(&hello("hi")).await, json, &["x-amzn-requestid"]),
        (http.post(&ignored).await, json, &["x-amzn-requestid", "x-spicerack-ignored"]),
        (
            http.post(&hello_streamed("hi")).await,
            "text/event-stream; charset=utf-8",
            &["x-accel-buffering", "x-amzn-requestid"],
        ),
        (http.get("/v1/models").await, json, &[]),
        (http.get("/health").await, "text/plain; charset=utf-8", &[]),
        (http.get("/v1/ready").await, "text/plain; charset=utf-8", &[]),
        (gateway.http.get("/v1/models").await, json, &["www-authenticate"]),
        (http.get("/nowhere").await, json, &[]),
        (http.send("DELETE", "/v1/models", "").await, json, &["allow"]),
    ];
    for (reply, kind, more) in replies {
        assert_eq!(reply.header("content-type"), kind, "{reply:?}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{reply:?}");
        assert!(reply.header("cache-control").contains("no-store"), "{reply:?}");
        let usual = [
            "cache-control",
            "content-length",
            "content-type",
            "date",
            "transfer-encoding",
            "x-content-type-options",
            "x-request-id",
        ];
        for name in reply.headers.keys().map(http::HeaderName::as_str) {
            assert!(usual.contains(&name) || more.contains(&name), "{name}: {reply:?}");
        }
        for name in more {
            assert!(reply.headers.contains_key(*name), "{name}: {reply:?}");
        }
    }
}
