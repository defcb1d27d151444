//! More bodies than the memory of a process holds: some are read, the others are sent away, and the process lives.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Barrier;

use crate::support::{Gateway, hello, manifest, params_for, pod, spicerack};

const MIB: usize = 1024 * 1024;

/// Sends all but the end of a chunked chat, waits until all of them are so far, and ends it. Gives the reply, which may
/// come before.
async fn upload(address: SocketAddr, body: Bytes, all_sent: Arc<Barrier>) -> String {
    let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
    let sending = async move {
        // Who is refused early may not send the rest.
        let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                    transfer-encoding: chunked\r\n\r\n";
        let mut sent = writer.write_all(head.as_bytes()).await;
        for piece in body.chunks(MIB / 4) {
            let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
            if sent.is_ok() {
                sent = writer.write_all(&chunk).await;
            }
        }
        all_sent.wait().await;
        let _ = writer.write_all(b"0\r\n\r\n").await;
        writer
    };
    let reading = async {
        let mut reply = Vec::new();
        // A reset after the reply is an end as well.
        let _ = reader.read_to_end(&mut reply).await;
        String::from_utf8(reply).unwrap()
    };
    tokio::join!(sending, reading).1
}

/// Sends so many chats of a size at the same time, and gives how many were read.
async fn flood(address: SocketAddr, count: usize, size: usize) -> usize {
    // Reading it is work enough: nobody has to answer it.
    let chat = json!({ "model": "nobody", "messages": [{ "role": "user", "content": "x".repeat(size) }] });
    let (body, all_sent) = (Bytes::from(chat.to_string()), Arc::new(Barrier::new(count)));
    let replies = join_all((0..count).map(|_| upload(address, body.clone(), Arc::clone(&all_sent)))).await;
    let is_read = |reply: &&String| reply.starts_with("HTTP/1.1 404");
    for reply in replies.iter().filter(|reply| !is_read(reply)) {
        assert!(reply.starts_with("HTTP/1.1 503") && reply.contains("\"server_overloaded\""), "{reply:?}");
        assert!(
            reply.contains("retry-after: 1\r\n") && reply.contains("x-should-retry: true\r\n"),
            "{reply}"
        );
    }
    replies.iter().filter(is_read).count()
}

/// The most that a process has held, in MiB.
fn most_held(gateway: &Gateway) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<usize>().unwrap() / 1024
}

#[tokio::test]
async fn bodies_that_say_no_length_are_read_as_far_as_the_memory_goes() {
    let (gateway, _emulator) = Gateway::with_emulator_and("", &[], &["--max-memory", "160MiB"]).await;
    // Ten of them are more than there is; what each is taken for at its head is not.
    let read = flood(gateway.address, 10, 20 * MIB).await;
    assert!((1..10).contains(&read), "{read}");
    let held = most_held(&gateway);
    assert!(held < 160, "{held} MiB");
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
}

#[tokio::test]
async fn five_hundred_bodies_of_a_mebibyte_do_not_end_a_process_of_little_memory() {
    let (mut gateway, _emulator) = Gateway::with_emulator_and("", &[], &["--max-memory", "256MiB"]).await;
    let read = flood(gateway.address, 512, MIB - 1024).await;
    assert!((1..512).contains(&read), "{read}");
    let held = most_held(&gateway);
    assert!(held < 256, "{held} MiB");
    assert_eq!(gateway.http.get("/health").await.status, 200);
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
    gateway.log(|log| log["message"].as_str().is_some_and(|text| text.contains("holds too much memory")));
}

#[tokio::test]
async fn nor_one_that_may_use_few_addresses() {
    let emulator = bedrock_emulator::Emulator::start(bedrock_emulator::Config::default()).await.unwrap();
    let own = params_for(&emulator);
    let folder = pod(&manifest(&own.iter().map(String::as_str).collect::<Vec<_>>()));
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "ulimit -v 786432; exec \"$0\" \"$@\""]).arg(spicerack().get_program());
    command.env_clear().env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", "/nonexistent");
    command.stdin(Stdio::null()).arg(folder.path());
    let mut gateway = Gateway::spawn(&mut command);
    let watermark = gateway.log(|log| !log["watermark_bytes"].is_null())["watermark_bytes"].as_u64().unwrap();
    assert!(watermark < (768 * 40 / 100) << 20, "{watermark}");
    let read = flood(gateway.address, 512, MIB - 1024).await;
    assert!((1..512).contains(&read), "{read}");
    assert_eq!(gateway.http.get("/health").await.status, 200);
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
    gateway.stop();
}

#[tokio::test]
async fn the_machines_memory_is_the_limit_where_there_is_no_other() {
    let (mut gateway, _emulator) = Gateway::with_emulator(&[]).await;
    let watermark = gateway.log(|log| !log["watermark_bytes"].is_null())["watermark_bytes"].as_u64().unwrap();
    let machine = std::fs::read_to_string("/proc/meminfo").unwrap();
    let machine = machine.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap();
    let machine: u64 = machine.trim().trim_end_matches("kB").trim().parse().unwrap();
    assert!(watermark > 0 && watermark <= machine * 1024 * 80 / 100, "{watermark}");
    // Who wants none says so.
    let (gateway, _emulator) = Gateway::with_emulator_and("", &[], &["--max-memory", "0"]).await;
    let log = gateway.stop();
    assert!(!log.contains("watermark_bytes"), "{log}");
}
