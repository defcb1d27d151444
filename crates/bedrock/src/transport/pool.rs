//! The free connections to one endpoint.

#[cfg(test)]
mod tests;

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use chat::{Calls, Vital};
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower_service::Service as _;

use super::connect::{BoxError, Connector};
use super::link::{Link, Reply};

/// Bedrock keeps an idle connection for a minute or so; ours close first.
const IDLE: Duration = Duration::from_secs(50);

/// How often those that are idle for too long are looked for.
const SWEEP: Duration = Duration::from_secs(10);

/// More idle connections than this to one endpoint are closed.
const MOST_IDLE: usize = 256;

/// Why no answer's head came.
#[derive(Debug)]
pub(super) enum SendError {
    /// There was no connection, and none could be made.
    Connect(BoxError),
    /// It was not sent: it is not to be any more, by this one of its gates.
    Withdrawn(usize),
    /// The connection broke, or what came is not HTTP.
    Exchange(hyper::Error),
}

/// The connections to one scheme, host and port.
pub(super) struct Pool {
    origin: Uri,
    connector: Connector,
    /// The last to come back is the first to be used, so that those that a peak left behind grow old.
    free: Mutex<Vec<Free>>,
    /// Closes what is idle for too long; ends with this value.
    _sweeper: JoinSet<()>,
}

struct Free {
    link: Box<Link>,
    since: Instant,
}

impl Pool {
    /// Begins without connections, and has those swept that are idle for too long.
    pub(super) fn swept(origin: Uri, connector: Connector) -> Arc<Self> {
        Arc::new_cyclic(|pool: &Weak<Self>| {
            let pool = Weak::clone(pool);
            let mut sweeper = JoinSet::new();
            sweeper.spawn(async move {
                loop {
                    tokio::time::sleep(SWEEP).await;
                    let Some(pool) = pool.upgrade() else { return };
                    pool.sweep();
                }
            });
            Self { origin, connector, free: Mutex::default(), _sweeper: sweeper }
        })
    }

    /// Held for a push or a pop.
    fn free(&self) -> MutexGuard<'_, Vec<Free>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request and waits for the head of its answer. A request of which nothing was sent, because the
    /// connection had been closed, goes over another. One that a used connection was lost with goes over a new one
    /// (`anew`): what closed that one may have closed the others as well.
    pub(super) async fn send(
        self: &Arc<Self>,
        mut request: Request<Full<Bytes>>,
        anew: bool,
        calls: &Calls,
    ) -> Result<Response<Reply>, SendError> {
        let mut begun = false;
        loop {
            let used = if anew { None } else { self.take().await };
            let is_used = used.is_some();
            let mut link = match used {
                Some(link) => link,
                // Seldom, and large: requests need not carry its room.
                None => Box::pin(self.connect()).await.map_err(|error| {
                    if !begun {
                        calls.called();
                    }
                    SendError::Connect(error)
                })?,
            };
            // Also where a connection turned out to be closed: another one may have taken long to make.
            if let Some(gate) = calls.shut() {
                self.put(link);
                if begun {
                    calls.withdrawn();
                }
                return Err(SendError::Withdrawn(gate));
            }
            if !std::mem::replace(&mut begun, true) {
                calls.called();
            }
            let mut unsent = match link.ask(request).await {
                Ok(response) => return Ok(self.reply(response, link)),
                Err(unsent) => unsent,
            };
            if is_used && !unsent.error().is_parse() {
                Vital::StaleConnection.count();
            }
            match unsent.take_message().filter(|_| is_used) {
                Some(again) => request = again,
                None => return Err(SendError::Exchange(unsent.into_error())),
            }
        }
    }

    fn reply(self: &Arc<Self>, response: Response<Incoming>, link: Box<Link>) -> Response<Reply> {
        response.map(|body| Reply::new(body, link, Arc::clone(self)))
    }

    /// Takes a connection that is still there.
    async fn take(&self) -> Option<Box<Link>> {
        loop {
            let Free { mut link, since } = self.free().pop()?;
            // What lies below is older still, and goes with the next sweep.
            if since.elapsed() >= IDLE {
                return None;
            }
            if poll_fn(|context| Poll::Ready(link.is_free(context))).await {
                return Some(link);
            }
        }
    }

    async fn connect(&self) -> Result<Box<Link>, BoxError> {
        let mut connector = self.connector.clone();
        poll_fn(|context| connector.poll_ready(context)).await?;
        let stream = connector.call(self.origin.clone()).await?;
        Ok(Box::new(Link::new(stream).await?))
    }

    /// Takes a connection back.
    pub(super) fn put(&self, link: Box<Link>) {
        let mut free = self.free();
        let oldest = (free.len() >= MOST_IDLE).then(|| free.remove(0));
        free.push(Free { link, since: Instant::now() });
        drop(free);
        drop(oldest);
    }

    /// Closes what was idle for too long.
    fn sweep(&self) {
        let mut free = self.free();
        let fresh = free.partition_point(|free| free.since.elapsed() >= IDLE);
        let old: Vec<Free> = free.drain(..fresh).collect();
        drop(free);
        drop(old);
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("origin", &self.origin).finish_non_exhaustive()
    }
}
