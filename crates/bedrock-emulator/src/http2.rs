//! HTTP/2 with prior knowledge, which the AWS SDK for JavaScript speaks to endpoints without TLS.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::vec;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, LengthLimitError, Limited, StreamBody};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::record::Ending;
use crate::script::{Reply, Step};
use crate::service::{self, MAX_BODY, Received};
use crate::state::State;

/// The largest head.
const MAX_HEAD: u32 = 64 * 1024;

/// How long bytes have to leave before a stream is reset, which drops those that have not.
const FLUSH: Duration = Duration::from_millis(10);

type Body = StreamBody<BoxStream<'static, io::Result<Frame<Bytes>>>>;

/// Answers the requests of one connection, all at once.
pub(crate) async fn serve(stream: TcpStream, state: Arc<State>) {
    let service = service_fn(move |request| respond(request, Arc::clone(&state)));
    let served = http2::Builder::new(Tasks::default())
        .max_header_list_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "the client closed the connection");
    }
}

/// The tasks of a connection's streams, which end with the connection.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Let go of those that have ended.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }
}

async fn respond(request: Request<Incoming>, state: Arc<State>) -> io::Result<Response<Body>> {
    let (reply, index) = match receive(request).await? {
        Some(received) => service::reply(&state, &received),
        None => {
            let message = "The request body is too large.";
            (Reply::error(413, "RequestEntityTooLargeException", message), None)
        }
    };
    let mut playing = Playing { state, index, steps: reply.steps.into_iter() };
    loop {
        match playing.next().await {
            Next::Head { status, headers } => return response(playing, status, headers),
            Next::Body(_) => {}
            Next::Cut | Next::End => return Err(io::ErrorKind::ConnectionReset.into()),
        }
    }
}

/// A whole request; `None` where it is too large.
async fn receive(request: Request<Incoming>) -> io::Result<Option<Received>> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Ok(None),
        Err(error) => return Err(io::Error::other(error)),
    };
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let mut headers: Vec<(String, String)> =
        head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect();
    // HTTP/2 has the host in the target. Signatures have it in a header, and some in the pseudo-header itself.
    if let Some(authority) = head.uri.authority() {
        headers.push((":authority".to_owned(), authority.to_string()));
        if !head.headers.contains_key("host") {
            headers.push(("host".to_owned(), authority.to_string()));
        }
    }
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    Ok(Some(Received { method: head.method.to_string(), target, headers, body }))
}

fn response(playing: Playing, status: u16, headers: Vec<(String, String)>) -> io::Result<Response<Body>> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    let frames = stream::unfold(Some(playing), |playing| async {
        let mut playing = playing?;
        loop {
            match playing.next().await {
                Next::Body(bytes) => return Some((Ok(Frame::data(bytes)), Some(playing))),
                Next::Head { .. } => {}
                Next::Cut => return Some((Err(io::ErrorKind::ConnectionReset.into()), None)),
                Next::End => return None,
            }
        }
    });
    response.body(StreamBody::new(frames.boxed())).map_err(io::Error::other)
}

/// A reply on its way. Dropped before its end, its client has gone.
struct Playing {
    state: Arc<State>,
    index: Option<usize>,
    steps: vec::IntoIter<Step>,
}

/// What HTTP/2 has of a step.
enum Next {
    Head { status: u16, headers: Vec<(String, String)> },
    Body(Bytes),
    Cut,
    End,
}

impl Playing {
    async fn next(&mut self) -> Next {
        loop {
            match self.steps.next() {
                Some(Step::Head { status, mut headers, length }) => {
                    headers.extend(length.map(|length| ("content-length".to_owned(), length.to_string())));
                    return Next::Head { status, headers };
                }
                Some(Step::Body(bytes)) => return Next::Body(bytes),
                Some(Step::Raw(_)) => {}
                Some(Step::Delay(time)) => tokio::time::sleep(time).await,
                Some(Step::Wait(gate)) => gate.passed().await,
                Some(Step::Stall) => std::future::pending().await,
                Some(Step::Reset | Step::Close) => {
                    tokio::time::sleep(FLUSH).await;
                    self.state.end(self.index, Ending::Completed);
                    return Next::Cut;
                }
                None => {
                    self.state.end(self.index, Ending::Completed);
                    return Next::End;
                }
            }
        }
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        // Changes nothing where it has ended already.
        self.state.end(self.index, Ending::ClientClosed);
    }
}
