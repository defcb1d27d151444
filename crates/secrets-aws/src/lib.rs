//! The secret store `aws_secrets_manager`: the keys of one JSON secret in AWS Secrets Manager.
//!
//! Owns the call to AWS and its credentials, which it finds as AWS's own tools do. Must not know what a secret is for,
//! nor how models find their credentials.

use std::fmt;

use secrecy::SecretString;
use secrets::{
    BoxFuture, Environment, Fetched, OpenError, Opening, SecretStore, Selector, StoreError, StoreKind,
};

use crate::credentials::Source;

mod client;
mod credentials;

/// The kind, whose selector is the name or the ARN of the secret.
pub const KIND: StoreKind = StoreKind {
    name: "aws_secrets_manager",
    selector: Selector::Required {
        what: "the name of a secret",
        example: "aws_secrets_manager:production/gateway",
    },
    params: &[REGION, PROFILE, ACCESS_KEY_ID, SECRET_ACCESS_KEY, SESSION_TOKEN, ENDPOINT_URL],
    open,
};

const REGION: &str = "aws_region";
const PROFILE: &str = "aws_profile";
const ACCESS_KEY_ID: &str = "aws_access_key_id";
const SECRET_ACCESS_KEY: &str = "aws_secret_access_key";
const SESSION_TOKEN: &str = "aws_session_token";
const ENDPOINT_URL: &str = "endpoint_url";

fn open(opening: &mut Opening<'_>) -> Result<Box<dyn SecretStore>, OpenError> {
    let text = |name: &str| match opening.text(name) {
        Some(text) if text.trim().is_empty() => {
            Err(OpenError::of_param(name, format!("`{name}` is empty"), "give it a value, or remove it"))
        }
        text => Ok(text),
    };
    let endpoint = text(ENDPOINT_URL)?;
    if let Some(problem) = endpoint.as_deref().and_then(refused) {
        return Err(OpenError::of_param(ENDPOINT_URL, problem, "write `https://…`, or remove it"));
    }
    let (region, profile) = (text(REGION)?, text(PROFILE)?);
    Ok(Box::new(AwsSecretsManager {
        secret: opening.selector().to_owned(),
        region: region.or_else(|| region_of_arn(opening.selector())),
        source: source(opening, profile)?,
        endpoint,
        environment: opening.environment().clone(),
        fetched: Fetched::default(),
    }))
}

/// What of the parameters says who asks.
fn source(opening: &Opening<'_>, profile: Option<String>) -> Result<Source, OpenError> {
    let pair = (opening.secret(ACCESS_KEY_ID), opening.secret(SECRET_ACCESS_KEY));
    let token = opening.secret(SESSION_TOKEN);
    let lonely = |given: &str, missing: &str| {
        let message = format!("`{given}` stands without `{missing}`");
        Err(OpenError::of_param(given, message, format!("add `{missing}`, or remove `{given}`")))
    };
    match (pair, token, profile) {
        ((Some(_), Some(_)), _, Some(_)) => {
            let message = format!("`{PROFILE}` and `{ACCESS_KEY_ID}` contradict each other");
            Err(OpenError::of_param(PROFILE, message, "remove one of them"))
        }
        ((Some(access_key_id), Some(secret_access_key)), session_token, None) => {
            Ok(Source::Keys { access_key_id, secret_access_key, session_token })
        }
        ((Some(_), None), ..) => lonely(ACCESS_KEY_ID, SECRET_ACCESS_KEY),
        ((None, Some(_)), ..) => lonely(SECRET_ACCESS_KEY, ACCESS_KEY_ID),
        ((None, None), Some(_), _) => lonely(SESSION_TOKEN, ACCESS_KEY_ID),
        ((None, None), None, Some(profile)) => Ok(Source::Profile(profile)),
        ((None, None), None, None) => Ok(Source::Chain),
    }
}

/// Why an address is not to be asked: secrets travel encrypted, or do not leave the machine.
fn refused(url: &str) -> Option<String> {
    let uri: Option<http::Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(|uri| uri.host());
    let scheme = uri.as_ref().and_then(|uri| uri.scheme_str());
    match (scheme, host) {
        (Some("https"), Some(_)) => None,
        (Some("http"), Some(host)) if is_loopback(host) => None,
        (Some("http"), Some(_)) => {
            Some("the endpoint would be asked without encryption on another machine".to_owned())
        }
        _ => Some("the endpoint is no URL that begins with https://".to_owned()),
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// The region that an ARN names.
fn region_of_arn(secret: &str) -> Option<String> {
    let mut parts = secret.strip_prefix("arn:")?.split(':');
    let region = parts.nth(2)?;
    (!region.is_empty()).then(|| region.to_owned())
}

/// One secret, asked for once.
struct AwsSecretsManager {
    /// Its name or ARN.
    secret: String,
    region: Option<String>,
    source: Source,
    endpoint: Option<String>,
    environment: Environment,
    fetched: Fetched,
}

impl SecretStore for AwsSecretsManager {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<SecretString>, StoreError>> {
        Box::pin(self.fetched.get(key, || Box::pin(client::fetch(self))))
    }

    fn describe(&self) -> String {
        format!("AWS Secrets Manager, {}", self.secret)
    }

    fn advice(&self, key: &str) -> String {
        format!("add the key {key} to the secret {}", self.secret)
    }
}

impl fmt::Debug for AwsSecretsManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsSecretsManager").field("secret", &self.secret).finish_non_exhaustive()
    }
}
