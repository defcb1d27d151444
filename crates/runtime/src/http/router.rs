//! The routes, and what every request goes through.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use futures_util::FutureExt as _;
use http::Version;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, HeaderName, HeaderValue, ORIGIN, X_CONTENT_TYPE_OPTIONS,
};
use http_body::Body as _;
use openai_api::ApiError;
use tower_service::Service as _;

use super::body::{self, Tracked, Unread};
use super::exchange::{Asked, Exchange, Peer, Route};
use super::gateway::Gateway;
use super::request_id::{self, X_REQUEST_ID};
use super::{chat_completions, error, health, models};

/// The longest path and query together, in bytes: no route needs more.
const LONGEST_TARGET: usize = 8 * 1024;

const X_AMZN_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// Every route. Who may ask is decided in front of them, and not by each on its own.
fn routes() -> [(&'static str, MethodRouter<Arc<Gateway>>); 5] {
    [
        ("/v1/chat/completions", post(chat_completions::create)),
        ("/v1/models", get(models::list)),
        ("/v1/models/{*id}", get(models::retrieve)),
        ("/health", get(health::health)),
        ("/v1/ready", get(health::ready)),
    ]
}

/// The gateway as one function from a request to a reply. Clones share everything.
#[derive(Clone, Debug)]
pub(super) struct Application {
    gateway: Arc<Gateway>,
    routes: Router,
}

impl Application {
    pub(super) fn new(gateway: Arc<Gateway>) -> Self {
        let routes = routes()
            .into_iter()
            .fold(Router::new(), |router, (path, methods)| router.route(path, methods))
            .fallback(unknown_route)
            .method_not_allowed_fallback(method_not_allowed)
            .with_state(Arc::clone(&gateway));
        Self { gateway, routes }
    }

    pub(super) fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// Answers one request.
    pub(super) async fn call<B>(&self, request: http::Request<B>, peer: Peer) -> Response
    where
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let request = request.map(Body::new);
        let route = Route::of(request.uri().path());
        let request_id = request_id::of(request.headers());
        let asked = Asked { request_id, method: request.method().clone(), route, client: peer.address };
        let exchange = Arc::new(Exchange::begin(Arc::clone(&self.gateway), asked));
        let is_http2 = request.version() == Version::HTTP_2;
        let is_head = request.method() == http::Method::HEAD;
        let origin = request.headers().get(ORIGIN).cloned();
        // A defect in one request is that request's alone.
        let answered = AssertUnwindSafe(self.route(&exchange, request)).catch_unwind().await;
        let mut response = answered.unwrap_or_else(|_| error::response(&ApiError::internal(), &exchange));
        exchange.status(response.status().as_u16());
        let headers = response.headers_mut();
        headers.insert(X_REQUEST_ID, exchange.request_id().clone());
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        let door = &exchange.serving.door;
        // Encryption was turned on or off since the client connected.
        let is_of_another_door = peer.encrypted != door.tls.is_some();
        // Over HTTP/2 a stream ends alone, and the connection says by itself that the process ends.
        if !is_http2 && (is_of_another_door || exchange.is_unread() || self.gateway.shutdown.is_draining()) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if exchange.is_unread() {
            response.extensions_mut().insert(Unread);
        }
        if let Some(cors) = &door.cors {
            cors.open(origin.as_ref(), &mut response);
        }
        if is_head || response.body().is_end_stream() {
            exchange.complete();
        }
        response.map(|inner| Body::new(Tracked::new(inner, exchange)))
    }

    async fn route(&self, exchange: &Arc<Exchange>, mut request: Request) -> Response {
        if let Some(answer) = exchange.serving.door.cors.as_ref().and_then(|cors| cors.preflight(&request)) {
            return answer;
        }
        if let Err(refusal) = admit(exchange, &request) {
            let (parts, body) = request.into_parts();
            body::discard(exchange, &parts.headers, body).await;
            return error::response(&refusal, exchange);
        }
        request.extensions_mut().insert(Arc::clone(exchange));
        // The router is always ready, and clones itself anyway.
        let Ok(response) = self.routes.clone().call(request).await;
        response
    }
}

/// Refuses who may not call, and everybody once the process is about to stop.
fn admit(exchange: &Exchange, request: &Request) -> Result<(), ApiError> {
    let door = &exchange.serving.door;
    if request.uri().path_and_query().is_some_and(|target| target.as_str().len() > LONGEST_TARGET) {
        return Err(ApiError::uri_too_long());
    }
    door.check(request)?;
    if exchange.route().is_open() {
        return Ok(());
    }
    if let Some(keys) = &door.keys {
        exchange.set_caller(keys.caller(request.headers()).ok_or_else(ApiError::unauthorized)?);
    }
    if exchange.gateway.shutdown.is_draining() {
        return Err(ApiError::shutting_down());
    }
    Ok(())
}

/// The exchange that a request belongs to, for handlers.
pub(super) type Ticket = axum::Extension<Arc<Exchange>>;

/// Adds the provider's id of a request to its reply.
pub(super) fn add_upstream_id(response: &mut Response, id: Option<&str>) {
    if let Some(value) = id.and_then(|id| HeaderValue::from_str(id).ok()) {
        response.headers_mut().insert(X_AMZN_REQUEST_ID, value);
    }
}

async fn unknown_route(axum::Extension(exchange): Ticket, request: Request) -> Response {
    let error = ApiError::unknown_route(request.method().as_str(), request.uri().path());
    let (parts, body) = request.into_parts();
    body::discard(&exchange, &parts.headers, body).await;
    error::response(&error, &exchange)
}

async fn method_not_allowed(axum::Extension(exchange): Ticket, request: Request) -> Response {
    let allowed = if exchange.route() == Route::ChatCompletions { "POST" } else { "GET, HEAD" };
    let error = ApiError::method_not_allowed(request.method().as_str(), allowed);
    let (parts, body) = request.into_parts();
    body::discard(&exchange, &parts.headers, body).await;
    let mut response = error::response(&error, &exchange);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

#[cfg(test)]
mod tests;
