//! Clients that take nothing, or ask for nothing, over a pipe and in paused time.

use std::net::{IpAddr, Ipv4Addr};

use chat::{
    BoxFuture, ChatModel, Completion, Event, FinishReason, Head, Readiness, Request, Response, Streaming,
};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::TokioExecutor;
use model_registry::{Entry, ModelRegistry, RemoteContent, Summary};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::Notify;

use super::*;
use crate::clock::Clock;
use crate::http::{Door, Limits};
use crate::shutdown::Shutdown;

/// A model whose whole answers are long, and whose streams have no end.
#[derive(Debug)]
struct Flood(Arc<Notify>);

struct NotifyOnDrop(Arc<Notify>);

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl ChatModel for Flood {
    fn complete(&self, _: Request) -> BoxFuture<'_, chat::Result<Completion>> {
        let response = Response {
            text: Some("x".repeat(1024 * 1024)),
            reasoning: Vec::new(),
            tool_calls: Vec::new(),
            finish_reason: FinishReason::Stop,
            metadata: chat::Metadata::default(),
        };
        Box::pin(std::future::ready(Ok(Completion { head: Head::default(), response })))
    }

    fn stream(&self, _: Request) -> BoxFuture<'_, chat::Result<Streaming>> {
        let guard = NotifyOnDrop(Arc::clone(&self.0));
        let flood = futures_util::stream::repeat_with(move || {
            let _ = &guard;
            Ok(Event::Text("x".repeat(1024)))
        });
        let started = futures_util::stream::iter([Ok(Event::Started)]);
        let events = futures_util::StreamExt::chain(started, flood);
        Box::pin(std::future::ready(Ok(Streaming { head: Head::default(), events: Box::pin(events) })))
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }
}

/// A connection whose both ends run here.
struct Pair {
    client: SendRequest<Full<Bytes>>,
    gateway: Arc<Gateway>,
    /// Ends with the connection.
    tasks: JoinSet<()>,
    dropped: Arc<Notify>,
}

/// A gateway, and a connection to it that is served by a task.
fn served(registry: ModelRegistry) -> (Arc<Gateway>, DuplexStream, JoinSet<()>) {
    let clock = Clock::new(|| 1_700_000_000);
    let gateway = Gateway::new(registry, Door::default(), Limits::default(), clock, Shutdown::default());
    let gateway = Arc::new(gateway);
    let application = Application::new(Arc::clone(&gateway));
    let (one, other) = tokio::io::duplex(64 * 1024);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let peer = Peer { address: IpAddr::V4(Ipv4Addr::LOCALHOST), encrypted: true };
        let _ = serve(other, peer, &application).await;
    });
    (gateway, one, tasks)
}

impl Pair {
    async fn new() -> Self {
        let dropped = Arc::new(Notify::new());
        let entry = Entry {
            name: "nova".into(),
            from: "test:flood".into(),
            provider: "test",
            description: None,
            model: Arc::new(Flood(Arc::clone(&dropped))),
            remote: RemoteContent::Denied,
            limiter: None,
            summary: Summary::default(),
            breaker: Arc::default(),
            keeps_sessions: false,
        };
        let (gateway, one, mut tasks) = served([entry].into_iter().collect());
        let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(64 * 1024);
        let (client, connection) = builder.handshake(TokioIo::new(one)).await.unwrap();
        tasks.spawn(async move { drop(connection.await) });
        Self { client, gateway, tasks, dropped }
    }

    async fn ask(&mut self, stream: bool) -> Incoming {
        let body =
            format!(r#"{{"model":"nova","stream":{stream},"messages":[{{"role":"user","content":"hi"}}]}}"#);
        let request = http::Request::post("https://localhost/v1/chat/completions");
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        let response = self.client.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        response.into_body()
    }

    fn too_slow(&self) -> bool {
        let page = self.gateway.metrics.text(crate::metrics::Now::default()).unwrap();
        !page.contains("spicerack_connection_timeouts_total{phase=\"write\"} 0")
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_client_takes_nothing_is_reset_and_its_call_ends() {
    let mut pair = Pair::new().await;
    let mut body = pair.ask(true).await;
    assert!(body.frame().await.unwrap().is_ok());
    let began = Instant::now();
    pair.dropped.notified().await;
    assert_eq!(began.elapsed().as_secs(), pair.gateway.limits.write_time.as_secs());
    // What was on its way comes, and then the end.
    while let Some(Ok(_)) = body.frame().await {}
    assert!(pair.too_slow());
    // The connection serves others.
    assert!(pair.ask(true).await.frame().await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_is_not_kept_for_a_client_that_does_not_take_it() {
    let mut pair = Pair::new().await;
    let mut body = pair.ask(false).await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert!(pair.too_slow());
    let mut length = 0;
    let ended = loop {
        match body.frame().await {
            Some(Ok(frame)) => length += frame.into_data().unwrap().len(),
            Some(Err(_)) => break "early",
            None => break "well",
        }
    };
    assert_eq!(ended, "early");
    assert!(length < 1024 * 1024, "{length}");
    let whole = pair.ask(false).await.collect().await.unwrap().to_bytes();
    assert!(whole.len() > 1024 * 1024 && whole.ends_with(b"}"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_keeps_its_stream() {
    let mut pair = Pair::new().await;
    let mut body = pair.ask(true).await;
    // Clients tell what they have taken once it is half of a window, which is several of these.
    let mut taken = 0;
    for seconds in 0..300 {
        while taken < seconds * 2048 {
            taken += body.frame().await.unwrap().unwrap().into_data().unwrap().len();
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(!pair.too_slow());
}

#[tokio::test(start_paused = true)]
async fn a_stream_may_send_64_kib_ahead_and_a_connection_a_mebibyte() {
    let (_gateway, mut client, _tasks) = served(ModelRegistry::default());
    // The preface, and settings that ask for nothing.
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let (mut stream, mut connection) = (None, 65_535);
    while stream.is_none() || connection == 65_535 {
        let mut head = [0; 9];
        client.read_exact(&mut head).await.unwrap();
        let mut payload = vec![0; usize::from(head[2])];
        client.read_exact(&mut payload).await.unwrap();
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
        match head[3] {
            // An acknowledgement has no settings in it.
            4 if head[4] == 0 => {
                let window = payload.chunks(6).find(|setting| setting[..2] == [0, 4]).unwrap();
                stream = Some(number(&window[2..]));
            }
            8 => connection += number(&payload),
            _ => {}
        }
    }
    assert_eq!((stream, connection), (Some(64 * 1024), 1024 * 1024));
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_stream_is_closed() {
    let mut pair = Pair::new().await;
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs(60)).await;
    drop(pair.ask(false).await.collect().await.unwrap());
    // The client's end lives as long as it may send.
    while pair.tasks.join_next().await.is_some() {}
    let idle = pair.gateway.limits.idle_time.as_secs();
    assert_eq!(began.elapsed().as_secs(), 60 + idle);
}
