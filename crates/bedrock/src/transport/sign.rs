//! Requests with an identity: a signature (`SigV4`) or a bearer token.
//!
//! Every request has the same method, headers and form of path, so its canonical request is written down as it is and
//! not put together from parts. A test holds the outcome to `aws-sigv4`. Source:
//! [Signature Version 4](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html).

use std::time::SystemTime;

use bytes::Bytes;
use chat::{Error, ErrorKind, Result};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request};
use http_body_util::Full;
use sha2::{Digest as _, Sha256};

use super::credentials::{Identity, SigningKeys};
use super::endpoint::Route;

const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");
const SPICERACK: HeaderValue = HeaderValue::from_static(concat!("spicerack/", env!("CARGO_PKG_VERSION")));
const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// The headers that are signed. Bedrock needs no more, so a proxy on the way may touch the others.
const SIGNED_HEADERS: &str = "content-type;host;x-amz-date";
const SIGNED_HEADERS_WITH_TOKEN: &str = "content-type;host;x-amz-date;x-amz-security-token";

/// The headers of a signed request, and room for what the HTTP library adds.
const HEADERS: usize = 8;

/// What a request is signed for.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    pub(super) host: &'a HeaderValue,
    pub(super) time: SystemTime,
}

/// Builds a request that carries its identity.
pub(super) fn signed(
    route: &Route,
    body: &Bytes,
    identity: &Identity,
    scope: &Scope<'_>,
) -> Result<Request<Full<Bytes>>> {
    let mut headers = HeaderMap::with_capacity(HEADERS);
    headers.insert(HOST, scope.host.clone());
    headers.insert(CONTENT_TYPE, APPLICATION_JSON);
    headers.insert(USER_AGENT, SPICERACK);
    match identity {
        Identity::Bearer(value) => {
            headers.insert(AUTHORIZATION, value.clone());
        }
        Identity::Keys(keys) => {
            let failed = || {
                let message = "the request cannot be signed: its time or its host is no text of a header";
                Error::new(ErrorKind::CredentialsUnavailable, message)
            };
            sign(&mut headers, route, body, keys, scope).ok_or_else(failed)?;
        }
    }
    let mut request = Request::new(Full::new(body.clone()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = route.uri.clone();
    *request.headers_mut() = headers;
    Ok(request)
}

/// Adds the headers of a signature; `None` where something of it cannot stand in a header.
fn sign(
    headers: &mut HeaderMap,
    route: &Route,
    body: &[u8],
    keys: &SigningKeys,
    scope: &Scope<'_>,
) -> Option<()> {
    let moment = keys.at(scope.time, scope.region)?;
    let token = match keys.token() {
        Some(token) => Some((token, token.to_str().ok()?)),
        None => None,
    };
    let signed_headers = if token.is_some() { SIGNED_HEADERS_WITH_TOKEN } else { SIGNED_HEADERS };
    // Step 1: the canonical request, of which the rest takes nothing but the hash.
    let mut canonical = String::with_capacity(512);
    for part in [
        "POST\n",
        &route.canonical_path,
        "\n\ncontent-type:application/json\nhost:",
        scope.host.to_str().ok()?,
        "\nx-amz-date:",
        &moment.time,
    ] {
        canonical.push_str(part);
    }
    if let Some((_, token)) = token {
        canonical.push_str("\nx-amz-security-token:");
        canonical.push_str(token);
    }
    canonical.push_str("\n\n");
    canonical.push_str(signed_headers);
    canonical.push('\n');
    push_hex(&mut canonical, &Sha256::digest(body));
    let mut hash = String::with_capacity(64);
    push_hex(&mut hash, &Sha256::digest(canonical.as_bytes()));
    // Steps 2 to 4.
    let authorization = keys.authorization(&moment, signed_headers, &hash);
    headers.insert(X_AMZ_DATE, HeaderValue::try_from(moment.time).ok()?);
    let mut authorization = HeaderValue::try_from(authorization).ok()?;
    authorization.set_sensitive(true);
    headers.insert(AUTHORIZATION, authorization);
    if let Some((token, _)) = token {
        headers.insert(X_AMZ_SECURITY_TOKEN, token.clone());
    }
    Some(())
}

/// Appends bytes in hexadecimal.
pub(super) fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(if digit < 10 { b'0' + digit } else { b'a' - 10 + digit }));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_credential_types::Credentials;
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign as sign_by_library};
    use aws_sigv4::sign::v4;
    use proptest::prelude::*;

    use super::*;

    /// What the library makes of the same request: its headers, in their order of names.
    fn by_library(
        route: &Route,
        body: &[u8],
        keys: &Credentials,
        scope: &Scope<'_>,
    ) -> Vec<(String, String)> {
        let identity = keys.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(scope.region)
            .name("bedrock")
            .time(scope.time)
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let url = format!("http://127.0.0.1:8080{}", route.uri);
        let headers = [("host", scope.host.to_str().unwrap()), ("content-type", "application/json")];
        let signable =
            SignableRequest::new("POST", &url, headers.into_iter(), SignableBody::Bytes(body)).unwrap();
        let (instructions, _) = sign_by_library(signable, &params).unwrap().into_parts();
        let mut headers: Vec<(String, String)> =
            instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        headers.sort();
        headers
    }

    fn by_us(route: &Route, body: &[u8], keys: &SigningKeys, scope: &Scope<'_>) -> Vec<(String, String)> {
        let mut map = HeaderMap::new();
        sign(&mut map, route, body, keys, scope).unwrap();
        let mut headers: Vec<(String, String)> =
            map.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        headers.sort();
        headers
    }

    proptest! {
        #[test]
        fn signatures_are_the_librarys(
            base in "(/[a-z.%~ :A-F0-9_-]{0,5}){0,3}/?",
            model in "[a-zA-Z0-9.-]{1,20}(%3A[0-9]{1,2}|%2F[a-z]{3})?",
            body in proptest::collection::vec(any::<u8>(), 0..300),
            token in proptest::option::of("[A-Za-z0-9/+=]{1,200}"),
            region in "[a-z]{2}-[a-z]{4}-[1-9]",
            seconds in proptest::collection::vec(0_u64..10_000_000_000, 1..4),
        ) {
            let path = format!("{}/model/{model}/converse", base.replace(' ', "%20"));
            let route = Route::new(&path).unwrap();
            let host = HeaderValue::from_static("127.0.0.1:8080");
            let credentials = Credentials::new("AKIDEXAMPLE", "secret/+key", token, None, "test");
            let keys = SigningKeys::new(credentials.clone()).unwrap();
            // One after the other with the same keys: another day has another key.
            for seconds in seconds {
                let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
                let scope = Scope { region: &region, host: &host, time };
                prop_assert_eq!(
                    by_us(&route, &body, &keys, &scope),
                    by_library(&route, &body, &credentials, &scope)
                );
            }
        }
    }
}
