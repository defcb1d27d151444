//! One connection to Bedrock, driven by whoever uses it.
//!
//! A connection could have a task of its own, and requests could talk to that. Then every piece of an answer wakes two
//! tasks, on two threads as a rule; most of what a paced stream costs is such waking. Here the request's own task
//! reads and writes its connection, and dropping the answer closes it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, Connection, SendRequest};

use super::connect::Stream;
use super::pool::Pool;
use super::wake::Group;

/// The largest head of a reply, and the most that is read ahead of a client that does not keep up.
const MAX_BUFFER: usize = 16 * 1024;

/// A connection.
pub(super) struct Link {
    sender: SendRequest<Full<Bytes>>,
    driver: Driver,
    group: Group,
}

/// The end that reads and writes; gone once the connection has ended.
struct Driver(Option<Connection<Stream, Full<Bytes>>>);

impl Driver {
    /// Reads and writes what can be. What goes wrong is told by the answer that waits for it.
    fn poll(&mut self, context: &mut Context<'_>) {
        if let Some(connection) = &mut self.0
            && Pin::new(connection).poll(context).is_ready()
        {
            self.0 = None;
        }
    }
}

impl Link {
    pub(super) async fn new(stream: Stream) -> hyper::Result<Self> {
        let (sender, connection) = http1::Builder::new().max_buf_size(MAX_BUFFER).handshake(stream).await?;
        Ok(Self { sender, driver: Driver(Some(connection)), group: Group::default() })
    }

    /// Whether it could take a request now.
    pub(super) fn is_free(&mut self, context: &mut Context<'_>) -> bool {
        let Self { sender, driver, group } = self;
        let free = group.poll(context, |context| {
            driver.poll(context);
            if driver.0.is_none() {
                return Poll::Ready(false);
            }
            sender.poll_ready(context).map(|ready| ready.is_ok())
        });
        matches!(free, Poll::Ready(true))
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    ///
    /// With the request, where nothing of it was sent.
    pub(super) async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        let Self { sender, driver, group } = self;
        let mut asking = pin!(sender.try_send_request(request));
        poll_fn(|context| {
            group.poll(context, |context| {
                driver.poll(context);
                asking.as_mut().poll(context)
            })
        })
        .await
    }
}

/// The body of an answer. At its end, the connection is free for the next request.
pub(crate) struct Reply {
    body: Incoming,
    link: Option<Box<Link>>,
    pool: Arc<Pool>,
}

impl Reply {
    pub(super) fn new(body: Incoming, link: Box<Link>, pool: Arc<Pool>) -> Self {
        Self { body, link: Some(link), pool }
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reply")
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let Self { body, link, .. } = &mut *self;
        let frame = match link {
            Some(link) => {
                let Link { driver, group, .. } = &mut **link;
                group.poll(context, |context| {
                    driver.poll(context);
                    Pin::new(&mut *body).poll_frame(context)
                })
            }
            None => Pin::new(body).poll_frame(context),
        };
        let frame = ready!(frame);
        if frame.is_none()
            && let Some(mut link) = self.link.take()
            && link.is_free(context)
        {
            self.pool.put(link);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.link.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
