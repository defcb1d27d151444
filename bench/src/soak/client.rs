//! Clients: those that compare every character, those that go, and those that hardly read.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::gateway::id;
use crate::BoxError;
use crate::faulty::{Fault, Script, now};
use crate::translator::API_KEY;

/// What a slow reader's socket holds; the gateway is to notice, and not the kernel.
const BUFFER: u32 = 4096;

/// What came of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The text.
    pub(crate) text: String,
    /// Whether it is complete.
    pub(crate) done: bool,
    /// The code of its error.
    pub(crate) error: Option<String>,
    /// When the first piece of its text came.
    pub(crate) begun: Option<Instant>,
    /// How long each piece was under way, where the script dates them.
    pub(crate) delays: Vec<Duration>,
}

/// What a request looks like.
#[derive(Debug)]
pub(crate) struct Chat {
    /// What its answer is to be.
    pub(crate) script: Script,
    /// Whether it is streamed.
    pub(crate) stream: bool,
    /// The body, whose last message is the script.
    pub(crate) body: String,
}

impl Chat {
    /// A short prompt.
    pub(crate) fn short(script: Script, stream: bool) -> Self {
        Self::with(script, stream, json!({"model": "lite"}))
    }

    /// A prompt with a history.
    pub(crate) fn with(script: Script, stream: bool, mut body: Value) -> Self {
        let message = json!({"role": "user", "content": script.to_string()});
        if let Value::Object(members) = &mut body {
            members.insert("stream".to_owned(), stream.into());
            if let Some(Value::Array(messages)) = members.get_mut("messages") {
                messages.push(message);
            } else {
                members.insert("messages".to_owned(), json!([message]));
            }
        }
        Self { script, stream, body: body.to_string() }
    }

    /// Its id in the log.
    pub(crate) fn id(&self) -> String {
        id(self.script.number, self.script.stays)
    }
}

/// A client with one connection, which is made again where it has ended.
pub(crate) struct Client {
    address: SocketAddr,
    connection: Option<(SendRequest<Full<Bytes>>, JoinSet<()>)>,
}

/// When a client goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Leave {
    /// At the end.
    Never,
    /// After a time, whatever has come.
    After(Duration),
}

impl Client {
    /// A client that is not connected yet.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, connection: None }
    }

    async fn connected(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, BoxError> {
        let is_there = match &mut self.connection {
            Some((sender, _)) => sender.ready().await.is_ok(),
            None => false,
        };
        if !is_there {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            let mut driver = JoinSet::new();
            driver.spawn(async move {
                // Its end is seen by the request.
                let _ = connection.await;
            });
            self.connection = Some((sender, driver));
        }
        let (sender, _) = self.connection.as_mut().ok_or("no connection")?;
        Ok(sender)
    }

    /// Asks, and reads what comes; `None` where the client went before the end.
    pub(crate) async fn ask(&mut self, chat: &Chat, leave: Leave) -> Result<Option<Answer>, BoxError> {
        // Once there is a connection, a request is on its way, and has its line of the log whenever the client goes.
        let sender = self.connected().await?;
        let asking = answer(sender, chat);
        let answer = match leave {
            Leave::Never => Some(asking.await?),
            Leave::After(time) => match tokio::time::timeout(time, asking).await {
                Ok(answer) => Some(answer?),
                Err(_) => None,
            },
        };
        if answer.is_none() {
            self.connection = None;
        }
        Ok(answer)
    }
}

async fn answer(sender: &mut SendRequest<Full<Bytes>>, chat: &Chat) -> Result<Answer, BoxError> {
    let request = Request::post("/v1/chat/completions")
        .header("host", "127.0.0.1")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {API_KEY}"))
        .header("x-request-id", chat.id())
        .body(Full::new(Bytes::from(chat.body.clone())))?;
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let mut answer = Answer { status: response.status().as_u16(), ..Answer::default() };
    let streamed = chat.stream && answer.status == 200;
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        bytes.extend_from_slice(&data);
        if streamed {
            let read = answer.events(&bytes)?;
            bytes.drain(..read);
            if answer.begun.is_none() && !answer.text.is_empty() {
                answer.begun = Some(Instant::now());
            }
            if chat.script.fault == Fault::Dated {
                answer.dated()?;
            }
        }
    }
    if !streamed {
        answer.whole(&bytes)?;
    }
    Ok(answer)
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    error: Option<Failure>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(alias = "message")]
    delta: Piece,
}

