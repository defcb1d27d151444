//! `POST /v1/chat/completions`.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use chat::{Calls, ChatModel, Route};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use openai_api::{ApiError, ChatCompletionRequest, ChunkEncoder, Identity, Translated};
use routing::{Met, Reserved};

use super::auth::Keys;
use super::exchange::Exchange;
use super::gateway::Gateway;
use super::models::may_see;
use super::router::{Ticket, add_upstream_id};
use super::sse::SseBody;
use super::watermark::Announced;
use super::{body, error, request_id};
use crate::metrics::{Scope, Shed};

const X_IGNORED: HeaderName = HeaderName::from_static("x-spicerack-ignored");
const X_MODEL: HeaderName = HeaderName::from_static("x-spicerack-model");
const X_REGION: HeaderName = HeaderName::from_static("x-spicerack-region");
const X_ADJUSTED: HeaderName = HeaderName::from_static("x-spicerack-adjusted");

/// What a client calls its session, before the members of the request that say so.
const X_SESSION_ID: HeaderName = HeaderName::from_static("x-session-id");

/// The longest list of names in a header; a client may send any number of members.
const LONGEST_LIST: usize = 1024;

/// More names of previews than there are.
const MOST_BETAS: usize = 32;

/// Answers a chat, as a whole or piece by piece.
pub(super) async fn create(
    State(gateway): State<Arc<Gateway>>,
    axum::Extension(exchange): Ticket,
    request: Request,
) -> Response {
    let answered = tokio::select! {
        answered = answer(&gateway, &exchange, request) => answered,
        // Streams that have begun end themselves; what has not begun is told here, wherever it is.
        () = gateway.shutdown.until_cut() => {
            if exchange.is_reading() {
                exchange.leaves_unread();
            }
            Err(ApiError::shutting_down().into())
        }
    };
    match answered {
        Ok(response) => response,
        Err(Refusal::Gateway(refusal)) => error::response(&refusal, &exchange),
        Err(Refusal::Model(failure)) => {
            exchange.failed_by(&failure);
            exchange.fail(failure.kind().name());
            let mut response = error::response(&ApiError::from(&failure), &exchange);
            add_upstream_id(&mut response, failure.request_id());
            add_route(&mut response, failure.route());
            response
        }
    }
}

/// Who refused a request.
enum Refusal {
    Gateway(ApiError),
    Model(chat::Error),
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Gateway(error)
    }
}

impl From<chat::Error> for Refusal {
    fn from(error: chat::Error) -> Self {
        Self::Model(error)
    }
}

async fn answer(gateway: &Gateway, exchange: &Arc<Exchange>, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let Received { announced, reserved, bytes } = receive(gateway, exchange, &parts.headers, body).await?;
    let (betas, named) = (betas(&parts.headers), session_id(&parts.headers));
    // The connection reads on into the buffer that the head came in, once nothing points there any more.
    drop(parts);
    let wire = ChatCompletionRequest::from_slice(&bytes)?;
    drop(bytes);
    let Translated {
        mut request,
        model: name,
        stream,
        include_usage,
        legacy_functions,
        session,
        ignored,
        adjusted,
    } = openai_api::translate(wire)?;
    drop(announced);
    let entry = exchange.serving.registry.get(&name).filter(|entry| may_see(exchange, entry));
    let entry = entry.ok_or_else(|| ApiError::model_not_found(&name))?;
    exchange.asks(entry, stream);
    if let Some(limiter) = &entry.limiter {
        let running = limiter.admit().map_err(|met| refused(gateway, Scope::Model, met))?;
        exchange.runs(Scope::Model, running);
    }
    if let Some(reserved) = reserved {
        exchange.runs(Scope::Key, reserved.begin());
    }
    request.betas = betas;
    let member = session.as_ref().map(|session| session.member);
    // What chooses the model has an effect.
    let chooses = member.filter(|_| entry.keeps_sessions && named.is_none());
    request.session = named.or(session.map(|session| session.key));
    request.calls = Calls::seen_by(Arc::<Exchange>::clone(exchange));
    let created = gateway.clock.now();
    let identity = Identity { id: request_id::unique("chatcmpl-"), created, model: name };
    gateway.fetcher.fill(&mut request, &entry.remote).await?;
    let (mut response, head) = if stream {
        let encoder = ChunkEncoder::new(&identity, include_usage, legacy_functions);
        streamed(&*entry.model, request, encoder, exchange).await?
    } else {
        whole(&*entry.model, request, (&identity, legacy_functions), exchange).await?
    };
    add_upstream_id(&mut response, head.upstream_request_id.as_deref());
    let ignored = ignored.into_iter().filter(|name| Some(name.as_str()) != chooses);
    let ignored = ignored.chain(head.ignored.iter().map(openai_api::path));
    add_route(&mut response, head.route.as_deref());
    add_list(&mut response, X_IGNORED, ignored);
    let adjusted = adjusted.into_iter().chain(head.adjusted.iter().map(openai_api::path));
    add_list(&mut response, X_ADJUSTED, adjusted);
    Ok(response)
}

/// A chat that has come, with what is kept for it.
struct Received {
    announced: Option<Announced>,
    /// Room among the chats of its key, where those are limited.
    reserved: Option<Reserved>,
    bytes: Bytes,
}

