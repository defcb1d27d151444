//! Reading requests.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use httparse::Status;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::reply::Refusal;
use crate::service::{MAX_BODY, Received};

/// The largest head.
const MAX_HEAD: usize = 64 * 1024;

/// The most headers.
const MAX_HEADERS: usize = 100;

/// The longest line before a chunk.
const MAX_CHUNK_LINE: usize = 4 * 1024;

/// A request, and what its client expects of the reply's form.
pub(super) struct Message {
    pub(super) received: Received,
    pub(super) keep_alive: bool,
    pub(super) chunks: bool,
}

/// What came instead of a request.
#[derive(Debug)]
pub(super) enum Failure {
    Gone,
    Refused(Refusal),
}

impl From<io::Error> for Failure {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

fn refused(status: u16, kind: &'static str, message: &str) -> Failure {
    Failure::Refused(Refusal::new(status, kind, message))
}

fn malformed(message: &str) -> Failure {
    refused(400, "MalformedHttpRequestException", message)
}

fn too_large() -> Failure {
    refused(413, "RequestEntityTooLargeException", "The request body is too large.")
}

/// Reads the next request; the buffer keeps what comes after it.
pub(super) async fn message(stream: &mut TcpStream, buffer: &mut BytesMut) -> Result<Message, Failure> {
    let mut message = loop {
        if let Some((message, length)) = head(buffer)? {
            buffer.advance(length);
            break message;
        }
        more(stream, buffer).await?;
    };
    let framing = framing(&message.received)?;
    let expects =
        message.received.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"));
    if expects && buffer.is_empty() && !matches!(framing, Framing::Length(0)) {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    message.received.body = match framing {
        Framing::Length(length) => exactly(stream, buffer, length).await?,
        Framing::Chunked => chunks(stream, buffer).await?,
    };
    Ok(message)
}

async fn more(stream: &mut TcpStream, buffer: &mut BytesMut) -> Result<(), Failure> {
    let read = stream.read_buf(buffer).await?;
    if read == 0 { Err(Failure::Gone) } else { Ok(()) }
}

async fn exactly(stream: &mut TcpStream, buffer: &mut BytesMut, length: usize) -> Result<Bytes, Failure> {
    while buffer.len() < length {
        more(stream, buffer).await?;
    }
    Ok(buffer.split_to(length).freeze())
}

/// A head and its length, where it has arrived as a whole.
fn head(buffer: &[u8]) -> Result<Option<(Message, usize)>, Failure> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(buffer) {
        Ok(Status::Complete(length)) if length <= MAX_HEAD => length,
        Ok(Status::Partial) if buffer.len() < MAX_HEAD => return Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => {
            return Err(refused(
                431,
                "MalformedHttpRequestException",
                "The request's headers are too large.",
            ));
        }
        Err(_) => return Err(malformed("The request is not HTTP.")),
    };
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = request.headers.iter().map(|header| (header.name.to_ascii_lowercase(), text(header.value)));
    let received = Received {
        method: request.method.unwrap_or_default().to_owned(),
        target: request.path.unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: Bytes::new(),
    };
    let newest = request.version == Some(1);
    let connection = received.header("connection").unwrap_or_default().to_ascii_lowercase();
    let says = |word: &str| connection.split(',').any(|option| option.trim() == word);
    let keep_alive = if newest { !says("close") } else { says("keep-alive") };
    Ok(Some((Message { received, keep_alive, chunks: newest }, length)))
}

/// How the end of a body is told.
enum Framing {
    Length(usize),
    Chunked,
}

fn framing(received: &Received) -> Result<Framing, Failure> {
    let values = |name: &str| -> Vec<&str> {
        let of_name = received.headers.iter().filter(|(header, _)| header == name);
        of_name.map(|(_, value)| value.trim()).collect()
    };
    let lengths = values("content-length");
    match values("transfer-encoding").as_slice() {
        [] => {}
        [encoding] if encoding.eq_ignore_ascii_case("chunked") && lengths.is_empty() => {
            return Ok(Framing::Chunked);
        }
        _ => return Err(malformed("The request's transfer-encoding is not understood.")),
    }
    let Some((first, others)) = lengths.split_first() else { return Ok(Framing::Length(0)) };
    let digits = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || others.iter().any(|other| other != first) {
        return Err(malformed("The request's content-length is not a number."));
    }
    // A number that does not fit is too large as well.
    let length = first.parse().unwrap_or(usize::MAX);
    if length > MAX_BODY { Err(too_large()) } else { Ok(Framing::Length(length)) }
}

async fn chunks(stream: &mut TcpStream, buffer: &mut BytesMut) -> Result<Bytes, Failure> {
    let mut body = BytesMut::new();
    loop {
        let size = chunk_size(stream, buffer).await?;
        if size == 0 {
            trailers(stream, buffer).await?;
            return Ok(body.freeze());
        }
        if size > MAX_BODY.saturating_sub(body.len()) {
            return Err(too_large());
        }
        body.extend_from_slice(&exactly(stream, buffer, size).await?);
        if exactly(stream, buffer, 2).await? != "\r\n" {
            return Err(malformed("A chunk of the request does not end where it should."));
        }
    }
}

async fn chunk_size(stream: &mut TcpStream, buffer: &mut BytesMut) -> Result<usize, Failure> {
    loop {
        match httparse::parse_chunk_size(buffer) {
            Ok(Status::Complete((length, size))) => {
                buffer.advance(length);
                return usize::try_from(size).map_err(|_| too_large());
            }
            Ok(Status::Partial) if buffer.len() < MAX_CHUNK_LINE => more(stream, buffer).await?,
            Ok(Status::Partial) | Err(_) => return Err(malformed("A chunk of the request has no size.")),
        }
    }
}

/// Reads past the headers after a body.
async fn trailers(stream: &mut TcpStream, buffer: &mut BytesMut) -> Result<(), Failure> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        match httparse::parse_headers(buffer, &mut headers) {
            Ok(Status::Complete((length, _))) => {
                buffer.advance(length);
                return Ok(());
            }
            Ok(Status::Partial) if buffer.len() < MAX_HEAD => {}
            Ok(Status::Partial) | Err(_) => return Err(malformed("The request's trailers are not headers.")),
        }
        more(stream, buffer).await?;
    }
}
