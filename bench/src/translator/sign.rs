//! Signature Version 4, as the library gives it.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;

use crate::BoxError;

/// The keys that every program of the benchmark signs with. AWS's documentation shows them as examples.
pub(crate) const KEYS: [&str; 3] =
    ["AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "session-token-example"];

/// Signs requests.
pub(super) struct Signer(Identity);

impl Signer {
    pub(super) fn new() -> Self {
        let [id, secret, token] = KEYS;
        Self(Credentials::new(id, secret, Some(token.to_owned()), None, "bench").into())
    }

    /// Builds a signed request.
    pub(super) fn signed(&self, uri: Uri, host: &str, body: Bytes) -> Result<Request<Full<Bytes>>, BoxError> {
        let params = v4::SigningParams::builder()
            .identity(&self.0)
            .region("us-east-1")
            .name("bedrock")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let url = uri.to_string();
        let headers = [("host", host), ("content-type", "application/json")];
        let signable = SignableRequest::new("POST", &url, headers.into_iter(), SignableBody::Bytes(&body))?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        let mut request = Request::post(uri)
            .header("host", host)
            .header("content-type", "application/json")
            .body(Full::new(body))?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}
