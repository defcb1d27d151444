//! The first yardstick: a reverse proxy that passes bytes on and does nothing else.

use bytes::Bytes;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::BoxError;
use crate::serve::Service;

/// A connector for short messages on loopback.
pub(crate) fn client<B>() -> Client<HttpConnector, B>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

/// Passes requests on to one server, by the path that they come with.
#[derive(Clone)]
pub(crate) struct Proxy {
    upstream: String,
    client: Client<HttpConnector, Incoming>,
}

impl Proxy {
    /// Passes on to `host:port`.
    pub(crate) fn new(upstream: &str) -> Self {
        Self { upstream: upstream.to_owned(), client: client() }
    }
}

impl Service for Proxy {
    type Body = Incoming;

    async fn answer(&self, mut request: Request<Incoming>) -> Result<Response<Incoming>, BoxError> {
        let path = request.uri().path_and_query().cloned().ok_or("a request without a path")?;
        *request.uri_mut() =
            Uri::builder().scheme("http").authority(self.upstream.as_str()).path_and_query(path).build()?;
        request.headers_mut().remove(http::header::HOST);
        Ok(self.client.request(request).await?)
    }
}
