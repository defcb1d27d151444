//! Connections to Bedrock, shared by all models of a process.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::Shared;
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;
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
    let mut http = HttpConnector::new_with_resolver(Resolver::new());
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

/// What a look-up gives all who wait for it; a failure in words.
type Found = Result<Arc<[SocketAddr]>, Arc<str>>;

fn is_usable(found: &Found) -> bool {
    found.as_ref().is_ok_and(|addresses| !addresses.is_empty())
}

/// A look-up that is going on.
type LookUp = Shared<Pin<Box<dyn Future<Output = Found> + Send>>>;

/// A look-up that began longer ago is not joined: its answer may have been there for all that time.
const JOINED_FOR: Duration = Duration::from_secs(30);

/// Finds the addresses of one name, without those where an instance's metadata are served: no name and no spelling of
/// an address may lead there.
///
/// The system's resolver holds a thread and a socket for as long as a server of names does not answer, and cannot be
/// told to stop. So there is one look-up at a time: all connections wait for the same, and one that is given up is
/// there for the next, unless it has failed meanwhile.
#[derive(Clone)]
pub(super) struct Resolver {
    system: GaiResolver,
    going_on: Arc<Mutex<Option<(Instant, LookUp)>>>,
}

impl Resolver {
    fn new() -> Self {
        Self { system: GaiResolver::new(), going_on: Arc::default() }
    }

    /// Held to look, and to begin a look-up.
    fn going_on(&self) -> MutexGuard<'_, Option<(Instant, LookUp)>> {
        self.going_on.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The look-up that is going on, or a new one.
    fn look_up(&mut self, name: Name) -> LookUp {
        let going_on = Arc::clone(&self.going_on);
        let mut going_on = going_on.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((began, look_up)) = &*going_on
            && began.elapsed() < JOINED_FOR
        {
            // It has come to an end where everybody had given it up, and a failure is not one of now.
            let is_over_in_vain = look_up.clone().now_or_never().is_some_and(|found| !is_usable(&found));
            if !is_over_in_vain {
                return look_up.clone();
            }
        }
        let found = self.system.call(name);
        let look_up: Pin<Box<dyn Future<Output = Found> + Send>> = Box::pin(async move {
            let found = found.await.map_err(|error| Arc::from(error.to_string()))?;
            Ok(found.filter(|address| !serves_metadata(address.ip())).collect())
        });
        let look_up = look_up.shared();
        *going_on = Some((Instant::now(), look_up.clone()));
        look_up
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.system.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let look_up = self.look_up(name);
        let resolver = self.clone();
        Box::pin(async move {
            let found = look_up.clone().await;
            {
                // Whoever comes from here on wants to know how it is then.
                let mut going_on = resolver.going_on();
                if going_on.as_ref().is_some_and(|(_, other)| other.ptr_eq(&look_up)) {
                    *going_on = None;
                }
            }
            let usable = found.map_err(|error| io::Error::other(&*error))?;
            if usable.is_empty() {
                return Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "the name leads to no usable address",
                ));
            }
            let usable: Vec<SocketAddr> = usable.to_vec();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn connections_wait_for_the_same_look_up_and_not_for_an_old_one() {
        let mut resolver = Resolver::new();
        let mut look_up = || resolver.look_up("localhost".parse().unwrap());
        let first = look_up();
        assert!(first.ptr_eq(&look_up()));
        tokio::time::advance(JOINED_FOR).await;
        assert!(!first.ptr_eq(&look_up()));
    }

    #[tokio::test]
    async fn a_look_up_that_failed_after_all_had_given_it_up_is_not_told_to_the_next_one() {
        let old = SocketAddr::from(([127, 0, 0, 9], 0));
        for (found, is_told) in
            [(Ok(Arc::from([old])), true), (Ok(Arc::from([])), false), (Err("down".into()), false)]
        {
            let mut resolver = Resolver::new();
            let (tell, told) = tokio::sync::oneshot::channel();
            let look_up: Pin<Box<dyn Future<Output = Found> + Send>> = Box::pin(told.map(Result::unwrap));
            *resolver.going_on() = Some((Instant::now(), look_up.shared()));
            let mut call = || resolver.call("localhost".parse().unwrap());
            assert!(call().now_or_never().is_none(), "it goes on, and is given up");
            tell.send(found).unwrap();
            let found: Vec<_> = call().await.unwrap().collect();
            assert_eq!(found.contains(&old), is_told, "{found:?}");
        }
    }

    #[tokio::test]
    async fn the_next_look_up_is_a_new_one() {
        let mut resolver = Resolver::new();
        let first = resolver.call("localhost".parse().unwrap());
        let second = resolver.call("localhost".parse().unwrap());
        assert_eq!(first.await.unwrap().collect::<Vec<_>>(), second.await.unwrap().collect::<Vec<_>>());
        assert!(resolver.going_on().is_none());
    }
}
