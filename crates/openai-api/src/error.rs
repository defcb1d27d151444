//! Errors as OpenAI's clients know them.
//!
//! The status alone picks the client's exception; the body's four members fill it. Source:
//! [Error codes](https://platform.openai.com/docs/guides/error-codes).

use std::time::Duration;

use serde::Serialize;

mod cause;
mod code;
mod gateway;

pub use cause::path;
pub use code::Code;

/// An error reply: a status, a body and the headers that steer a client's retries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// What went wrong and what to do.
    pub message: String,
    /// OpenAI's `type`.
    pub kind: &'static str,
    /// The part of the request that is to blame, as a JSON path.
    pub param: Option<String>,
    /// OpenAI's `code`.
    pub code: Option<Code>,
    /// When another try is worth it.
    pub retry_after: Option<Duration>,
    /// Whether another try is worth it at all; `None` leaves it to the client.
    pub should_retry: Option<bool>,
    /// Whether the connection cannot be used further.
    pub close: bool,
}

/// OpenAI's `type` of an error in the request.
pub(crate) const INVALID_REQUEST: &str = "invalid_request_error";

impl ApiError {
    pub(crate) fn new(
        status: u16,
        kind: &'static str,
        code: Option<Code>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            message: message.into(),
            kind,
            param: None,
            code,
            retry_after: None,
            should_retry: None,
            close: false,
        }
    }

    /// Builds a 400 for a request that is wrong.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, INVALID_REQUEST, None, message)
    }

    pub(crate) fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    pub(crate) fn code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    pub(crate) fn retry(mut self, should_retry: bool) -> Self {
        self.should_retry = Some(should_retry);
        self
    }

    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Writes the body: always an `error` with its four members.
    pub fn to_json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Body<'a> {
            error: Members<'a>,
        }
        #[derive(Serialize)]
        struct Members<'a> {
            message: &'a str,
            #[serde(rename = "type")]
            kind: &'a str,
            param: Option<&'a str>,
            code: Option<&'a str>,
        }
        let members = Members {
            message: &self.message,
            kind: self.kind,
            param: self.param.as_deref(),
            code: self.code.map(Code::name),
        };
        let mut body = Vec::with_capacity(128 + self.message.len());
        crate::text::write_json(&mut body, &Body { error: members });
        body
    }
}
