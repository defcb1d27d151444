//! Connections: accepted within a cap, served, and let go when the process ends.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use prometheus_client::metrics::gauge::Gauge;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::body::Unread;
use super::clients::Clients;
use super::exchange::Peer;
use super::gateway::Gateway;
use super::guard::{Activity, Guard};
use super::http2;
use super::router::Application;
use super::tls::{Tls, speaks_http2};
use crate::metrics::Phase;

/// The largest head of a request, and the size of the read buffer.
pub(super) const MAX_BUFFER: usize = 64 * 1024;

/// The most headers of a request.
const MAX_HEADERS: usize = 100;

/// How long accepting pauses where the process has no descriptors left.
const PAUSE: Duration = Duration::from_millis(50);

/// How often it is told that connections cannot be accepted.
const TELL_AGAIN: Duration = Duration::from_secs(10);

/// How long connections may take to send what they were cut off with.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long what is cut off without a word may take to be gone: no longer than a task takes to be interrupted.
const LAST_LINES: Duration = Duration::from_millis(400);

/// Serves until the gateway's shutdown asks for the end and running answers have ended, or were cut off after
/// the time that the manifest gives them. Gives the number of answers that were.
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
                        gateway.metrics.overload.rejected.inc();
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

/// Waits for the connections, and gives the number of answers that were cut off.
async fn drain(application: &Application, mut connections: JoinSet<()>) -> usize {
    let gateway = application.gateway();
    let shutdown = &gateway.shutdown;
    let last_words = tokio::select! {
        () = all_ended(&mut connections) => return 0,
        () = tokio::time::sleep(gateway.serving().drain) => LAST_WORDS,
        // Somebody is in a hurry.
        () = shutdown.until_cut() => LAST_WORDS / 2,
    };
    let cut = shutdown.running();
    shutdown.cut();
    let _ = tokio::time::timeout(last_words, all_ended(&mut connections)).await;
    // Whoever does not read even now is cut off without a word, but not without a line in the log.
    let gone = async {
        connections.shutdown().await;
        shutdown.none_runs().await;
    };
    let _ = tokio::time::timeout(LAST_LINES, gone).await;
    cut
}

async fn all_ended(connections: &mut JoinSet<()>) {
    while connections.join_next().await.is_some() {}
}

async fn connection(stream: TcpStream, client: IpAddr, application: &Application) {
    let gateway = application.gateway();
    let _counted = Open::count(&gateway.metrics.connections);
    // Fails on a closed socket only, which the first read notices.
    let _ = stream.set_nodelay(true);
    // The connection keeps the certificate that it was shown.
    let tls = gateway.serving().door.tls.clone();
    let peer = Peer { address: client, encrypted: tls.is_some() };
    let handshake = async |tls: &Tls, stream| {
        tokio::select! {
            ended = tokio::time::timeout(gateway.limits.head_time, tls.accept(stream)) => Some(ended),
            // Who has asked nothing holds nobody up.
            () = gateway.shutdown.settled() => None,
        }
    };
    let ended = match &tls {
        None => Box::pin(http1(stream, peer, application)).await,
        Some(tls) => match handshake(tls, stream).await {
            None => Ok(()),
            Some(Ok(Ok(stream))) if speaks_http2(&stream) => {
                Box::pin(http2::serve(stream, peer, application)).await
            }
            Some(Ok(Ok(stream))) => Box::pin(http1(stream, peer, application)).await,
            // Scanners and probes do not shake hands.
            Some(Ok(Err(_))) => Ok(()),
            Some(Err(_)) => {
                gateway.metrics.overload.timed_out(Phase::Handshake);
                Ok(())
            }
        },
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// An open connection, counted for as long as it lives, whatever ends it.
struct Open<'a>(&'a Gauge);

impl<'a> Open<'a> {
    fn count(gauge: &'a Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

async fn http1(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    application: &Application,
) -> hyper::Result<()> {
    let gateway = application.gateway();
    let activity = Activity::default();
    let io = TokioIo::new(Guard::new(stream, peer.address, Arc::clone(gateway), activity.clone()));
    let service = service_fn(|request| {
        let answering = activity.begin();
        let activity = &activity;
        // Idle connections need no room for the work on a request.
        Box::pin(async move {
            let response = application.call(request, peer).await;
            if response.extensions().get::<Unread>().is_some() {
                activity.leaves_unread();
            }
            Ok::<_, Infallible>(response.map(|body| answering.with(body)))
        })
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
        ended = connection.as_mut() => return ended,
        () = gateway.shutdown.draining() => {}
    }
    // Whose answer is running gets no other one. Others may ask once more while the process waits for those, and are
    // told: a connection that closes under a request looks like a failure.
    if !activity.is_busy() {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = gateway.shutdown.settled() => {}
        }
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}