#[derive(Deserialize)]
struct Piece {
    content: Option<String>,
}

#[derive(Deserialize)]
struct Failure {
    code: Option<String>,
}

impl Answer {
    /// Reads the events that are complete, and says how many bytes they are.
    fn events(&mut self, bytes: &[u8]) -> Result<usize, BoxError> {
        let mut read = 0;
        while let Some(rest) = bytes.get(read..)
            && let Some(end) = rest.windows(2).position(|pair| pair == b"\n\n")
        {
            let block = rest.get(..end).unwrap_or_default();
            read += end + 2;
            let Some(data) = block.strip_prefix(b"data: ") else { continue };
            if self.done || self.error.is_some() {
                return Err(BoxError::from("an event follows the last one"));
            }
            if data == b"[DONE]" { self.done = true } else { self.take(serde_json::from_slice(data)?) }
        }
        Ok(read)
    }

    fn take(&mut self, chunk: Chunk) {
        for choice in chunk.choices {
            self.text.push_str(choice.delta.content.as_deref().unwrap_or_default());
        }
        self.error = chunk.error.map(|error| error.code.unwrap_or_default());
    }

    /// Takes out of the text when its pieces were sent, and notes how long they were under way.
    fn dated(&mut self) -> Result<(), BoxError> {
        let Some(end) = self.text.rfind(' ') else { return Ok(()) };
        let now = now()?;
        for sent in self.text.get(..end).unwrap_or_default().split(' ') {
            self.delays.push(now.saturating_sub(Duration::from_micros(sent.parse()?)));
        }
        self.text.drain(..=end);
        Ok(())
    }

    fn whole(&mut self, bytes: &[u8]) -> Result<(), BoxError> {
        self.take(serde_json::from_slice(bytes)?);
        self.done = self.error.is_none();
        Ok(())
    }

    /// Whether it is the whole answer of a script, character for character.
    pub(crate) fn is(&self, script: &Script) -> bool {
        self.status == 200 && self.done && self.error.is_none() && self.text == script.text()
    }

    /// Whether it is a beginning of that answer, and says that it broke off.
    pub(crate) fn broke_off(&self, script: &Script) -> bool {
        self.status == 200 && !self.done && self.error.is_some() && script.text().starts_with(&self.text)
    }
}

/// Requests of a client in peace.
pub(crate) const FEW: u64 = 200;

/// Asks for short answers, one after the other: before a load for what is only needed once, and after it because
/// threads give back what they keep for their next requests only while there are any.
pub(crate) async fn few(address: SocketAddr, first: u64) -> Result<(), BoxError> {
    let mut client = Client::new(address);
    for number in first..first + FEW {
        let script = Script { number, pieces: 20, every: 0, fault: Fault::None, stays: true };
        client.ask(&Chat::short(script, true), Leave::Never).await?;
    }
    Ok(())
}

/// A client that reads so many bytes a second of its answer, until the gateway lets it go or it is aborted.
pub(crate) async fn read_slowly(address: SocketAddr, chat: Chat, bytes: usize) -> Result<(), BoxError> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(BUFFER)?;
    let mut stream = socket.connect(address).await?;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nauthorization: Bearer {API_KEY}\r\nx-request-id: {}\r\ncontent-length: {}\r\n\r\n",
        chat.id(),
        chat.body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(chat.body.as_bytes()).await?;
    let mut buffer = vec![0; bytes];
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if bytes > 0 && matches!(stream.read(&mut buffer).await, Ok(0) | Err(_)) {
            return Ok(());
        }
    }
}
