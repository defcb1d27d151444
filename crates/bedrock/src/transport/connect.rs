//! Connections to Bedrock, shared by all models of a process.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::endpoint::serves_metadata;
use super::pool::Pool;

/// NAT gateways and load balancers of AWS forget a silent connection after 350 s, and a model may think longer.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// Makes connections within a time.
pub(super) type Connector = Timed<HttpsConnector<HttpConnector<Resolver>>>;

/// A connection, secured or not.
pub(super) type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The connections of a process. Models with the same endpoint and connect timeout share them, and those of an
/// endpoint close with its last model: a process that lives for long may have seen many.
#[derive(Default)]
pub(crate) struct Connections {
    pools: Mutex<HashMap<(Duration, Uri), Weak<Pool>>>,
}

impl Connections {
    /// Gives the connections to an endpoint: a scheme, a host and a port.
    ///
    /// # Errors
    ///
    /// Where `https` is wanted and the machine has no root certificates.
    pub(super) fn pool(&self, connect_timeout: Duration, origin: Uri) -> io::Result<Arc<Pool>> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(&(connect_timeout, origin.clone())).and_then(Weak::upgrade) {
            return Ok(pool);
        }
        let connector = connector(connect_timeout, origin.scheme_str() == Some("https"))?;
        let pool = Pool::swept(origin.clone(), connector);
        pools.retain(|_, pool| pool.strong_count() > 0);
        pools.insert((connect_timeout, origin), Arc::downgrade(&pool));
        Ok(pool)
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connections")
    }
}

fn connector(timeout: Duration, https: bool) -> io::Result<Connector> {
    let mut http = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_keepalive(Some(TCP_KEEPALIVE));
    http.set_connect_timeout(Some(timeout));
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let builder = HttpsConnectorBuilder::new();
    let builder = if https {
        builder.with_provider_and_native_roots(provider)?
    } else {
        // Plain HTTP needs no certificates, and must work on a machine that has none.
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        builder.with_tls_config(config)
    };
    Ok(Timed { inner: builder.https_or_http().enable_http1().wrap_connector(http), timeout })
}

/// Finds the addresses of a name, without those where an instance's metadata are served: no name and no spelling of
/// an address may lead there.
#[derive(Clone)]
pub(super) struct Resolver(GaiResolver);

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let found = self.0.call(name);
        Box::pin(async move {
            let usable: Vec<SocketAddr> =
                found.await?.filter(|address| !serves_metadata(address.ip())).collect();
            if usable.is_empty() {
                return Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "the name leads to no usable address",
                ));
            }
            Ok(usable.into_iter())
        })
    }
}

/// A connector whose every step together (name, TCP, TLS) has one deadline.
#[derive(Clone)]
pub(super) struct Timed<C> {
    inner: C,
    timeout: Duration,
}

/// Making a connection took too long.
#[derive(Debug)]
pub(super) struct ConnectTimedOut;

impl fmt::Display for ConnectTimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connecting took too long")
    }
}

impl std::error::Error for ConnectTimedOut {}

impl<C> Service<Uri> for Timed<C>
where
    C: Service<Uri, Error = BoxError>,
    C::Future: Send + 'static,
    C::Response: 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.inner.call(uri);
        let timeout = self.timeout;
        Box::pin(async move {
            match tokio::time::timeout(timeout, connecting).await {
                Ok(result) => result,
                Err(_) => Err(Box::from(ConnectTimedOut)),
            }
        })
    }
}
