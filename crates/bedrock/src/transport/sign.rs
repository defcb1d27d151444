//! Requests with an identity: a signature (`SigV4`) or a bearer token.
//!
//! Source: [Signature Version 4](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html).

use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use chat::{Error, ErrorKind, Result};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use http::{Method, Request, Uri};
use http_body_util::Full;

use super::credentials::Identity;

const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");
const SPICERACK: HeaderValue = HeaderValue::from_static(concat!("spicerack/", env!("CARGO_PKG_VERSION")));

/// What a request is signed for.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    pub(super) host: &'a HeaderValue,
    pub(super) time: SystemTime,
}

/// Builds a request that carries its identity.
///
/// Only the headers that Bedrock needs are signed, so that a proxy on the way may touch the others.
pub(super) fn signed(
    uri: &Uri,
    body: &Bytes,
    identity: &Identity,
    scope: &Scope<'_>,
) -> Result<Request<Full<Bytes>>> {
    let mut request = Request::new(Full::new(body.clone()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri.clone();
    let headers = request.headers_mut();
    headers.insert(HOST, scope.host.clone());
    headers.insert(CONTENT_TYPE, APPLICATION_JSON);
    headers.insert(USER_AGENT, SPICERACK);
    match identity {
        Identity::Bearer(value) => {
            headers.insert(AUTHORIZATION, value.clone());
        }
        Identity::Keys(keys) => {
            let failed = |error: &dyn std::fmt::Display| {
                Error::new(
                    ErrorKind::CredentialsUnavailable,
                    format!("the request cannot be signed: {error}"),
                )
            };
            let params = v4::SigningParams::builder()
                .identity(keys)
                .region(scope.region)
                .name("bedrock")
                .time(scope.time)
                .settings(SigningSettings::default())
                .build()
                .map_err(|error| failed(&error))?
                .into();
            let host = scope.host.to_str().map_err(|error| failed(&error))?;
            let signed_headers = [("host", host), ("content-type", "application/json")];
            let url = uri.to_string();
            let signable =
                SignableRequest::new("POST", &url, signed_headers.into_iter(), SignableBody::Bytes(body))
                    .map_err(|error| failed(&error))?;
            let (instructions, _) = sign(signable, &params).map_err(|error| failed(&error))?.into_parts();
            instructions.apply_to_request_http1x(&mut request);
        }
    }
    Ok(request)
}
