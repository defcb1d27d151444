//! How long a refusal takes, in paused time. A connection is made before: while one is made, a clock that stands still
//! runs ahead.

use std::time::Duration;

use tokio::task::JoinSet;

use super::*;

const ANSWER: &str =
    r#"{"output":{"message":{"role":"assistant","content":[{"text":"a"}]}},"stopReason":"end_turn"}"#;

/// How an upstream refuses.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    /// With a text, and how many seconds to wait, where it is said.
    Whole(Option<&'static str>),
    /// With a head, after which nothing comes.
    Stall,
    /// With a head, after which a byte comes twice a second.
    Drip,
}

/// An upstream that answers one request, and refuses all others over the same connection.
async fn refusing(status: u16, refusal: Refusal) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut server = JoinSet::new();
    server.spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut text = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{ANSWER}", ANSWER.len());
        loop {
            read(&mut socket).await;
            socket.write_all(text.as_bytes()).await.unwrap();
            let (said, length) = match refusal {
                Refusal::Whole(after) => (after.map(|after| format!("retry-after: {after}\r\n")), 2),
                Refusal::Stall | Refusal::Drip => (None, 5000),
            };
            let said = said.unwrap_or_default();
            let is_first = text.starts_with("HTTP/1.1 200");
            if !is_first {
                match refusal {
                    Refusal::Whole(_) => {}
                    Refusal::Stall => std::future::pending().await,
                    Refusal::Drip => loop {
                        tokio::time::sleep(Duration::from_millis(500)).await;
                        if socket.write_all(b" ").await.is_err() {
                            return;
                        }
                    },
                }
            }
            text = format!("HTTP/1.1 {status} X\r\n{said}content-length: {length}\r\n\r\n");
            if matches!(refusal, Refusal::Whole(_)) {
                text.push_str("{}");
            }
        }
    });
    (url, server)
}

/// Asks a model that has a connection already; says how it failed, and after how many milliseconds.
async fn refused(model: &BedrockModel, attempts: Attempts, streamed: bool) -> (Error, u128) {
    let request = Request { messages: vec![Message::user("q")], attempts, ..Request::default() };
    let began = Instant::now();
    let error = if streamed {
        model.stream(request).await.err().unwrap()
    } else {
        model.complete(request).await.err().unwrap()
    };
    (error, began.elapsed().as_millis())
}

async fn connected(url: &str, policy: Policy) -> BedrockModel {
    let model = model_at(url, "amazon.nova-lite-v1:0", policy).await;
    model.complete(Request { messages: vec![Message::user("q")], ..Request::default() }).await.unwrap();
    model
}

#[tokio::test]
async fn a_refusal_whose_text_does_not_come_is_told_by_its_status() {
    let slow = |first_event| Policy { first_event: Duration::from_millis(first_event), ..Policy::default() };
    for refusal in [Refusal::Stall, Refusal::Drip] {
        for (streamed, policy, within) in
            [(false, slow(800), 2000), (true, slow(60_000), 2000), (true, slow(800), 800)]
        {
            for (status, kind) in [(429, ErrorKind::Throttled), (503, ErrorKind::Overloaded)] {
                let (url, _server) = refusing(status, refusal).await;
                let model = connected(&url, policy).await;
                tokio::time::pause();
                let (error, took) = refused(&model, Attempts::Single, streamed).await;
                tokio::time::resume();
                assert_eq!((error.kind(), error.may_repeat()), (kind, Repeat::Safe));
                assert!((within..within + 100).contains(&took), "{refusal:?} {streamed} {took}");
            }
        }
    }
}

#[tokio::test]
async fn what_the_upstream_asks_for_is_waited_for_only_where_it_is_short() {
    // What is asked for; calls; at least and at most so many milliseconds.
    for (after, calls, least, most) in [
        (None, 3, 0, 3000),
        (Some("0"), 3, 0, 3000),
        (Some("1"), 3, 2000, 4000),
        (Some("2"), 2, 2000, 3000),
        (Some("3"), 1, 0, 0),
        (Some("5"), 1, 0, 0),
    ] {
        let (url, _server) = refusing(429, Refusal::Whole(after)).await;
        let model = connected(&url, Policy { retry_budget_percent: 100, ..Policy::default() }).await;
        tokio::time::pause();
        for streamed in [false, true].into_iter().cycle().take(40) {
            let (error, took) = refused(&model, Attempts::Configured, streamed).await;
            assert_eq!((error.kind(), error.attempt_count()), (ErrorKind::Throttled, calls), "{after:?}");
            assert_eq!(error.delay().map(|delay| delay.as_secs().to_string()).as_deref(), after);
            // The clock counts whole milliseconds.
            assert!((least..=most + 5).contains(&took), "{after:?} {took}");
        }
        tokio::time::resume();
    }
}
