//! Errors onto the wire.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use openai_api::{ApiError, Code};

use super::exchange::Exchange;

const X_SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

/// Turns an error into a reply, and notes it for the log line.
pub(super) fn response(error: &ApiError, exchange: &Exchange) -> Response {
    exchange.fail(name(error));
    let mut response = Response::new(Body::from(error.to_json()));
    *response.status_mut() =
        http::StatusCode::from_u16(error.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(delay) = error.retry_after {
        // Whole seconds, rounded up: a client must not come back early.
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        let millis = u64::try_from(delay.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        headers.insert(RETRY_AFTER_MS, HeaderValue::from(millis));
    }
    if let Some(again) = error.should_retry {
        headers.insert(X_SHOULD_RETRY, HeaderValue::from_static(if again { "true" } else { "false" }));
    }
    if error.status == 401 {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if error.close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// What logs and metrics call an error of the gateway: its code, or else its type.
pub(super) fn name(error: &ApiError) -> &'static str {
    error.code.map_or(error.kind, Code::name)
}
