//! Connections that nobody uses and clients that do not read, over a pipe and in paused time.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use http_body::Body as _;
use http_body_util::Full;
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
    (Guard::new(ours, IpAddr::from([127, 0, 0, 1]), Arc::new(gateway), activity.clone()), client, activity)
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

#[tokio::test(start_paused = true)]
async fn an_answer_waits_while_its_client_does_not_read() {
    let (mut guard, mut client, activity) = guarded();
    let mut answer = activity.begin().with(Full::new("the answer".as_bytes()));
    let context = &mut Context::from_waker(Waker::noop());
    while Pin::new(&mut guard).poll_write(context, &[b'x'; 600]).is_ready() {}
    assert!(Pin::new(&mut answer).poll_frame(context).is_pending(), "the socket is full");

    let mut taken = [0; 1024];
    client.read_exact(&mut taken).await.unwrap();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    assert!(Pin::new(&mut guard).poll_write(&mut Context::from_waker(&waker), b"more").is_ready());
    assert!(woken.0.load(Ordering::Relaxed), "so that the answer is asked again");
    assert!(Pin::new(&mut answer).poll_frame(context).is_ready(), "the socket takes something");
}

/// Notes that it was woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
