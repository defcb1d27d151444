//! Connections: accepted within a cap, served, and let go when the process ends.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::clients::Clients;
use super::exchange::Peer;
use super::gateway::Gateway;
use super::guard::{Activity, Guard};
use super::router::Application;
use super::tls::speaks_http2;

/// The largest head of a request, and the size of the read buffer.
const MAX_BUFFER: usize = 64 * 1024;

/// The most headers of a request.
const MAX_HEADERS: usize = 100;

/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 100;

/// The largest head of a request over HTTP/2, unpacked.
const MAX_HEADER_LIST: u32 = 16 * 1024;

/// How often a silent HTTP/2 connection is asked whether it is still there.
const PING: Duration = Duration::from_secs(30);

/// How long accepting pauses where the process has no descriptors left.
const PAUSE: Duration = Duration::from_millis(50);

/// How often it is told that connections cannot be accepted.
const TELL_AGAIN: Duration = Duration::from_secs(10);

/// How long connections may take to send what they were cut off with.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Serves until the gateway's shutdown asks for the end and running answers have ended, or were cut off after
/// the time that the manifest gives them. Gives the number of connections that were.
pub async fn serve(listener: TcpListener, gateway: Arc<Gateway>) -> usize {
    let application = Application::new(gateway);
    let mut connections = JoinSet::new();
    accept(listener, &application, &mut connections).await;
    drain(&application, connections).await
}

/// Accepts connections until the process is asked to stop; the listener closes with it.
async fn accept(listener: TcpListener, application: &Application, connections: &mut JoinSet<()>) {
    let gateway = application.gateway();
    let free = Arc::new(Semaphore::new(gateway.limits.connections.min(Semaphore::MAX_PERMITS)));
    let clients = Clients::new(gateway.limits.client_connections);
    let mut told: Option<Instant> = None;
    loop {
        let next = async {
            // The semaphore is never closed.
            let permit = Arc::clone(&free).acquire_owned().await;
            (permit, listener.accept().await)
        };
        tokio::select! {
            (permit, accepted) = next => match accepted {
                Ok((stream, address)) => {
                    let Some(counted) = clients.admit(address.ip()) else {
                        tracing::debug!(client = %address.ip(), "a client has too many connections");
                        continue;
                    };
                    let application = application.clone();
                    connections.spawn(async move {
                        // Both as a whole: their drops make room.
                        let (_permit, counted) = (permit, counted);
                        connection(stream, counted.client, &application).await;
                    });
                }
                Err(error) => {
                    if !is_the_clients(&error) {
                        gateway.metrics.accept_errors.inc();
                        // Most often there are no descriptors left, which lasts.
                        if told.is_none_or(|at| at.elapsed() >= TELL_AGAIN) {
                            told = Some(Instant::now());
                            tracing::warn!(%error, "a connection cannot be accepted; it is tried again");
                        }
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = gateway.shutdown.draining() => return,
        }
    }
}

/// The client went between its connecting and our accepting.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

async fn drain(application: &Application, mut connections: JoinSet<()>) -> usize {
    let drain = application.gateway().serving().drain;
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(drain, all_ended).await.is_ok() {
        return 0;
    }
    let cut = connections.len();
    application.gateway().shutdown.cut();
    let all_ended = async { while connections.join_next().await.is_some() {} };
    // Whoever does not read even now is cut off without a word.
    let _ = tokio::time::timeout(LAST_WORDS, all_ended).await;
    cut
}

async fn connection(stream: TcpStream, client: IpAddr, application: &Application) {
    let gateway = application.gateway();
    gateway.metrics.connections.inc();
    // Fails on a closed socket only, which the first read notices.
    let _ = stream.set_nodelay(true);
    // The connection keeps the certificate that it was shown.
    let tls = gateway.serving().door.tls.clone();
    let peer = Peer { address: client, encrypted: tls.is_some() };
    let ended = match &tls {
        None => Box::pin(http1(stream, peer, application)).await,
        Some(tls) => match tokio::time::timeout(gateway.limits.head_time, tls.accept(stream)).await {
            Ok(Ok(stream)) if speaks_http2(&stream) => Box::pin(http2(stream, peer, application)).await,
            Ok(Ok(stream)) => Box::pin(http1(stream, peer, application)).await,
            // Scanners and probes do not shake hands.
            Ok(Err(_)) | Err(_) => Ok(()),
        },
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
    gateway.metrics.connections.dec();
}

async fn http1(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    application: &Application,
) -> hyper::Result<()> {
    let gateway = application.gateway();
    let activity = Activity::default();
    let io = TokioIo::new(Guard::new(stream, &gateway.limits, activity.clone()));
    let service = service_fn(|request| {
        let answering = activity.begin();
        async {
            let response = application.call(request, peer).await;
            Ok::<_, Infallible>(response.map(|body| answering.with(body)))
        }
    });
    let connection = http1::Builder::new()
        // The guard has a timer for heads and one for idle connections; the library would set one for each request.
        .header_read_timeout(None)
        .max_buf_size(MAX_BUFFER)
        .max_header_size(MAX_BUFFER)
        .max_headers(MAX_HEADERS)
        .serve_connection(io, service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => ended,
        () = gateway.shutdown.draining() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}

async fn http2(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    application: &Application,
) -> hyper::Result<()> {
    let gateway = application.gateway();
    let application = application.clone();
    let service = service_fn(move |request| {
        let application = application.clone();
        async move { Ok::<_, Infallible>(application.call(request, peer).await) }
    });
    // What a stream needs of tasks ends with its connection.
    let tasks = Tasks::default();
    let connection = http2::Builder::new(tasks.clone())
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_LIST)
        .max_send_buf_size(MAX_BUFFER)
        // A client that is gone without a word is found out, and its calls with it.
        .keep_alive_interval(Some(PING))
        .keep_alive_timeout(gateway.limits.write_time)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => ended,
        () = gateway.shutdown.draining() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}

/// The tasks of one HTTP/2 connection; its end is theirs.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that have ended leave room.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }
}
