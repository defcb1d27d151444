//! One `GET` of a secret, and what its answer means.
//!
//! This is the crate's only file that exposes secrets. The API server's own words never become part of a message.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::RootCertStore;
use secrecy::{ExposeSecret as _, SecretString};
use secrets::{Secrets, StoreError};
use serde::Deserialize;

use crate::Kubernetes;

/// Secrets of Kubernetes hold 1 MiB; this is that in base64, with room for what is around it.
const MAX_BYTES: usize = 4 * 1024 * 1024;

type HttpClient = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

/// What of a secret's JSON counts here.
#[derive(Deserialize)]
struct Answer {
    data: Option<HashMap<String, String>>,
}

/// Fetches the secret, and decodes it.
pub(crate) async fn fetch(store: &Kubernetes) -> Result<Secrets, StoreError> {
    let address = store.address()?;
    let namespace = store.namespace()?;
    let encrypted = address.scheme_str() == Some("https");
    let client = client(if encrypted { store.roots()? } else { RootCertStore::empty() }, encrypted)?;
    let request = request(store, &address, &namespace)?;
    let answer = client.request(request).await.map_err(|error| unreachable(&address, &error))?;
    let status = answer.status();
    if status != StatusCode::OK {
        return Err(refusal(status, &store.secret, &namespace));
    }
    let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await.map_err(|_| {
        let message = "the API server's answer broke off, or is larger than a secret can be";
        StoreError::new(message, "try again, and check `api_server`").passing(true)
    })?;
    // What serde says about a text may quote it.
    let answer: Answer = serde_json::from_slice(&body.to_bytes())
        .map_err(|_| StoreError::new("the API server's answer is no secret", "check `api_server`"))?;
    let entries = answer.data.unwrap_or_default().into_iter();
    Ok(entries.map(|(key, text)| (key.clone(), decode(&store.secret, &key, &text))).collect())
}

fn client(roots: RootCertStore, encrypted: bool) -> Result<HttpClient, StoreError> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::new(format!("TLS does not work here: {error}"), "report this"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let builder = HttpsConnectorBuilder::new().with_tls_config(config);
    let builder = if encrypted { builder.https_only() } else { builder.https_or_http() };
    Ok(Client::builder(TokioExecutor::new()).build(builder.enable_http1().build()))
}

fn request(store: &Kubernetes, address: &Uri, namespace: &str) -> Result<Request<Empty<Bytes>>, StoreError> {
    let base = address.to_string();
    let uri =
        format!("{}/api/v1/namespaces/{namespace}/secrets/{}", base.trim_end_matches('/'), store.secret);
    let token = store.token()?;
    let unusable = || StoreError::new("the request for the secret cannot be built", "check `api_server`");
    let mut bearer =
        HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).map_err(|_| unusable())?;
    bearer.set_sensitive(true);
    Request::get(uri)
        .header(AUTHORIZATION, bearer)
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, "spicerack")
        .body(Empty::new())
        .map_err(|_| unusable())
}

/// Decodes a value. The line end that `echo` puts behind a secret goes, as it does where the secret is mounted.
fn decode(secret: &str, key: &str, text: &str) -> Result<SecretString, StoreError> {
    let bytes = STANDARD.decode(text).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
        StoreError::new(format!("the key {key} of the secret {secret} is not text"), "store it as text")
    })?;
    let line = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(SecretString::from(line))
}

fn refusal(status: StatusCode, secret: &str, namespace: &str) -> StoreError {
    let code = status.as_u16();
    match status {
        StatusCode::UNAUTHORIZED => StoreError::new(
            format!("the API server does not accept the token of the service account ({code})"),
            "see that the token is mounted, and of this cluster",
        )
        // Kubernetes renews it in place.
        .passing(true),
        StatusCode::FORBIDDEN => StoreError::new(
            format!("the service account may not read the secret {secret} in {namespace} ({code})"),
            format!(
                "give it a role with the verb `get` on `secrets`, resource name {secret}, in {namespace}"
            ),
        ),
        StatusCode::NOT_FOUND => StoreError::new(
            format!("there is no secret {secret} in the namespace {namespace}"),
            "create it there, or set `namespace` in the store's params",
        ),
        _ => StoreError::new(
            format!("the API server did not hand out the secret {secret} in {namespace} ({code})"),
            "try again later",
        )
        .passing(status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS),
    }
}

fn unreachable(address: &Uri, error: &(dyn Error + 'static)) -> StoreError {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    let server = address.authority().map_or("", |authority| authority.as_str());
    let message = format!("the API server {server} cannot be reached: {innermost}");
    StoreError::new(message, "check the network, and that `ca_file` belongs to the cluster").passing(true)
}
