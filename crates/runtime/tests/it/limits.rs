//! How much is taken from clients, and how long they are waited for.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use chat::{
    BoxFuture, ChatModel, Completion, Event, FinishReason, Head, Readiness, Request, Response, Streaming,
};
use model_registry::{Entry, ModelRegistry, Summary};
use runtime::http::{Door, Gateway as Shared, Limits, serve, serve_metrics};
use runtime::{Clock, Shutdown};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::overload::number;
use crate::support::{Http, hello, hello_streamed};

/// The server as a library, with limits of the test's own.
pub(crate) struct InProcess {
    pub(crate) address: SocketAddr,
    pub(crate) http: Http,
    pub(crate) shutdown: Shutdown,
    pub(crate) server: JoinSet<usize>,
    /// The server of its numbers.
    pub(crate) numbers: Http,
    _numbers: JoinSet<()>,
    /// Fires when the model's endless answer has been dropped.
    pub(crate) dropped: Arc<Notify>,
}

impl InProcess {
    pub(crate) async fn start(limits: Limits) -> Self {
        let dropped = Arc::new(Notify::new());
        let entry = Entry {
            name: "nova".into(),
            from: "test:echo".into(),
            provider: "test",
            description: None,
            model: Arc::new(Echo { dropped: Arc::clone(&dropped) }),
            remote: model_registry::RemoteContent::Denied,
            limiter: None,
            summary: Summary::default(),
            breaker: Arc::default(),
            keeps_sessions: false,
        };
        let registry: ModelRegistry = [entry].into_iter().collect();
        let shutdown = Shutdown::default();
        let clock = Clock::new(|| 1_700_000_000);
        let shared = Arc::new(Shared::new(registry, Door::default(), limits, clock, shutdown.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&shared)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let numbers = Http::to(listener.local_addr().unwrap());
        let mut metrics = JoinSet::new();
        metrics.spawn(serve_metrics(listener, shared));
        Self { address, http: Http::to(address), shutdown, server, numbers, _numbers: metrics, dropped }
    }

    /// How many clients were too slow at something.
    async fn too_slow(&self, phase: &str) -> u64 {
        number(&self.numbers, &format!("spicerack_connection_timeouts_total{{phase=\"{phase}\"}}")).await
    }
}

/// A model that repeats, begins and says nothing, never ends, or panics.
#[derive(Debug)]
struct Echo {
    dropped: Arc<Notify>,
}

struct NotifyOnDrop(Arc<Notify>);

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Echo {
    fn text(request: &Request) -> String {
        let Some(chat::Message::User(parts)) = request.messages.last() else { return String::new() };
        let text = parts.last().and_then(chat::Part::as_text).unwrap_or_default();
        assert_ne!(text, "panic", "a defect");
        text.to_owned()
    }
}

impl ChatModel for Echo {
    fn complete(&self, request: Request) -> BoxFuture<'_, chat::Result<Completion>> {
        Box::pin(async move {
            let text = Some(Self::text(&request));
            if text.as_deref() == Some("silence") {
                std::future::pending::<()>().await;
            }
            let response = Response {
                text,
                reasoning: Vec::new(),
                tool_calls: Vec::new(),
                finish_reason: FinishReason::Stop,
                metadata: chat::Metadata::default(),
            };
            Ok(Completion { head: Head::default(), response })
        })
    }

    fn stream(&self, request: Request) -> BoxFuture<'_, chat::Result<Streaming>> {
        Box::pin(async move {
            let text = Self::text(&request);
            if text == "flood" {
                let guard = NotifyOnDrop(Arc::clone(&self.dropped));
                let flood = futures_util::stream::repeat_with(move || {
                    let _ = &guard;
                    Ok(Event::Text("x".repeat(64 * 1024)))
                });
                let started = futures_util::stream::iter([Ok(Event::Started)]);
                let events = futures_util::StreamExt::chain(started, flood);
                return Ok(Streaming { head: Head::default(), events: Box::pin(events) });
            }
            if text == "late panic" {
                let started =
                    futures_util::stream::iter([Ok(Event::Started), Ok(Event::Text("half".into()))]);
                let defect = futures_util::stream::poll_fn(move |_| panic!("a defect in {text}"));
                let events = futures_util::StreamExt::chain(started, defect);
                return Ok(Streaming { head: Head::default(), events: Box::pin(events) });
            }
            let silent = text == "silence";
            let mut events = vec![Ok(Event::Started)];
            if !silent {
                events.extend([Ok(Event::Text(text)), Ok(Event::Finished(FinishReason::Stop))]);
            }
            let events = futures_util::stream::iter(events);
            let events: chat::EventStream = if silent {
                use futures_util::StreamExt as _;
                Box::pin(events.chain(futures_util::stream::pending()))
            } else {
                Box::pin(events)
            };
            Ok(Streaming { head: Head::default(), events })
        })
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }
}

