//! Requests that are meant to be read differently by two readers, to reach what they may not, or to break something:
//! the bytes stand in `hostile.txt`, with what becomes of them.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Gateway, hello, hello_streamed};

const KEY: &str = "the-key";

/// How long a reply may take; a server that closes takes a moment more.
const PATIENCE: Duration = Duration::from_secs(20);

/// The bytes that a line stands for.
fn bytes(line: &str) -> Vec<u8> {
    let chat = hello("hi").to_string();
    let mut text = line.replace("{auth}", &format!("authorization: Bearer {KEY}\\r\\n"));
    text = text.replace("{len}", &chat.len().to_string()).replace("{chat}", &chat.replace('\\', "\\\\"));
    while let Some((before, rest)) = text.split_once("*").filter(|(before, _)| before.rfind('{').is_some()) {
        let (before, what) = before.rsplit_once('{').unwrap();
        let Some((count, after)) = rest.split_once('}') else { break };
        let Ok(count) = count.parse() else { break };
        text = format!("{before}{}{after}", what.repeat(count));
    }
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next().unwrap() {
                b'r' => b'\r',
                b'n' => b'\n',
                b't' => b'\t',
                b'x' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => other,
            },
            byte => byte,
        });
    }
    bytes
}

/// Reads a reply: all of it by its length, or up to the end of the connection.
async fn reply(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    let reading = async {
        loop {
            let text = String::from_utf8_lossy(&seen).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if length.is_some_and(|length| body.len() >= length.parse().unwrap()) {
                    return text;
                }
            }
            // A reset after the reply is an end as well.
            if stream.read_buf(&mut seen).await.unwrap_or(0) == 0 {
                return String::from_utf8_lossy(&seen).into_owned();
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap_or_default()
}

/// What becomes of a request, in the words of the file.
async fn outcome(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Who is refused in the middle of a head may not take the rest.
    let _ = stream.write_all(request).await;
    let text = reply(&mut stream).await;
    let status = text.split(' ').nth(1).unwrap_or("none").to_owned();
    let code = text
        .split_once("\"code\":\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or("", |(code, _)| code);
    let error = status.starts_with('4') || status.starts_with('5');
    assert!(!error || text.contains("\"invalid_request_error\""), "{text}");
    let _ = stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let kept = reply(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n");
    format!("{status} | {code} | {}", if kept { "keep" } else { "close" }).replace("|  |", "| |")
}

#[tokio::test]
async fn hostile_requests_are_refused_in_words_and_reach_nobody() {
    let top = format!("runtime:\n  auth:\n    api-key:\n      keys: ['{KEY}']\n");
    let (gateway, emulator) = Gateway::with_emulator_and(&top, &[], &[]).await;
    let lines: Vec<&str> =
        include_str!("hostile.txt").lines().filter(|line| !line.starts_with('#')).collect();
    assert!(lines.len() >= 2 * 50);
    let mut differences = Vec::new();
    for case in lines.chunks(2) {
        let calls = emulator.requests().len();
        let found = outcome(gateway.address, &bytes(case[0])).await;
        let shown: String = case[0].chars().take(160).collect();
        if found != case[1].trim() {
            differences.push(format!("{shown}\n    {found}, and not {}", case[1].trim()));
        }
        let made = emulator.requests().len() - calls;
        assert_eq!(made, usize::from(found.starts_with("200") && shown.contains("chat/")), "{shown}");
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(gateway.http.get("/health").await.status, 200);
    let log = gateway.stop();
    assert!(!log.contains(KEY) && !log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn a_stream_for_the_older_protocol_ends_with_its_connection() {
    let (gateway, emulator) = Gateway::with_emulator(&[]).await;
    let body = hello_streamed("hi").to_string();
    let head = format!("POST /v1/chat/completions HTTP/1.0\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let text = reply(&mut stream).await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.0 200 OK") || head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(!head.to_lowercase().contains("transfer-encoding"), "{head}");
    assert!(body.starts_with("data: {") && body.ends_with("\n\ndata: [DONE]\n\n"), "{body}");
    assert_eq!(emulator.requests().len(), 1);
}
