//! A server of HTTP/1.1 on loopback, as small as one can be.

use std::future::{Future, poll_fn};
use std::io::Write as _;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::BoxError;

/// A program that answers requests.
pub(crate) trait Service: Clone + Send + Sync + 'static {
    /// The body of its answers.
    type Body: http_body::Body<Data = bytes::Bytes, Error: Into<BoxError>> + Send + 'static;

    /// Answers one request.
    fn answer(
        &self,
        request: http::Request<Incoming>,
    ) -> impl Future<Output = Result<http::Response<Self::Body>, BoxError>> + Send;
}

/// Serves until the process is killed, on a free port where it is 0. The first line on stdout is the port.
pub(crate) fn run(threads: usize, port: u16, service: impl Service) -> Result<(), BoxError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    runtime.block_on(serve(port, service))
}

async fn serve(port: u16, service: impl Service) -> Result<(), BoxError> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                let service = service.clone();
                connections.spawn(async move {
                    let answer = service_fn(|request| Box::pin(service.answer(request)));
                    let mut connection =
                        http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
                    let ended = poll_fn(|context| connection.poll_without_shutdown(context)).await;
                    if ended.is_err() {
                        // A connection that breaks is the load's to notice, and does so at once.
                        let _ = connection.into_parts().io.into_inner().set_zero_linger();
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
