//! The list of models.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use chat::Readiness;
use http::Uri;
use http::header::{CONTENT_TYPE, HeaderValue};
use model_registry::Entry;
use openai_api::{ApiError, Model};
use percent_encoding::percent_decode_str;

use super::error;
use super::exchange::Exchange;
use super::gateway::Gateway;
use super::router::Ticket;

/// What a query asks of the list, as in Spice.
#[derive(Default)]
struct Wanted {
    csv: bool,
    status: bool,
    supports_responses_api: bool,
}

/// `GET /v1/models`.
pub(super) async fn list(
    State(gateway): State<Arc<Gateway>>,
    axum::Extension(exchange): Ticket,
    RawQuery(text): RawQuery,
) -> Response {
    let wanted = match wanted(text.as_deref().unwrap_or_default()) {
        Ok(wanted) => wanted,
        Err(refusal) => return error::response(&refusal, &exchange),
    };
    let visible = exchange.serving.registry.iter().filter(|entry| may_see(&exchange, entry));
    let models: Vec<Model<'_>> = visible.map(|entry| describe(entry, gateway.started, &wanted)).collect();
    if wanted.csv {
        reply("text/csv; charset=utf-8", openai_api::csv(&models).into())
    } else {
        reply("application/json", openai_api::list(&models).into())
    }
}

/// `GET /v1/models/{id}`, where an id may hold slashes.
pub(super) async fn retrieve(
    State(gateway): State<Arc<Gateway>>,
    axum::Extension(exchange): Ticket,
    uri: Uri,
) -> Response {
    let id = uri.path().strip_prefix("/v1/models/").unwrap_or_default();
    let id = percent_decode_str(id).decode_utf8_lossy();
    match exchange.serving.registry.get(&id).filter(|entry| may_see(&exchange, entry)) {
        Some(entry) => {
            let model = describe(entry, gateway.started, &Wanted::default());
            reply("application/json", openai_api::retrieve(&model).into())
        }
        None => error::response(&ApiError::model_not_found(&id), &exchange),
    }
}

fn reply(kind: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

pub(super) fn may_see(exchange: &Exchange, entry: &Entry) -> bool {
    exchange.caller().is_none_or(|caller| caller.may_use(&entry.name))
}

fn describe<'a>(entry: &'a Entry, created: u64, wanted: &Wanted) -> Model<'a> {
    let mut model = Model::new(&entry.name, created, entry.provider);
    if wanted.status {
        model = model.status(match entry.model.readiness() {
            Readiness::Initializing => "Initializing",
            Readiness::Ready => "Ready",
            Readiness::Error(_) => "Error",
        });
    }
    if wanted.supports_responses_api {
        model = model.supports_responses_api(false);
    }
    model
}

/// The pairs of a query, percent-decoded.
pub(super) fn query(text: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let decode = |text| percent_decode_str(text).decode_utf8_lossy();
    text.split('&').filter(|pair| !pair.is_empty()).map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

fn wanted(text: &str) -> Result<Wanted, ApiError> {
    let mut wanted = Wanted::default();
    for (name, value) in query(text) {
        match (&*name, &*value) {
            ("format", "json") => wanted.csv = false,
            ("format", "csv") => wanted.csv = true,
            ("format", _) => return Err(ApiError::invalid_query("format", "`format` is `json` or `csv`.")),
            ("status", "true") => wanted.status = true,
            ("status", "false") => wanted.status = false,
            ("status", _) => return Err(ApiError::invalid_query("status", "`status` is `true` or `false`.")),
            ("metadata_fields", fields) => {
                for field in fields.split(',').filter(|field| !field.is_empty()) {
                    if field != "supports_responses_api" {
                        let message = "`metadata_fields` takes `supports_responses_api` alone.";
                        return Err(ApiError::invalid_query("metadata_fields", message));
                    }
                    wanted.supports_responses_api = true;
                }
            }
            // OpenAI's clients add parameters of their own, such as `limit`, which change nothing here.
            _ => {}
        }
    }
    Ok(wanted)
}
