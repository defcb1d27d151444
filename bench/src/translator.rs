//! The second yardstick: the smallest translator that one would write by hand. It knows the members that the loads
//! have, checks nothing, and has no logs, metrics, limits or timeouts.

mod sign;
mod sse;
mod wire;

pub(crate) use self::sign::KEYS;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;

use self::sse::Sse;
use crate::BoxError;
use crate::proxy::client;
use crate::scenario::MODELS;
use crate::serve::Service;

/// The key that callers bring.
pub(crate) const API_KEY: &str = "sk-bench";

/// A translator in front of one server.
#[derive(Clone)]
pub(crate) struct Translator(Arc<Inner>);

struct Inner {
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    signer: sign::Signer,
    next_id: AtomicU64,
}

impl Translator {
    /// Translates for `host:port`.
    pub(crate) fn new(upstream: &str) -> Self {
        Self(Arc::new(Inner {
            upstream: upstream.to_owned(),
            client: client(),
            signer: sign::Signer::new(),
            next_id: AtomicU64::new(1),
        }))
    }
}

/// What stands in every answer to one request.
struct Identity {
    id: String,
    created: u64,
    model: String,
}

impl Service for Translator {
    type Body = Either<Full<Bytes>, Sse>;

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Self::Body>, BoxError> {
        let inner = &*self.0;
        let key = request.headers().get("authorization").map(http::HeaderValue::as_bytes).unwrap_or_default();
        if key.strip_prefix(b"Bearer ") != Some(API_KEY.as_bytes()) {
            return Ok(Response::builder().status(401).body(Either::Left(Full::default()))?);
        }
        let body = request.into_body().collect().await?.to_bytes();
        let asked: wire::Asked<'_> = serde_json::from_slice(&body)?;
        let converse = serde_json::to_vec(&wire::Converse::from(&asked))?;
        let operation = if asked.stream { "converse-stream" } else { "converse" };
        let model = MODELS.iter().find(|(name, _)| *name == asked.model).ok_or("no such model")?.1;
        let path = format!("/model/{}/{operation}", model.replace(':', "%3A"));
        let uri =
            Uri::builder().scheme("http").authority(inner.upstream.as_str()).path_and_query(path).build()?;
        let request = inner.signer.signed(uri, &inner.upstream, converse.into())?;
        let answer = inner.client.request(request).await?;
        let identity = Identity {
            id: format!("chatcmpl-{}", inner.next_id.fetch_add(1, Ordering::Relaxed)),
            created: SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
            model: asked.model.into_owned(),
        };
        if asked.stream {
            let usage = asked.stream_options.is_some_and(|options| options.include_usage);
            let body = Sse::new(answer.into_body(), &identity, usage)?;
            return Ok(Response::builder()
                .header("content-type", "text/event-stream")
                .body(Either::Right(body))?);
        }
        let reply = answer.into_body().collect().await?.to_bytes();
        let reply: wire::Reply<'_> = serde_json::from_slice(&reply)?;
        let body = serde_json::to_vec(&wire::Completion::new(&identity, &reply))?;
        let body = Either::Left(Full::new(body.into()));
        Ok(Response::builder().header("content-type", "application/json").body(body)?)
    }
}

fn finish_reason(stop_reason: &str) -> &'static str {
    match stop_reason {
        "max_tokens" => "length",
        "tool_use" => "tool_calls",
        "content_filtered" | "guardrail_intervened" => "content_filter",
        _ => "stop",
    }
}
