//! The secret store `kubernetes`: the keys of one secret, asked of the API server of the cluster.
//!
//! Owns the call, and the service account of the pod that makes it. Must not know what a secret is for.

use std::fmt;
use std::path::PathBuf;

use http::Uri;
use http::uri::Authority;
use secrecy::SecretString;
use secrets::{
    BoxFuture, Environment, Fetched, OpenError, Opening, SecretStore, Selector, StoreError, StoreKind,
};

mod account;
mod client;

/// The kind, whose selector is the name of the secret.
pub const KIND: StoreKind = StoreKind {
    name: "kubernetes",
    selector: Selector::Required { what: "the name of a secret", example: "kubernetes:gateway" },
    params: &[NAMESPACE, API_SERVER, TOKEN_FILE, CA_FILE],
    open,
};

const NAMESPACE: &str = "namespace";
const API_SERVER: &str = "api_server";
const TOKEN_FILE: &str = "token_file";
const CA_FILE: &str = "ca_file";

/// Where Kubernetes mounts what a pod needs to speak to the API server.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

fn open(opening: &mut Opening<'_>) -> Result<Box<dyn SecretStore>, OpenError> {
    let secret = opening.selector().to_owned();
    if !is_name(&secret) {
        let help = "write a name of small letters, digits, `-` and `.`";
        return Err(OpenError::of_selector("what stands behind the colon is no name of a secret", help));
    }
    let namespace = opening.text(NAMESPACE);
    if namespace.as_deref().is_some_and(|name| !is_name(name)) {
        let help = "write a name of small letters, digits and `-`, or remove it for the pod's own";
        return Err(OpenError::of_param(NAMESPACE, format!("`{NAMESPACE}` is no name of a namespace"), help));
    }
    let api_server = match opening.text(API_SERVER) {
        Some(url) => Some(server(&url).map_err(|problem| {
            OpenError::of_param(API_SERVER, problem, "write `https://…`, or remove it")
        })?),
        None => None,
    };
    let file = |param: &str, name: &str| {
        let path = opening.text(param).map(PathBuf::from);
        path.unwrap_or_else(|| PathBuf::from(ACCOUNT).join(name))
    };
    Ok(Box::new(Kubernetes {
        secret,
        namespace,
        api_server,
        token_file: file(TOKEN_FILE, "token"),
        ca_file: file(CA_FILE, "ca.crt"),
        environment: opening.environment().clone(),
        fetched: Fetched::default(),
    }))
}

/// Whether a text can be a name of Kubernetes. Nothing else becomes part of a path.
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    text.len() <= 253
        && text.chars().all(plain)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
}

/// The address of an API server. The token travels encrypted, or does not leave the machine.
fn server(url: &str) -> Result<Uri, String> {
    let uri: Option<Uri> = url.trim_end_matches('/').parse().ok();
    let uri = uri.filter(|uri| uri.host().is_some() && uri.query().is_none());
    // A user in front of the host would be a password in the manifest.
    let sound = |authority: &Authority| {
        let port = authority.as_str().rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
        !authority.as_str().contains('@') && (port.is_none() || authority.port_u16().is_some())
    };
    let uri = uri.filter(|uri| uri.authority().is_some_and(sound));
    match uri.as_ref().and_then(|uri| Some((uri.scheme_str()?, uri.host()?))) {
        Some(("https", _)) => {}
        Some(("http", host)) if is_loopback(host) => {}
        Some(("http", _)) => {
            return Err("the token would be sent without encryption to another machine".to_owned());
        }
        _ => return Err("the API server is no URL that begins with https://".to_owned()),
    }
    uri.ok_or_else(|| "the API server is no URL".to_owned())
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// One secret, asked for once.
struct Kubernetes {
    secret: String,
    /// The pod's own where it is absent.
    namespace: Option<String>,
    /// The cluster's own where it is absent.
    api_server: Option<Uri>,
    token_file: PathBuf,
    ca_file: PathBuf,
    environment: Environment,
    fetched: Fetched,
}

impl SecretStore for Kubernetes {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<SecretString>, StoreError>> {
        Box::pin(self.fetched.get(key, || client::fetch(self)))
    }

    fn describe(&self) -> String {
        format!("Kubernetes, {}", self.shown())
    }

    fn advice(&self, key: &str) -> String {
        format!("add the key {key} to the secret {}", self.shown())
    }
}

impl Kubernetes {
    /// The secret, with its namespace where the manifest names one.
    fn shown(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.secret),
            None => self.secret.clone(),
        }
    }
}

impl fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kubernetes").field("secret", &self.shown()).finish_non_exhaustive()
    }
}
