//! HTTP/1.1 by hand, so that a script decides about every byte of a reply.

use std::fmt::Write as _;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::clock;
use crate::record::Ending;
use crate::script::{Reply, Step};
use crate::service;
use crate::state::State;
use read::{Failure, Message};

mod read;

/// How much is read ahead while a reply waits.
const READ_AHEAD: usize = 1 << 20;

/// How long a refused client may go on sending before it is cut off.
const LINGER: Duration = Duration::from_secs(1);

/// Answers the requests of one connection, one after the other.
pub(crate) async fn serve(stream: TcpStream, state: Arc<State>) {
    let mut connection = Connection { stream, buffer: BytesMut::new() };
    loop {
        let message = match read::message(&mut connection.stream, &mut connection.buffer).await {
            Ok(message) => message,
            Err(Failure::Gone) => return,
            Err(Failure::Refused(refusal)) => {
                let reply = Reply::error(refusal.status, refusal.kind, &refusal.message);
                return connection.refuse(reply).await;
            }
        };
        let (reply, index) = service::reply(&state, &message.received);
        let mut answer = Answer::new(&message);
        let next = connection.play(&mut answer, reply).await;
        let ending = if next.is_ok() { Ending::Completed } else { Ending::ClientClosed };
        state.end(index, ending);
        match next {
            Ok(Next::Request) => {}
            Ok(Next::Close) => {
                // It may be gone already.
                let _ = connection.stream.shutdown().await;
                return;
            }
            Ok(Next::Reset) => {
                let _ = connection.stream.set_zero_linger();
                return;
            }
            Err(error) => return tracing::debug!(%error, "the client closed the connection"),
        }
    }
}

/// What becomes of a connection after a reply.
enum Next {
    Request,
    Close,
    Reset,
}

/// How far the writing of a reply has come.
struct Answer {
    keep_alive: bool,
    /// The client reads chunks.
    chunks: bool,
    /// The client reads no body.
    head_only: bool,
    framing: Option<Framing>,
}

/// How the end of a body is told.
#[derive(Clone, Copy)]
enum Framing {
    Chunked,
    /// So many bytes are still to come.
    Length(usize),
    Close,
}

impl Answer {
    fn new(message: &Message) -> Self {
        Self {
            keep_alive: message.keep_alive,
            chunks: message.chunks,
            head_only: message.received.method == "HEAD",
            framing: None,
        }
    }

    fn head(&mut self, status: u16, headers: &[(String, String)], length: Option<usize>) -> String {
        let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let mut head = format!("HTTP/1.1 {status} {}\r\n", reason.unwrap_or_default());
        let given = |name: &str| headers.iter().any(|(header, _)| header.eq_ignore_ascii_case(name));
        // Writing to a string does not fail.
        let mut line = |name: &str, value: &str| _ = write!(head, "{name}: {value}\r\n");
        if !given("date") {
            line("date", &clock::http_date(clock::now()));
        }
        for (name, value) in headers {
            line(name, value);
        }
        let framing = match length {
            Some(length) => {
                line("content-length", &length.to_string());
                Framing::Length(length)
            }
            None if self.chunks => {
                line("transfer-encoding", "chunked");
                Framing::Chunked
            }
            None => Framing::Close,
        };
        self.keep_alive &= !matches!(framing, Framing::Close);
        if !self.keep_alive {
            line("connection", "close");
        }
        self.framing = Some(framing);
        head + "\r\n"
    }

    fn body(&mut self, bytes: &Bytes) -> Vec<u8> {
        if self.head_only || bytes.is_empty() {
            return Vec::new();
        }
        match &mut self.framing {
            Some(Framing::Chunked) => [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat(),
            Some(Framing::Length(left)) => {
                *left = left.saturating_sub(bytes.len());
                bytes.to_vec()
            }
            Some(Framing::Close) | None => bytes.to_vec(),
        }
    }

    fn end(&self) -> (&'static [u8], Next) {
        let next = if self.keep_alive { Next::Request } else { Next::Close };
        match self.framing {
            Some(_) if self.head_only => (b"", next),
            Some(Framing::Chunked) => (b"0\r\n\r\n", next),
            Some(Framing::Length(0)) => (b"", next),
            Some(Framing::Length(_) | Framing::Close) | None => (b"", Next::Close),
        }
    }
}

struct Connection {
    stream: TcpStream,
    /// What has been read of the next request.
    buffer: BytesMut,
}

impl Connection {
    /// Writes a reply step by step; an error means that the client is gone.
    async fn play(&mut self, answer: &mut Answer, reply: Reply) -> io::Result<Next> {
        for step in reply.steps {
            match step {
                Step::Head { status, headers, length } => {
                    let head = answer.head(status, &headers, length);
                    self.stream.write_all(head.as_bytes()).await?;
                }
                Step::Body(bytes) => self.stream.write_all(&answer.body(&bytes)).await?,
                Step::Raw(bytes) => {
                    // Nobody can tell where the next reply would begin.
                    answer.keep_alive = false;
                    self.stream.write_all(&bytes).await?;
                }
                Step::Delay(time) => self.wait(tokio::time::sleep(time)).await?,
                Step::Wait(gate) => self.wait(gate.passed()).await?,
                Step::Stall => self.wait(std::future::pending()).await?,
                Step::Reset => return Ok(Next::Reset),
                Step::Close => return Ok(Next::Close),
            }
        }
        let (end, next) = answer.end();
        self.stream.write_all(end).await?;
        Ok(next)
    }

    /// Waits, and reads on meanwhile to notice when the client goes.
    async fn wait(&mut self, what: impl Future<Output = ()>) -> io::Result<()> {
        let mut what = pin!(what);
        loop {
            tokio::select! {
                biased;
                () = &mut what => return Ok(()),
                read = self.stream.read_buf(&mut self.buffer), if self.buffer.len() < READ_AHEAD => {
                    if read? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
        }
    }

    /// Answers what cannot be read, and closes the connection.
    async fn refuse(&mut self, reply: Reply) {
        let mut answer = Answer { keep_alive: false, chunks: true, head_only: false, framing: None };
        if self.play(&mut answer, reply).await.is_err() || self.stream.shutdown().await.is_err() {
            return;
        }
        // Closing over unread bytes would reset the connection, and the client might never see the reply.
        let drain = async {
            loop {
                self.buffer.clear();
                if self.stream.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                    return;
                }
            }
        };
        // Both ends are ends.
        let _ = tokio::time::timeout(LINGER, drain).await;
    }
}