/// Lets a chat in, reads its body, and takes a place for it.
async fn receive(
    gateway: &Gateway,
    exchange: &Exchange,
    headers: &HeaderMap,
    body: Body,
) -> Result<Received, ApiError> {
    exchange.reads(true);
    let (mut announced, reserved) = match admit(gateway, exchange, headers) {
        Ok(admitted) => admitted,
        Err(refusal) => {
            body::discard(exchange, headers, body).await;
            return Err(refusal);
        }
    };
    let bytes = body::read(exchange, headers, body, announced.as_mut()).await?;
    exchange.reads(false);
    take_place(gateway, exchange).await?;
    Ok(Received { announced, reserved, bytes })
}

/// Makes room for a chat's body, and keeps room for the chat among those of its key; or refuses it before its body is
/// read. Where there is no place, nor one to wait for, that is known by now as well.
fn admit(
    gateway: &Gateway,
    exchange: &Exchange,
    headers: &HeaderMap,
) -> Result<(Option<Announced>, Option<Reserved>), ApiError> {
    if !gateway.admission.has_room() {
        return Err(gateway.shed(Shed::QueueFull));
    }
    let mut announced = None;
    if let Some(watermark) = &gateway.watermark {
        let length = body::length(headers);
        announced = watermark.admit(length);
        // One at a time is always let in: what an allocator keeps for later is not given back while nothing happens.
        if announced.is_none() && gateway.admission.is_idle() {
            announced = watermark.admit_alone(length);
        }
        if announced.is_none() {
            return Err(gateway.shed(Shed::Memory));
        }
    }
    let mut reserved = None;
    let keys = exchange.serving.door.keys.as_ref();
    if keys.is_some_and(Keys::are_limited)
        && let Some(caller) = exchange.caller()
        && let Some(limiter) = caller.limiter()
    {
        reserved = Some(limiter.reserve().map_err(|met| refused(gateway, Scope::Key, met))?);
    }
    Ok((announced, reserved))
}

/// Takes a place among the chats in flight, after a short wait where there is none. A body that comes slowly takes none.
async fn take_place(gateway: &Gateway, exchange: &Exchange) -> Result<(), ApiError> {
    let admitted = match gateway.admission.try_admit() {
        Some(admitted) => Ok(admitted),
        None => {
            let keys = exchange.serving.door.keys.as_ref().map_or(0, Keys::len);
            gateway.admission.wait(exchange.caller(), keys).await
        }
    };
    exchange.hold(admitted.map_err(|reason| gateway.shed(reason))?);
    Ok(())
}

/// Refuses a chat that met a limit.
fn refused(gateway: &Gateway, scope: Scope, met: Met) -> ApiError {
    gateway.metrics.overload.limited(scope, met.limit);
    let whose = match scope {
        Scope::Key => "API key",
        Scope::Model => "model",
    };
    ApiError::rate_limited(met.message(whose), met.after)
}

/// The previews of Anthropic's features that a client asks for; they come in a header of that API.
fn betas(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all("anthropic-beta").iter().filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|value| value.split(',')).map(str::trim).filter(|name| !name.is_empty());
    names.take(MOST_BETAS).map(ToOwned::to_owned).collect()
}

/// The session that a request says it belongs to by a header.
fn session_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(X_SESSION_ID)?.as_bytes().trim_ascii();
    (!id.is_empty()).then(|| String::from_utf8_lossy(id).into_owned())
}

async fn whole(
    model: &dyn ChatModel,
    request: chat::Request,
    (identity, legacy_functions): (&Identity, bool),
    exchange: &Exchange,
) -> Result<(Response, chat::Head), chat::Error> {
    let completion = model.complete(request).await?;
    exchange.answered_by(&completion.head);
    exchange.costs(completion.response.metadata.usage);
    let mut response =
        Response::new(Body::from(openai_api::completion(identity, &completion.response, legacy_functions)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok((response, completion.head))
}

async fn streamed(
    model: &dyn ChatModel,
    request: chat::Request,
    encoder: ChunkEncoder,
    exchange: &Arc<Exchange>,
) -> Result<(Response, chat::Head), chat::Error> {
    let streaming = model.stream(request).await?;
    exchange.answered_by(&streaming.head);
    let body = SseBody::new(streaming.events, encoder, Arc::clone(exchange));
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    // nginx buffers a stream until it ends unless told otherwise.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok((response, streaming.head))
}

/// Says which of several models answered, or failed in the end, and where.
fn add_route(response: &mut Response, route: Option<&Route>) {
    let Some(Route { leg, .. }) = route else { return };
    for (name, text) in [(X_MODEL, Some(&leg.model)), (X_REGION, leg.region.as_ref())] {
        // Names may hold letters beyond ASCII, which are bytes in a header.
        if let Some(value) = text.and_then(|text| HeaderValue::from_bytes(text.as_bytes()).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
}

/// Adds a header with a list of names, shortened where it would be too long. What a header or the list cannot hold is
/// shown as `?`: names of members may be a client's.
fn add_list(response: &mut Response, name: HeaderName, items: impl Iterator<Item = String>) {
    let mut list = String::new();
    let mut more = 0_usize;
    for item in items {
        if list.len() + item.len() > LONGEST_LIST {
            more += 1;
            continue;
        }
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.extend(item.chars().map(|c| if c.is_ascii_graphic() && c != ',' { c } else { '?' }));
    }
    if more > 0 {
        // Writing to a string cannot fail.
        let _ = write!(list, ", and {more} more");
    }
    if let Some(value) = HeaderValue::from_str(&list).ok().filter(|value| !value.is_empty()) {
        response.headers_mut().insert(name, value);
    }
}
