//! An HTTP server of which a test says what it answers, and sees what it was asked.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bedrock_emulator::Gate;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Its body; what is no text is shown as such.
    pub body: String,
    headers: HeaderMap,
}

impl Asked {
    /// A header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    kind: &'static str,
    body: String,
    headers: Vec<(&'static str, &'static str)>,
    gate: Option<Gate>,
}

impl Answer {
    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Waits until a gate opens.
    #[must_use]
    pub fn after(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }
}

/// Status, content type and body.
impl From<(u16, &'static str, String)> for Answer {
    fn from((status, kind, body): (u16, &'static str, String)) -> Self {
        Self { status, kind, body, headers: Vec::new(), gate: None }
    }
}

/// An HTTP server whose every answer is a function of the request. Dropping it closes every connection.
#[derive(Debug)]
pub struct Web {
    address: SocketAddr,
    asked: watch::Sender<Vec<Asked>>,
    _tasks: JoinSet<()>,
}

impl Web {
    /// Starts a server on a free port of this machine.
    ///
    /// # Errors
    ///
    /// Where no port can be opened.
    pub async fn start<A: Into<Answer>>(
        answer: impl Fn(&Asked) -> A + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let asked = watch::Sender::new(Vec::new());
        let (notes, answer) = (asked.clone(), Arc::new(move |asked: &Asked| answer(asked).into()));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            // Out of descriptors: the test fails by what it waits for.
            while let Ok((socket, _)) = listener.accept().await {
                let (notes, answer) = (notes.clone(), Arc::clone(&answer));
                connections.spawn(async move {
                    let service =
                        service_fn(move |request| respond(request, notes.clone(), Arc::clone(&answer)));
                    let connection = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(socket), service);
                    // Whoever asks may go at any time.
                    let _ = connection.await;
                });
            }
        });
        Ok(Self { address, asked, _tasks: tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.borrow().clone()
    }

    /// Waits until something is true of the requests.
    pub async fn wait_for(&self, mut condition: impl FnMut(&[Asked]) -> bool) {
        // The sender lives as long as this server.
        let _ = self.asked.subscribe().wait_for(|asked| condition(asked)).await;
    }
}

async fn respond(
    request: Request<Incoming>,
    notes: watch::Sender<Vec<Asked>>,
    answer: Arc<impl Fn(&Asked) -> Answer>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    // Where the body breaks off, so does the connection.
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let asked = Asked {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        body: String::from_utf8_lossy(&body).into_owned(),
        headers: head.headers,
    };
    let Answer { status, kind, body, headers, gate } = answer(&asked);
    notes.send_modify(|all| all.push(asked));
    if let Some(gate) = gate {
        gate.passed().await;
    }
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers.into_iter().chain([("content-type", kind)]) {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}
