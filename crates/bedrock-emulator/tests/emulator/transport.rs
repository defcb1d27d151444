//! HTTP itself.

use bedrock_emulator::{BEARER_KEY, Emulator, Ending, Gate, Reply};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::client::{Connection, NOVA, Signer, emulator, events, path, saying, send};

fn request(emulator: &Emulator, text: &str) -> Vec<u8> {
    let body = saying(text).to_string();
    Signer::default().request(emulator, &path(NOVA, "converse"), body.as_bytes())
}

fn said(answer: &crate::client::Answer) -> String {
    answer.json()["output"]["message"]["content"][0]["text"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn requests_of_a_pipeline_are_answered_in_order() {
    let emulator = emulator().await;
    let mut connection = Connection::open(&emulator).await;
    let texts = ["say one", "say two", "say three"];
    let requests: Vec<u8> = texts.iter().flat_map(|text| request(&emulator, text)).collect();
    connection.send(&requests).await;
    for word in ["one", "two", "three"] {
        assert_eq!(said(&connection.answer().await), word);
    }
}

#[tokio::test]
async fn requests_are_read_in_whatever_pieces_they_come() {
    let emulator = emulator().await;
    let mut connection = Connection::open(&emulator).await;
    connection.stream.set_nodelay(true).unwrap();
    for piece in request(&emulator, "say hello").chunks(7) {
        connection.send(piece).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(said(&connection.answer().await), "hello");
}

#[tokio::test]
async fn a_request_may_come_in_chunks() {
    let emulator = emulator().await;
    let body = saying("say hello").to_string();
    let mut head = Signer::default().head(&emulator, &path(NOVA, "converse"), body.as_bytes());
    head.extend(b"transfer-encoding: chunked\r\n\r\n");
    let (first, second) = body.split_at(10);
    let chunks =
        format!("a;name=value\r\n{first}\r\n{:X}\r\n{second}\r\n0\r\nx-trailer: 1\r\n\r\n", second.len());
    let mut connection = Connection::open(&emulator).await;
    connection.send(&head).await;
    connection.send(chunks.as_bytes()).await;
    assert_eq!(said(&connection.answer().await), "hello");
    connection.send(&request(&emulator, "say more")).await;
    assert_eq!(said(&connection.answer().await), "more");
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_continue() {
    let emulator = emulator().await;
    let body = saying("say hello").to_string();
    let mut head = Signer::default().head(&emulator, &path(NOVA, "converse"), body.as_bytes());
    head.extend(format!("expect: 100-continue\r\ncontent-length: {}\r\n\r\n", body.len()).bytes());
    let mut connection = Connection::open(&emulator).await;
    connection.send(&head).await;
    assert_eq!(connection.until("\r\n\r\n").await, b"HTTP/1.1 100 Continue\r\n\r\n");
    connection.send(body.as_bytes()).await;
    assert_eq!(said(&connection.answer().await), "hello");
}

#[tokio::test]
async fn broken_framing_is_refused_and_ends_the_connection() {
    let emulator = emulator().await;
    let post = "POST /model/x/converse HTTP/1.1\r\nhost: x\r\n";
    let long = format!("{post}x-long: {}\r\n\r\n", "a".repeat(70_000));
    for (request, status) in [
        ("nonsense\r\n\r\n".to_owned(), 400),
        (format!("{post}content-length: ten\r\n\r\n"), 400),
        (format!("{post}content-length: 1\r\ncontent-length: 2\r\n\r\n"), 400),
        (format!("{post}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n"), 400),
        (format!("{post}transfer-encoding: gzip, chunked\r\n\r\n"), 400),
        (format!("{post}transfer-encoding: chunked\r\n\r\nzz\r\n"), 400),
        (format!("{post}transfer-encoding: chunked\r\n\r\n1\r\nab\r\n"), 400),
        (format!("{post}content-length: 25000001\r\n\r\n"), 413),
        (format!("{post}content-length: 99999999999999999999999\r\n\r\n"), 413),
        (format!("{post}transfer-encoding: chunked\r\n\r\nffffffff\r\n"), 413),
        (long, 431),
    ] {
        let mut connection = Connection::open(&emulator).await;
        connection.send(request.as_bytes()).await;
        let answer = connection.answer().await;
        assert_eq!(answer.status, status, "{:.80}", request);
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(connection.rest().await.unwrap(), b"");
    }
    assert_eq!(emulator.requests().len(), 0);
}

#[tokio::test]
async fn a_connection_is_closed_on_demand() {
    let emulator = emulator().await;
    let body = saying("say hello").to_string();
    let mut head = Signer::default().head(&emulator, &path(NOVA, "converse"), body.as_bytes());
    head.extend(format!("connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len()).bytes());
    let mut connection = Connection::open(&emulator).await;
    connection.send(&head).await;
    let answer = connection.answer().await;
    assert_eq!((said(&answer).as_str(), answer.header("connection")), ("hello", Some("close")));
    assert_eq!(connection.rest().await.unwrap(), b"");
}

#[tokio::test]
async fn other_operations_and_methods_are_unknown() {
    let emulator = emulator().await;
    for start in ["GET /model/x/converse", "POST /model/x/invoke", "DELETE /", "POST /model/converse"] {
        let request = format!("{start} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {BEARER_KEY}\r\n\r\n");
        let (status, kind, _) = send(&emulator, request.as_bytes()).await.error();
        assert_eq!((status, kind.as_str()), (404, "UnknownOperationException"), "{start}");
    }
    let request = format!(
        "HEAD / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {BEARER_KEY}\r\nconnection: close\r\n\r\n"
    );
    let mut connection = Connection::open(&emulator).await;
    connection.send(request.as_bytes()).await;
    let head = String::from_utf8(connection.rest().await.unwrap()).unwrap();
    assert!(head.starts_with("HTTP/1.1 404 Not Found\r\n") && head.ends_with("\r\n\r\n"), "{head}");
}

#[tokio::test]
async fn an_emulator_that_is_dropped_closes_its_connections() {
    let emulator = emulator().await;
    emulator.push(Reply::events().stall());
    let mut connection = Connection::open(&emulator).await;
    connection.send(&request(&emulator, "hello")).await;
    connection.until("\r\n\r\n").await;
    drop(emulator);
    // Closed or reset, but not open.
    assert!(connection.rest().await.is_ok_and(|rest| rest.is_empty()));
}

/// A client of HTTP/2, which ends with the value.
struct Http2 {
    sender: http2::SendRequest<Full<Bytes>>,
    _connection: JoinSet<()>,
}

impl Http2 {
    async fn open(emulator: &Emulator) -> Self {
        let stream = TcpStream::connect(emulator.address()).await.unwrap();
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (sender, connection) = handshake.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async {
            let _ = connection.await;
        });
        Self { sender, _connection: tasks }
    }

    async fn post(
        &mut self,
        emulator: &Emulator,
        operation: &str,
        text: &str,
    ) -> hyper::Result<http::Response<hyper::body::Incoming>> {
        let body = saying(text).to_string();
        let uri = format!("{}{}", emulator.endpoint_url(), path(NOVA, operation));
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let mut request = http::Request::post(&uri);
        for (name, value) in Signer::default().sign(&uri, headers, body.as_bytes()) {
            request = request.header(name, value);
        }
        self.sender.send_request(request.body(Full::from(body)).unwrap()).await
    }
}

#[tokio::test]
async fn http2_with_prior_knowledge_gives_the_same_answers() {
    let emulator = emulator().await;
    let mut client = Http2::open(&emulator).await;
    let response = client.post(&emulator, "converse", "say hello").await.unwrap();
    assert_eq!((response.status(), response.version()), (http::StatusCode::OK, http::Version::HTTP_2));
    assert!(response.headers().contains_key("x-amzn-requestid") && response.headers().contains_key("date"));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let over_http1 = send(&emulator, &request(&emulator, "say hello")).await;
    assert_eq!(body, over_http1.body);

    let response = client.post(&emulator, "converse-stream", "say hello").await.unwrap();
    assert_eq!(response.headers().get("content-type").unwrap(), "application/vnd.amazon.eventstream");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(events(&body).unwrap().len(), 5);
    assert_eq!(emulator.wait_for_end(0).await, Ending::Completed);
    assert_eq!(emulator.wait_for_end(2).await, Ending::Completed);
    assert!(emulator.requests().first().unwrap().header("host").is_some());
}

#[tokio::test]
async fn http2_refuses_alike() {
    let emulator = emulator().await;
    let mut client = Http2::open(&emulator).await;
    let response = client.post(&emulator, "converse", " ").await.unwrap();
    assert_eq!(response.status(), 400);
    let kind = response.headers().get("x-amzn-errortype").unwrap().to_str().unwrap();
    assert!(kind.starts_with("ValidationException:"), "{kind}");
}

#[tokio::test]
async fn http2_streams_wait_stall_and_break_as_scripted() {
    let emulator = emulator().await;
    let gate = Gate::default();
    emulator.push(Reply::events().text_delta("a").wait(&gate).text_delta("b"));
    emulator.push(Reply::events().text_delta("a").stall());
    emulator.push(Reply::events().text_delta("a").reset());
    emulator.push(Reply::silence().stall());
    emulator.push(Reply::silence().close());
    let mut client = Http2::open(&emulator).await;

    let mut body = client.post(&emulator, "converse-stream", "hello").await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    gate.open();
    assert_eq!(events(&body.collect().await.unwrap().to_bytes()).unwrap().len(), 1);
    assert_eq!(emulator.wait_for_end(0).await, Ending::Completed);

    let mut body = client.post(&emulator, "converse-stream", "hello").await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    assert_eq!(emulator.wait_for_end(1).await, Ending::ClientClosed);

    let mut body = client.post(&emulator, "converse-stream", "hello").await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    assert!(body.frame().await.unwrap().is_err());
    assert_eq!(emulator.wait_for_end(2).await, Ending::Completed);

    let call = client.post(&emulator, "converse", "hello");
    tokio::select! {
        biased;
        answered = call => drop(answered.unwrap_err()),
        () = emulator.wait_for_requests(4) => {}
    }
    assert_eq!(emulator.wait_for_end(3).await, Ending::ClientClosed);

    assert!(client.post(&emulator, "converse", "hello").await.is_err());
    assert_eq!(emulator.wait_for_end(4).await, Ending::Completed);
}

#[tokio::test]
async fn http2_streams_run_side_by_side() {
    let emulator = emulator().await;
    let gate = Gate::default();
    emulator.push(Reply::silence().wait(&gate));
    let mut first = Http2::open(&emulator).await;
    let mut second = Http2 { sender: first.sender.clone(), _connection: JoinSet::new() };
    let waiting = first.post(&emulator, "converse", "hello");
    let answered = async {
        emulator.wait_for_requests(1).await;
        let response = second.post(&emulator, "converse", "hello").await.unwrap();
        gate.open();
        response.status()
    };
    let (waited, status) = tokio::join!(waiting, answered);
    assert_eq!(status, 200);
    assert!(waited.is_err());
}

#[tokio::test]
async fn a_scripted_answer_has_its_own_headers() {
    let emulator = emulator().await;
    emulator.push(Reply::json(429, &json!({ "message": "Slow down." })).header("retry-after", "1"));
    let answer = send(&emulator, &request(&emulator, "hello")).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")));
}
