//! The numbers, on a listener of their own.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::gateway::Gateway;
use super::health::now;

/// The type of Prometheus' text format that has units.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Scrapers ask every few seconds; whoever says nothing for this long is gone.
const IDLE: Duration = Duration::from_secs(75);

/// More connections than any scraper needs; further ones wait.
const MAX_CONNECTIONS: usize = 32;

/// Serves the gateway's numbers until the future is dropped.
pub async fn serve_metrics(listener: TcpListener, gateway: Arc<Gateway>) {
    let mut connections: JoinSet<()> = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => {
                let Ok((stream, _)) = accepted else {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let gateway = Arc::clone(&gateway);
                connections.spawn(async move {
                    let service = service_fn(|request| {
                        std::future::ready(Ok::<_, Infallible>(page(&request, &gateway)))
                    });
                    let connection = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .header_read_timeout(IDLE)
                        .serve_connection(TokioIo::new(stream), service);
                    // A scraper that goes early asks again.
                    let _ = connection.await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

fn page(request: &Request<Incoming>, gateway: &Gateway) -> Response<Full<Bytes>> {
    let (status, kind, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => match gateway.metrics.text(now(gateway)) {
            Ok(text) => (StatusCode::OK, OPEN_METRICS, text),
            Err(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "the metrics cannot be written\n".into())
            }
        },
        (&Method::GET | &Method::HEAD, "/health") => (StatusCode::OK, "text/plain", "ok\n".into()),
        _ => (StatusCode::NOT_FOUND, "text/plain", "GET /metrics\n".into()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
