//! A client that writes requests by hand and signs them as the AWS SDKs do.

use std::io;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_eventstream::frame::read_message_from;
use bedrock_emulator::{ACCESS_KEY_ID, Config, Emulator, SECRET_ACCESS_KEY};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const NOVA: &str = "amazon.nova-lite-v1:0";

pub(crate) const SONNET: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";

/// The beginning of a picture.
pub(crate) const PNG: &str = "iVBORw0KGgoAAAANSUhEUg==";

/// What the SDKs encode in a path.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(crate) async fn emulator() -> Emulator {
    Emulator::start(Config::default()).await.unwrap()
}

/// A request with one text of the user.
pub(crate) fn saying(text: &str) -> Value {
    json!({ "messages": [{ "role": "user", "content": [{ "text": text }] }] })
}

/// The path of an operation, its model id encoded as the SDKs do.
pub(crate) fn path(model_id: &str, operation: &str) -> String {
    format!("/model/{}/{operation}", utf8_percent_encode(model_id, RESERVED))
}

/// Who signs, and when.
pub(crate) struct Signer {
    pub(crate) key_id: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) session_token: Option<&'static str>,
    pub(crate) region: &'static str,
    pub(crate) service: &'static str,
    /// How far the clock is ahead, in seconds.
    pub(crate) ahead: i64,
}

impl Default for Signer {
    fn default() -> Self {
        Self {
            key_id: ACCESS_KEY_ID,
            secret: SECRET_ACCESS_KEY,
            session_token: None,
            region: "us-east-1",
            service: "bedrock",
            ahead: 0,
        }
    }
}

impl Signer {
    /// Adds the headers of a signature to those of a request.
    pub(crate) fn sign(
        &self,
        uri: &str,
        mut headers: Vec<(String, String)>,
        body: &[u8],
    ) -> Vec<(String, String)> {
        let token = self.session_token.map(ToOwned::to_owned);
        let identity = Credentials::new(self.key_id, self.secret, token, None, "test").into();
        #[expect(clippy::disallowed_methods, reason = "the emulator goes by the wall clock as well")]
        let now = SystemTime::now();
        let ahead = Duration::from_secs(self.ahead.unsigned_abs());
        let params = SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(if self.ahead < 0 { now - ahead } else { now + ahead })
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let given = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let request = SignableRequest::new("POST", uri, given, SignableBody::Bytes(body)).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        headers.extend(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())));
        headers
    }

    /// A whole request as it goes over the wire.
    pub(crate) fn request(&self, emulator: &Emulator, path: &str, body: &[u8]) -> Vec<u8> {
        let mut wire = self.head(emulator, path, body);
        wire.extend(format!("content-length: {}\r\n\r\n", body.len()).bytes());
        wire.extend(body);
        wire
    }

    /// A signed request without the headers that frame its body.
    pub(crate) fn head(&self, emulator: &Emulator, path: &str, body: &[u8]) -> Vec<u8> {
        let headers = vec![
            ("host".to_owned(), emulator.address().to_string()),
            ("content-type".to_owned(), "application/json".to_owned()),
        ];
        let uri = format!("{}{path}", emulator.endpoint_url());
        let mut wire = format!("POST {path} HTTP/1.1\r\n");
        for (name, value) in self.sign(&uri, headers, body) {
            wire.push_str(&format!("{name}: {value}\r\n"));
        }
        wire.into_bytes()
    }
}

/// A reply as it was read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The kind of an error and its message.
    pub(crate) fn error(&self) -> (u16, String, String) {
        let kind = self.header("x-amzn-errortype").unwrap_or_default();
        let kind = kind.split(':').next().unwrap_or_default().to_owned();
        (self.status, kind, self.json()["message"].as_str().unwrap_or_default().to_owned())
    }

    pub(crate) fn events(&self) -> Vec<(String, Value)> {
        events(&self.body).unwrap()
    }
}

