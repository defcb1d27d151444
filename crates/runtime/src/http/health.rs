//! Whether the process lives, and whether it can answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use chat::Readiness;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::gateway::Gateway;
use super::models::query;
use super::router::Ticket;
use super::serving::Serving;
use crate::metrics::Now;

/// The process lives.
pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// At least one model can answer, none is still finding out, and the process is not about to stop. Models that a reload
/// adds do not take back what was said of the others.
pub(super) async fn ready(
    State(gateway): State<Arc<Gateway>>,
    axum::Extension(exchange): Ticket,
    RawQuery(text): RawQuery,
    headers: HeaderMap,
) -> Response {
    let serving = &exchange.serving;
    let states: Vec<(&str, Readiness)> =
        serving.registry.iter().map(|entry| (&*entry.name, entry.model.readiness())).collect();
    let is_ready = can_answer(&gateway, serving, states.iter().map(|(_, state)| state));
    let status = if is_ready { "ready" } else { "not ready" };
    let verbose =
        query(text.as_deref().unwrap_or_default()).any(|(name, value)| name == "verbose" && value == "true");
    let (kind, body) = if verbose {
        // Names are for those who may use the models, and reasons tell about the machine.
        let caller = serving.door.keys.as_ref().map(|keys| keys.caller(&headers));
        let may_see = |name: &str| match &caller {
            None => true,
            Some(caller) => caller.as_ref().is_some_and(|caller| caller.may_use(name)),
        };
        let seen = states.iter().filter(|(name, _)| may_see(name));
        let models: Vec<Value> = seen.map(|(name, state)| describe(name, state)).collect();
        let may_see_all = caller.is_none_or(|caller| caller.is_some_and(|caller| caller.may_use_all()));
        let rejected = gateway.rejected().filter(|_| may_see_all);
        let config = json!({
            "generation": serving.generation,
            "errors": rejected.as_ref().map_or(&[][..], |rejected| &rejected.errors),
        });
        ("application/json", json!({ "status": status, "models": models, "config": config }).to_string())
    } else {
        ("text/plain; charset=utf-8", status.to_owned())
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Whether requests have a chance.
fn can_answer<'a>(
    gateway: &Gateway,
    serving: &Serving,
    mut states: impl Iterator<Item = &'a Readiness> + Clone,
) -> bool {
    let settled = serving.generation > 1 || states.clone().all(|state| *state != Readiness::Initializing);
    settled && states.any(|state| *state == Readiness::Ready) && !gateway.shutdown.is_draining()
}

/// The same for the numbers, with how the models stand that workers choose from.
pub(super) fn now(gateway: &Gateway) -> Now {
    let serving = gateway.serving();
    let mut now = Now::default();
    let mut states = Vec::with_capacity(serving.registry.len());
    for entry in serving.registry.iter() {
        let state = entry.model.readiness();
        now.add(&entry.name, &state, entry.model.standings());
        states.push(state);
    }
    now.ready = can_answer(gateway, &serving, states.iter());
    now
}

fn describe(name: &str, state: &Readiness) -> Value {
    match state {
        Readiness::Initializing => json!({ "name": name, "status": "initializing", "reason": null }),
        Readiness::Ready => json!({ "name": name, "status": "ready", "reason": null }),
        Readiness::Error(reason) => {
            json!({ "name": name, "status": "error", "reason": reason })
        }
    }
}
