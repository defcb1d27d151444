//! The errors of the gateway itself.

use std::time::Duration;

use super::{ApiError, Code, INVALID_REQUEST};
use crate::text::shorten;

const UNAVAILABLE: &str = "service_unavailable_error";

impl ApiError {
    /// 404: the model is not one of the manifest's, or the caller may not use it.
    pub fn model_not_found(name: &str) -> Self {
        let message =
            format!("The model `{}` does not exist or you do not have access to it.", shorten(name));
        Self::new(404, INVALID_REQUEST, Some(Code::ModelNotFound), message).param("model")
    }

    /// 404: there is no such route.
    pub fn unknown_route(method: &str, path: &str) -> Self {
        let message = format!("Unknown request URL: {} {}.", shorten(method), shorten(path));
        Self::new(404, INVALID_REQUEST, Some(Code::UnknownUrl), message)
    }

    /// 405: the route takes another method.
    pub fn method_not_allowed(method: &str, allowed: &str) -> Self {
        let message = format!("Method {} is not allowed here; use {allowed}.", shorten(method));
        Self::new(405, INVALID_REQUEST, Some(Code::MethodNotAllowed), message)
    }

    /// 401: no API key, or one that is not known. Always the same text, so that nothing is learned from it.
    pub fn unauthorized() -> Self {
        let message =
            "Incorrect or missing API key. Send it as `Authorization: Bearer <key>` or `X-API-Key: <key>`.";
        Self::new(401, INVALID_REQUEST, Some(Code::InvalidApiKey), message)
    }

    /// 415: the body is not JSON.
    pub fn unsupported_media_type(found: &str) -> Self {
        let message = format!(
            "Unsupported content-type `{}`. This endpoint only accepts `application/json`.",
            shorten(found)
        );
        Self::new(415, INVALID_REQUEST, Some(Code::UnsupportedContentType), message)
    }

    /// 415: the body is compressed.
    pub fn unsupported_content_encoding(found: &str) -> Self {
        let message =
            format!("Unsupported content-encoding `{}`. Send the body uncompressed.", shorten(found));
        Self::new(415, INVALID_REQUEST, Some(Code::UnsupportedContentEncoding), message)
    }

    /// 413: the body is larger than the limit, in bytes.
    pub fn body_too_large(limit: usize) -> Self {
        let message = format!("The request body is larger than {limit} bytes.");
        let error = Self::new(413, INVALID_REQUEST, Some(Code::RequestTooLarge), message);
        Self { close: true, ..error }
    }

    /// 408: the body did not arrive in time.
    pub fn body_timeout() -> Self {
        let message = "The request body did not arrive in time.";
        let error = Self::new(408, INVALID_REQUEST, Some(Code::RequestTimeout), message);
        Self { close: true, ..error }
    }

    /// 400: the body broke off or was framed wrongly.
    pub fn body_unreadable() -> Self {
        let error = Self::invalid("The request body could not be read to its end.").code(Code::InvalidBody);
        Self { close: true, ..error }
    }

    /// 400: the head of the request is not HTTP.
    pub fn malformed_head() -> Self {
        let message =
            "The request is not valid HTTP/1.1: check its request line, headers and line ends (CRLF).";
        let error = Self::invalid(message).code(Code::MalformedRequest);
        Self { close: true, ..error }
    }

    /// 421: the request names a host that is not this server.
    pub fn host_not_allowed(host: &str) -> Self {
        let message = format!(
            "This server is not `{}`. Call it as localhost, or let it be called so with `--allow-host`.",
            shorten(host)
        );
        Self::new(421, INVALID_REQUEST, Some(Code::HostNotAllowed), message)
    }

    /// 421: the request names two hosts, so that it is not clear which server it is for.
    pub fn hosts_differ() -> Self {
        let message = "The request's target and its `Host` header name different servers.";
        let error = Self::new(421, INVALID_REQUEST, Some(Code::HostNotAllowed), message);
        Self { close: true, ..error }
    }

    /// 403: a web page of an origin that may not call.
    pub fn origin_not_allowed() -> Self {
        let message = "Web pages of this origin may not call. `runtime.cors.allowed_origins` in the manifest would let them.";
        Self::new(403, INVALID_REQUEST, Some(Code::OriginNotAllowed), message)
    }

    /// 414: the address is longer than the server takes.
    pub fn uri_too_long() -> Self {
        let error =
            Self::new(414, INVALID_REQUEST, Some(Code::UriTooLong), "The request's address is too long.");
        Self { close: true, ..error }
    }

    /// 431: the head is larger than the server takes.
    pub fn head_too_large() -> Self {
        let message = "The request's head is too large: at most 64 KiB and 100 headers.";
        let error = Self::new(431, INVALID_REQUEST, Some(Code::HeadTooLarge), message);
        Self { close: true, ..error }
    }

    /// 400: a query parameter is wrong.
    pub fn invalid_query(name: &str, message: impl Into<String>) -> Self {
        Self::invalid(message).param(shorten(name))
    }

    /// 429: a limit of the manifest is met; there is room again after a time.
    pub fn rate_limited(message: impl Into<String>, after: Duration) -> Self {
        let error = Self::new(429, "rate_limit_error", Some(Code::RateLimitExceeded), message);
        error.retry(true).after(after)
    }

    /// 503: more requests are in flight than the gateway takes; another try is worth it after a time.
    pub fn overloaded(after: Duration) -> Self {
        let message = "Too many requests are in flight; try again in a moment.";
        let error = Self::new(503, UNAVAILABLE, Some(Code::ServerOverloaded), message);
        error.retry(true).after(after)
    }

    /// 503: the process is about to stop.
    pub fn shutting_down() -> Self {
        let message = "The server is shutting down; try again in a moment.";
        let error = Self::new(503, UNAVAILABLE, Some(Code::ServerShuttingDown), message);
        Self { close: true, ..error }.retry(true).after(Duration::from_secs(1))
    }

    /// 500: a defect of the gateway.
    pub fn internal() -> Self {
        let message = "The gateway failed inside. The log has more under this request's id.";
        Self::new(500, "api_error", Some(Code::InternalError), message).retry(false)
    }
}