/// Sends bytes, and reads until the server closes.
fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut reply = Vec::new();
    // A reset after the reply is a close as well.
    let _ = stream.read_to_end(&mut reply);
    String::from_utf8(reply).unwrap()
}

async fn raw_in(server: &InProcess, bytes: &'static [u8]) -> String {
    let address = server.address;
    tokio::task::spawn_blocking(move || raw(address, bytes)).await.unwrap()
}

#[tokio::test]
async fn a_head_that_trickles_in_is_not_waited_for() {
    let limits = Limits { head_time: Duration::from_millis(100), ..Limits::default() };
    let server = InProcess::start(limits).await;
    assert_eq!(raw_in(&server, b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n").await, "");
    assert_eq!(server.http.get("/health").await.status, 200);
    assert_eq!(server.too_slow("head").await, 1);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_let_go_and_its_call_with_it() {
    let server =
        InProcess::start(Limits { write_time: Duration::from_millis(100), ..Limits::default() }).await;
    let response =
        server.http.begin("POST", "/v1/chat/completions", hello_streamed("flood").to_string()).await;
    server.dropped.notified().await;
    drop(response);
    assert_eq!(server.too_slow("write").await, 1);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let limits = Limits { idle_time: Duration::from_millis(100), ..Limits::default() };
    let server = InProcess::start(limits).await;
    let reply = raw_in(&server, b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n") && reply.ends_with("ok\n"), "{reply}");
}

#[tokio::test]
async fn a_body_that_trickles_in_is_not_waited_for() {
    let limits = Limits { body_time: Duration::from_millis(100), ..Limits::default() };
    let server = InProcess::start(limits).await;
    let reply =
        raw_in(&server, b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{")
            .await;
    assert!(reply.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{reply}");
    assert!(reply.contains("connection: close\r\n") && reply.contains("\"request_timeout\""), "{reply}");
    assert_eq!(server.too_slow("body").await, 1);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_one_at_the_limit_is_read() {
    let server = InProcess::start(Limits { body: 1000, ..Limits::default() }).await;
    let mut body = hello("hi").to_string();
    let padding = " ".repeat(1000 - body.len());
    body.push_str(&padding);
    assert_eq!(server.http.send("POST", "/v1/chat/completions", body.clone()).await.status, 200);
    body.push(' ');
    let reply = server.http.send("POST", "/v1/chat/completions", body).await;
    reply.error((413, "invalid_request_error", Some("request_too_large"), None));

    // Of a chunked body the size is known only at its end.
    let mut chunked =
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..20 {
        chunked.extend_from_slice(b"40\r\n");
        chunked.extend_from_slice(&[b' '; 64]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let reply = raw_in(&server, Vec::leak(chunked)).await;
    assert!(reply.starts_with("HTTP/1.1 413 Payload Too Large\r\n"), "{reply}");
}

#[tokio::test]
async fn a_refused_upload_is_answered_although_the_client_sends_all_of_it_first() {
    let server = InProcess::start(Limits::default()).await;
    let body = vec![b' '; 40 * 1024 * 1024];
    let reply = server.http.send("POST", "/v1/chat/completions", body).await;
    reply.error((413, "invalid_request_error", Some("request_too_large"), None));
}

#[tokio::test]
async fn a_refused_body_is_not_waited_for_unless_it_is_small() {
    let server = InProcess::start(Limits::default()).await;
    for (route, length, closes) in [
        // Too large, of no route, and of none with that method: nothing of them is sent.
        ("/v1/chat/completions", 40 << 20, true),
        ("/v1/nothing", 1 << 20, true),
        ("/v1/models", 1 << 20, true),
        ("/v1/nothing", 3, false),
    ] {
        let mut client = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let head = format!("POST {route} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        if closes {
            let mut reply = String::new();
            client.read_to_string(&mut reply).await.unwrap();
            assert!(reply.starts_with("HTTP/1.1 4") && reply.contains("connection: close\r\n"), "{reply}");
            continue;
        }
        // It is read, and the connection goes on.
        client.write_all(b"abcGET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut replies = String::new();
        client.read_to_string(&mut replies).await.unwrap();
        assert!(replies.starts_with("HTTP/1.1 404") && replies.contains("HTTP/1.1 200 OK"), "{replies}");
    }
}

#[tokio::test]
async fn a_body_that_comes_slowly_takes_no_place() {
    let server = InProcess::start(Limits { in_flight: 1, queue: 0, ..Limits::default() }).await;
    let body = hello("slow").to_string();
    let mut slow = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    // The go-ahead says that its body is being read.
    let mut went = [0; 25];
    slow.read_exact(&mut went).await.unwrap();
    assert_eq!(&went, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(server.http.post(&hello("hi")).await.status, 200);
    slow.write_all(body.as_bytes()).await.unwrap();
    let mut reply = String::new();
    slow.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK"), "{reply}");

    // Where there is no place, and none to wait for, that is told without a go-ahead.
    let silence = hello_streamed("silence").to_string();
    let held = server.http.begin("POST", "/v1/chat/completions", silence).await;
    let mut refused = tokio::net::TcpStream::connect(server.address).await.unwrap();
    refused.write_all(head.as_bytes()).await.unwrap();
    let mut reply = String::new();
    refused.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 503"), "{reply}");
    drop(held);
}

#[tokio::test]
async fn heads_that_are_no_http_get_a_reply_in_words() {
    let server = InProcess::start(Limits::default()).await;
    let long = [b"GET / HTTP/1.1\r\nx: ", &*vec![b'a'; 80 * 1024], b"\r\n\r\n"].concat();
    let many = [&b"GET / HTTP/1.1\r\n"[..], &b"a: b\r\n".repeat(101), b"\r\n"].concat();
    for (bytes, status, code) in [
        (&b"GET /health HTTP/1.1\nhost: x\n\n"[..], "400 Bad Request", "malformed_request"),
        (b"GET /health HTTP/1.1\r\nhost: x\n\r\n", "400 Bad Request", "malformed_request"),
        (b"GET /he alth HTTP/1.1\r\n\r\n", "400 Bad Request", "malformed_request"),
        (b"GET /health HTTP/1.1\r\nbad name: x\r\n\r\n", "400 Bad Request", "malformed_request"),
        (b"POST / HTTP/1.1\r\ncontent-length: 5, 6\r\n\r\n", "400 Bad Request", "malformed_request"),
        (b"POST / HTTP/1.1\r\ncontent-length: +5\r\n\r\n", "400 Bad Request", "malformed_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "400 Bad Request", "malformed_request"),
        (&*long.leak(), "431 Request Header Fields Too Large", "head_too_large"),
        (&*many.leak(), "431 Request Header Fields Too Large", "head_too_large"),
    ] {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        let reply = raw_in(&server, bytes).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{shown:?}: {reply}");
        assert!(reply.contains(&format!("\"code\":\"{code}\"")), "{shown:?}: {reply}");
        for header in ["connection: close", "x-content-type-options: nosniff", "cache-control: no-store"] {
            assert!(reply.contains(&format!("{header}\r\n")), "{shown:?}: {reply}");
        }
    }
    for (kind, status, count) in [("malformed_request", 400, 7), ("head_too_large", 431, 2)] {
        let name = format!("spicerack_errors_total{{model=\"unknown\",kind=\"{kind}\"}}");
        assert_eq!(number(&server.numbers, &name).await, count);
        let name =
            format!("spicerack_requests_total{{route=\"other\",model=\"unknown\",status=\"{status}\"}}");
        assert_eq!(number(&server.numbers, &name).await, count);
    }
}

#[tokio::test]
async fn a_second_request_on_a_connection_is_read_where_the_first_one_ends() {
    let server = InProcess::start(Limits::default()).await;
    let first = "{\"model\":\"nova\",\n\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    let two = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{first}\
         GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        first.len()
    );
    let reply = raw_in(&server, two.leak().as_bytes()).await;
    assert_eq!(reply.matches("HTTP/1.1 200 OK\r\n").count(), 2, "{reply}");
    assert!(reply.ends_with("ok\n"), "{reply}");
}

#[tokio::test]
async fn a_defect_is_one_requests_alone() {
    let server = InProcess::start(Limits::default()).await;
    let reply = server.http.post(&hello("panic")).await;
    let message = reply.error((500, "api_error", Some("internal_error"), None));
    assert!(!message.contains("a defect"), "{message}");
    assert_eq!(server.http.post(&hello("hi")).await.status, 200);
}

#[tokio::test]
async fn a_defect_in_the_middle_of_a_stream_is_told_and_leaves_nothing() {
    let server = InProcess::start(Limits::default()).await;
    server.http.post(&hello("hi")).await;
    let tasks = number(&server.numbers, "spicerack_tasks").await;
    for _ in 0..3 {
        let reply = server.http.post(&hello_streamed("late panic")).await;
        let events = reply.events();
        assert_eq!((reply.status.as_u16(), events.content().as_str(), events.done), (200, "half", false));
        let error = events.error.unwrap();
        assert_eq!(error["code"], "internal_error");
        assert!(!error.to_string().contains("a defect"), "{error}");
        assert!(events.chunks.iter().all(|chunk| chunk["choices"][0]["finish_reason"].is_null()));
        assert_eq!(server.http.post(&hello("hi")).await.status, 200);
    }
    for (name, most) in
        [("spicerack_requests_in_flight", 0), ("spicerack_connections", 1), ("spicerack_tasks", tasks)]
    {
        while number(&server.numbers, name).await > most {}
    }
    let failed = "spicerack_errors_total{model=\"nova\",kind=\"internal_error\"}";
    assert_eq!(number(&server.numbers, failed).await, 3);
}

#[tokio::test]
async fn connections_beyond_the_cap_wait_for_room() {
    let server = InProcess::start(Limits { connections: 1, ..Limits::default() }).await;
    let mut silent =
        server.http.begin("POST", "/v1/chat/completions", hello_streamed("silence").to_string()).await;
    let other = Http::to(server.address);
    let mut asking = Box::pin(other.get("/health"));
    tokio::select! {
        biased;
        reply = &mut asking => panic!("there was room for {reply:?}"),
        frame = http_body_util::BodyExt::frame(silent.body_mut()) => assert!(frame.unwrap().is_ok()),
    }
    drop(silent);
    assert_eq!(asking.await.status, 200);
}

/// Whether a new connection gets an answer; where there is none, it was closed.
async fn is_served(address: SocketAddr) -> (bool, tokio::net::TcpStream) {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    // A closed connection may show itself here already.
    let _ = stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let served = stream.read(&mut [0; 256]).await.is_ok_and(|length| length > 0);
    (served, stream)
}

#[tokio::test]
async fn one_address_has_as_many_connections_as_it_may() {
    let server = InProcess::start(Limits { client_connections: 1, ..Limits::default() }).await;
    let (served, first) = is_served(server.address).await;
    assert!(served);
    assert!(!is_served(server.address).await.0);
    assert_eq!(number(&server.numbers, "spicerack_connections_rejected_total").await, 1);
    drop(first);
    // The server learns of it a moment later.
    while !is_served(server.address).await.0 {}
}

#[tokio::test]
async fn how_long_a_connection_may_be_idle_is_an_argument() {
    let mut gateway = crate::support::Gateway::start(
        &crate::support::manifest(&[]),
        &["--emulator", "--idle-timeout", "100ms"],
    );
    let mut client = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    let mut rest = Vec::new();
    let ended = client.read_to_end(&mut rest);
    // The default is 75 s.
    tokio::time::timeout(Duration::from_secs(60), ended).await.unwrap().unwrap();
    assert!(rest.is_empty());
    gateway.log(|log| log["message"].as_str().is_some_and(|text| text.starts_with("listening on")));
}