/// Reads events; for exceptions and errors their kind comes from the header that has it.
pub(crate) fn events(mut bytes: &[u8]) -> Result<Vec<(String, Value)>, aws_smithy_eventstream::error::Error> {
    let mut events = Vec::new();
    while !bytes.is_empty() {
        let message = read_message_from(&mut bytes)?;
        let header = |name: &str| {
            let header = message.headers().iter().find(|header| header.name().as_str() == name)?;
            Some(header.value().as_string().ok()?.as_str().to_owned())
        };
        let kind =
            header(":event-type").or_else(|| header(":exception-type")).or_else(|| header(":error-code"));
        events.push((kind.unwrap(), serde_json::from_slice(message.payload()).unwrap_or_default()));
    }
    Ok(events)
}

/// A connection of HTTP/1.1.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(emulator: &Emulator) -> Self {
        Self { stream: TcpStream::connect(emulator.address()).await.unwrap(), buffer: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Reads more; false at the end.
    async fn more(&mut self) -> io::Result<bool> {
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }

    /// Reads until the peer closes.
    pub(crate) async fn rest(&mut self) -> io::Result<Vec<u8>> {
        while self.more().await? {}
        Ok(std::mem::take(&mut self.buffer))
    }

    /// Reads until some text has come, and gives all up to its end.
    pub(crate) async fn until(&mut self, text: &str) -> Vec<u8> {
        loop {
            let found = self.buffer.windows(text.len()).position(|window| window == text.as_bytes());
            if let Some(start) = found {
                return self.buffer.drain(..start + text.len()).collect();
            }
            assert!(self.more().await.unwrap(), "closed before {text:?}");
        }
    }

    async fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length {
            assert!(self.more().await.unwrap(), "closed inside a body");
        }
        self.buffer.drain(..length).collect()
    }

    /// Reads a whole reply.
    pub(crate) async fn answer(&mut self) -> Answer {
        let head = self.until("\r\n\r\n").await;
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut headers);
        response.parse(&head).unwrap();
        let headers = response.headers.iter().map(|header| {
            (header.name.to_ascii_lowercase(), String::from_utf8(header.value.to_vec()).unwrap())
        });
        let (status, headers) = (response.code.unwrap(), headers.collect());
        let mut answer = Answer { status, headers, body: Vec::new() };
        if let Some(length) = answer.header("content-length") {
            answer.body = self.exactly(length.parse().unwrap()).await;
            return answer;
        }
        assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
        loop {
            let line = String::from_utf8(self.until("\r\n").await).unwrap();
            let size = usize::from_str_radix(line.trim(), 16).unwrap();
            answer.body.extend(self.exactly(size).await);
            assert_eq!(self.exactly(2).await, b"\r\n");
            if size == 0 {
                return answer;
            }
        }
    }
}

/// Calls an operation on a connection of its own.
pub(crate) async fn call(emulator: &Emulator, model_id: &str, operation: &str, body: &[u8]) -> Answer {
    let request = Signer::default().request(emulator, &path(model_id, operation), body);
    send(emulator, &request).await
}

/// Sends bytes on a connection of their own.
pub(crate) async fn send(emulator: &Emulator, request: &[u8]) -> Answer {
    let mut connection = Connection::open(emulator).await;
    connection.send(request).await;
    connection.answer().await
}

pub(crate) async fn converse(emulator: &Emulator, body: &Value) -> Value {
    let answer = call(emulator, NOVA, "converse", body.to_string().as_bytes()).await;
    assert_eq!(answer.status, 200, "{:?}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

pub(crate) async fn converse_stream(emulator: &Emulator, body: &Value) -> Vec<(String, Value)> {
    let answer = call(emulator, NOVA, "converse-stream", body.to_string().as_bytes()).await;
    assert_eq!(answer.status, 200, "{:?}", String::from_utf8_lossy(&answer.body));
    answer.events()
}
