//! Web pages of other origins.
//!
//! Source: the [Fetch standard](https://fetch.spec.whatwg.org/#http-cors-protocol).

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, ORIGIN, VARY,
};
use http::{Method, StatusCode};

/// How long a browser may remember an answer, in seconds.
const MAX_AGE: &str = "600";

/// What pages may read besides the body.
const EXPOSED: &str = "x-request-id, x-amzn-requestid, x-spicerack-ignored, x-spicerack-adjusted, x-spicerack-model, x-spicerack-region, retry-after, retry-after-ms, x-should-retry";

/// The origins whose pages may call.
#[derive(Debug)]
pub struct Cors {
    any: bool,
    origins: Vec<String>,
}

impl Cors {
    /// Takes the settings of a manifest; `None` where no page may call.
    pub fn new(settings: &spicepod::Cors) -> Option<Self> {
        if !settings.enabled {
            return None;
        }
        let any = settings.allowed_origins.iter().any(|origin| origin == "*");
        let origins =
            settings.allowed_origins.iter().map(|origin| origin.trim_end_matches('/').to_owned()).collect();
        Some(Self { any, origins })
    }

    pub(super) fn allows(&self, origin: &HeaderValue) -> bool {
        self.any
            || self.origins.iter().any(|allowed| origin.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()))
    }

    /// Answers a browser that asks before it sends; `None` where that is not what a request is.
    pub(super) fn preflight(&self, request: &Request) -> Option<Response> {
        let headers = request.headers();
        let asks = request.method() == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        headers.get(ORIGIN).filter(|origin| asks && self.allows(origin))?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let answer = response.headers_mut();
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS"));
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
        // Clients send headers of their own, such as `x-stainless-lang`, and none of them is secret here.
        if let Some(wanted) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        Some(response)
    }

    /// Lets a page read a reply.
    pub(super) fn open(&self, origin: Option<&HeaderValue>, response: &mut Response) {
        let headers = response.headers_mut();
        headers.append(VARY, HeaderValue::from_static("origin"));
        let Some(origin) = origin.filter(|origin| self.allows(origin)) else { return };
        let shown = if self.any { HeaderValue::from_static("*") } else { origin.clone() };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, shown);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}
