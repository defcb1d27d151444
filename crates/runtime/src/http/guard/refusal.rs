//! Heads that the HTTP library refuses by itself, without a word: they get a reply like any other, a line in the log and
//! a place in the numbers.

use std::net::IpAddr;

use openai_api::ApiError;
use tokio::time::Instant;

use crate::http::error;
use crate::http::exchange::{Route, millis};
use crate::http::gateway::Gateway;
use crate::http::request_id;
use crate::metrics::Ended;

/// A head that was refused.
pub(super) struct Refusal {
    error: ApiError,
    /// What the status is called.
    reason: &'static str,
    request_id: String,
}

impl Refusal {
    /// Recognises the library's own refusal by its having no body: no reply of ours to a wrong request is without one.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let status = head.strip_prefix(b"HTTP/1.1 4")?.get(..2)?;
        let is_empty =
            head.windows(b"content-length: 0\r\n".len()).any(|bytes| bytes == b"content-length: 0\r\n");
        if !is_empty {
            return None;
        }
        let (error, reason) = match status {
            b"14" => (ApiError::uri_too_long(), "URI Too Long"),
            b"31" => (ApiError::head_too_large(), "Request Header Fields Too Large"),
            _ => (ApiError::malformed_head(), "Bad Request"),
        };
        Some(Self { error, reason, request_id: request_id::unique("req_") })
    }

    /// The reply as a whole.
    pub(super) fn reply(&self) -> Vec<u8> {
        let body = self.error.to_json();
        let mut reply = format!(
            "HTTP/1.1 {} {}\r\ncontent-type: application/json\r\nx-request-id: {}\r\n\
             x-content-type-options: nosniff\r\ncache-control: no-store\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n",
            self.error.status,
            self.reason,
            self.request_id,
            body.len(),
        )
        .into_bytes();
        reply.extend_from_slice(&body);
        reply
    }

    /// Leaves what every request leaves. Of the head nothing is told: it is not known what of it is what.
    pub(super) fn tell(&self, gateway: &Gateway, client: IpAddr, since: Instant) {
        let (route, reason, duration) = (Route::Other.name(), error::name(&self.error), since.elapsed());
        gateway.metrics.count(&Ended {
            route,
            model: &gateway.unknown,
            status: self.error.status,
            duration,
            first_token: None,
            usage: None,
            attempts: 0,
            way: None,
            budget_exhausted: false,
            failure: Some(reason),
        });
        tracing::info!(
            request_id = self.request_id,
            route,
            stream = false,
            status = self.error.status,
            end_reason = reason,
            attempts = 0,
            duration_ms = millis(duration),
            client = %client,
            "request"
        );
    }
}
