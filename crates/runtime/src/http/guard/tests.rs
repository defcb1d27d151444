//! Connections that nobody uses, over a pipe and in paused time.

use std::future::poll_fn;

use model_registry::ModelRegistry;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::*;
use crate::clock::Clock;
use crate::http::{Door, Limits};
use crate::shutdown::Shutdown;

fn guarded() -> (Guard<DuplexStream>, DuplexStream, Activity) {
    let registry: ModelRegistry = std::iter::empty().collect();
    let clock = Clock::new(|| 1_700_000_000);
    let gateway = Gateway::new(registry, Door::default(), Limits::default(), clock, Shutdown::default());
    let (ours, client) = tokio::io::duplex(1024);
    let activity = Activity::default();
    (Guard::new(ours, Arc::new(gateway), activity.clone()), client, activity)
}

/// Whether reading waits on.
async fn waits(guard: &mut Guard<DuplexStream>) -> bool {
    let (mut bytes, mut waits) = ([0; 64], false);
    let mut buffer = ReadBuf::new(&mut bytes);
    poll_fn(|context| {
        waits = Pin::new(&mut *guard).poll_read(context, &mut buffer).is_pending();
        Poll::Ready(())
    })
    .await;
    waits
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_idle_from_its_last_byte_on_and_not_while_an_answer_is_worked_on() {
    let (mut guard, mut client, activity) = guarded();
    let idle = Limits::default().idle_time;
    let almost = idle - std::time::Duration::from_millis(10);

    // A whole head, so that none is arriving.
    client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    tokio::time::advance(almost).await;
    let mut request = [0; 27];
    guard.read_exact(&mut request).await.unwrap();
    tokio::time::advance(almost).await;
    assert!(waits(&mut guard).await, "it was used a moment before");

    let answering = activity.begin();
    for _ in 0..3 {
        tokio::time::advance(idle * 2).await;
        assert!(waits(&mut guard).await, "an answer is worked on");
    }
    guard.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    drop(answering);
    tokio::time::advance(almost).await;
    assert!(waits(&mut guard).await, "the answer has just ended");
    tokio::time::advance(idle).await;
    let ended = guard.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
}
