//! Scripted replies, and what becomes of them.

use std::io::ErrorKind;
use std::time::Duration;

use bedrock_emulator::{Emulator, Ending, Gate, Reply};
use serde_json::json;

use crate::client::{Connection, NOVA, Signer, emulator, events, path, saying};

async fn opened(emulator: &Emulator) -> Connection {
    let body = saying("hello").to_string();
    let request = Signer::default().request(emulator, &path(NOVA, "converse-stream"), body.as_bytes());
    let mut connection = Connection::open(emulator).await;
    connection.send(&request).await;
    connection
}

#[tokio::test]
async fn a_reset_is_seen_as_one() {
    let emulator = emulator().await;
    emulator.push(Reply::events().text_delta("a").reset());
    let mut connection = opened(&emulator).await;
    assert_eq!(connection.rest().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(emulator.wait_for_end(0).await, Ending::Completed);
}

#[tokio::test]
async fn a_client_that_leaves_a_stall_is_noticed() {
    let emulator = emulator().await;
    emulator.push(Reply::events().text_delta("a").stall());
    let mut connection = opened(&emulator).await;
    connection.until("\r\n\r\n").await;
    assert_eq!(emulator.requests().first().unwrap().ending, Ending::Pending);
    drop(connection);
    assert_eq!(emulator.wait_for_end(0).await, Ending::ClientClosed);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_head_is_noticed() {
    let emulator = emulator().await;
    let scripts = [
        Reply::silence().stall(),
        Reply::silence().wait(&Gate::default()),
        Reply::silence().delay(Duration::from_secs(3600)),
    ];
    for (index, script) in scripts.into_iter().enumerate() {
        emulator.push(script);
        let connection = opened(&emulator).await;
        emulator.wait_for_requests(index + 1).await;
        drop(connection);
        assert_eq!(emulator.wait_for_end(index).await, Ending::ClientClosed);
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_behind_further_requests() {
    let emulator = emulator().await;
    emulator.push(Reply::silence().stall());
    let mut connection = opened(&emulator).await;
    emulator.wait_for_requests(1).await;
    connection.send(b"GET / HTTP/1.1\r\n\r\n").await;
    drop(connection);
    assert_eq!(emulator.wait_for_end(0).await, Ending::ClientClosed);
    assert_eq!(emulator.requests().len(), 1);
}

#[tokio::test]
async fn a_gate_holds_a_reply_until_it_opens() {
    let emulator = emulator().await;
    let gate = Gate::default();
    emulator.push(Reply::events().body("first".into()).wait(&gate).body("second".into()));
    let mut connection = opened(&emulator).await;
    connection.until("first\r\n").await;
    assert_eq!(emulator.requests().first().unwrap().ending, Ending::Pending);
    gate.open();
    connection.until("second\r\n0\r\n\r\n").await;
    assert_eq!(emulator.wait_for_end(0).await, Ending::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_delay_lasts_as_long_as_it_says() {
    let emulator = emulator().await;
    emulator.push(Reply::stream(&["a"]).delay(Duration::from_secs(60)));
    let start = tokio::time::Instant::now();
    let mut connection = opened(&emulator).await;
    let answer = connection.answer().await;
    assert_eq!(answer.events().len(), 5);
    assert!(start.elapsed() >= Duration::from_secs(60));
}

#[tokio::test]
async fn a_reply_can_say_nothing_at_all() {
    let emulator = emulator().await;
    emulator.push(Reply::silence());
    emulator.push(Reply::silence().close());
    for index in 0..2 {
        let mut connection = opened(&emulator).await;
        assert_eq!(connection.rest().await.unwrap(), b"");
        assert_eq!(emulator.wait_for_end(index).await, Ending::Completed);
    }
}

#[tokio::test]
async fn a_chunk_can_be_cut() {
    let emulator = emulator().await;
    emulator.push(Reply::events().text_delta("a").raw("40\r\nhalf a chunk").close());
    let mut connection = opened(&emulator).await;
    let bytes = connection.rest().await.unwrap();
    assert!(bytes.ends_with(b"\r\n40\r\nhalf a chunk"));
    assert_eq!(emulator.wait_for_end(0).await, Ending::Completed);
}

#[tokio::test]
async fn a_body_shorter_than_its_length_ends_the_connection() {
    let emulator = emulator().await;
    emulator.push(Reply::silence().raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"));
    let mut connection = opened(&emulator).await;
    assert_eq!(connection.rest().await.unwrap(), b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
}

#[tokio::test]
async fn exceptions_and_errors_come_as_frames() {
    let emulator = emulator().await;
    let script = Reply::events()
        .text_delta("a")
        .exception("throttlingException", "Too many tokens.")
        .error_frame("InternalFailure", "Out of order.");
    emulator.push(script);
    let events = opened(&emulator).await.answer().await.events();
    let kinds: Vec<&str> = events.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["contentBlockDelta", "throttlingException", "InternalFailure"]);
    assert_eq!(events.get(1).unwrap().1, json!({ "message": "Too many tokens." }));
}

#[tokio::test]
async fn damaged_and_cut_frames_cannot_be_read() {
    let emulator = emulator().await;
    let payload = json!({ "stopReason": "end_turn" });
    for bit in [0, 40, 100, 900] {
        emulator.push(Reply::events().corrupt_event("messageStop", &payload, bit));
        let answer = opened(&emulator).await.answer().await;
        assert!(events(&answer.body).is_err(), "bit {bit}");
    }
    emulator.push(Reply::events().cut_event("messageStop", &payload, 20));
    let answer = opened(&emulator).await.answer().await;
    assert_eq!(answer.body.len(), 20);
    assert!(events(&answer.body).is_err());
}

#[tokio::test]
async fn scripts_are_taken_by_model_then_in_turn_then_always() {
    let emulator = emulator().await;
    emulator.always(Some(Reply::error(503, "ServiceUnavailableException", "Always.")));
    emulator.push(Reply::error(429, "ThrottlingException", "Next."));
    emulator.push_for(NOVA, Reply::error(424, "ModelErrorException", "For Nova."));
    for (status, message) in [(424, "For Nova."), (429, "Next."), (503, "Always."), (503, "Always.")] {
        let (found, _, text) = opened(&emulator).await.answer().await.error();
        assert_eq!((found, text.as_str()), (status, message));
    }
    emulator.always(None);
    assert_eq!(opened(&emulator).await.answer().await.status, 200);
}

#[tokio::test]
async fn a_refused_request_takes_no_script() {
    let emulator = emulator().await;
    emulator.push(Reply::error(429, "ThrottlingException", "Next."));
    let request = Signer::default().request(&emulator, &path(NOVA, "converse"), b"{}");
    let mut connection = Connection::open(&emulator).await;
    connection.send(&request).await;
    assert_eq!(connection.answer().await.status, 400);
    assert_eq!(opened(&emulator).await.answer().await.status, 429);
}
