//! A store in a manifest, against API servers on loopback, with and without TLS.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed assertion names its case"
)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use secrecy::ExposeSecret as _;
use secrets::{Environment, StoreKinds, Stores, Value};
use spicepod::Problem;

const TOKEN: &str = "hunter2-token";

/// `hunter2`, `a\n`, three bytes that are no text, and what is no base64.
const SECRET: &str = r#"{"kind":"Secret","data":{"A":"aHVudGVyMg==","B":"YQo=","C":"/////w==","D":"%hunter2"},"type":"Opaque"}"#;

/// A server that gives every request the same answer, and keeps the requests.
struct ApiServer {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

fn api_server(status: u16, body: &str, tls: Option<Arc<ServerConfig>>) -> ApiServer {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&requests);
    let answer = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    // The thread ends with the test's process.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            match &tls {
                None => converse(stream, &answer, &kept),
                Some(config) => {
                    let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                    converse(StreamOwned::new(connection, stream), &answer, &kept)
                }
            };
        }
    });
    ApiServer { port, requests }
}

/// Keeps the request before it is answered: whoever has the answer finds it.
fn converse(mut stream: impl Read + Write, answer: &str, kept: &Mutex<Vec<String>>) -> Option<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        request.push(byte[0]);
    }
    kept.lock().unwrap().push(String::from_utf8(request).ok()?);
    stream.write_all(answer.as_bytes()).ok()?;
    stream.flush().ok()
}

/// A certificate that vouches for itself, and a server's side of it.
fn certificate(name: &str) -> (String, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    (made.cert.pem(), Arc::new(config))
}

/// A pod's account: a token and a certificate.
fn account(ca: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), format!("{TOKEN}\n")).unwrap();
    std::fs::write(folder.path().join("ca.crt"), ca).unwrap();
    folder
}

fn params(folder: &Path) -> String {
    let folder = folder.display();
    format!("namespace: team, token_file: {folder}/token, ca_file: {folder}/ca.crt")
}

struct Outcome {
    values: Vec<Value>,
    shown: String,
    /// Whether all errors may be over by themselves.
    may_pass: bool,
}

impl Outcome {
    fn value(&self, index: usize) -> &str {
        let Value::Secret(secret) = &self.values[index] else { panic!("{index}: {}", self.shown) };
        secret.expose_secret()
    }
}

async fn resolve(from: &str, params: &str, keys: &[&str], variables: &[(&str, &str)]) -> Outcome {
    let mut manifest = format!(
        "version: v1\nkind: Spicepod\nname: demo\nsecrets:\n  - from: {from}\n    name: k8s\n    params: {{{params}}}\nmodels:\n  - from: bedrock:m\n    name: m\n    params:\n"
    );
    for (index, key) in keys.iter().enumerate() {
        manifest.push_str(&format!("      p{index}: ${{ k8s:{key} }}\n"));
    }
    let loaded = spicepod::parse("spicepod.yaml", &manifest);
    let environment = Environment::from_pairs(variables.iter().copied());
    let kinds = StoreKinds::default().with(secrets_kubernetes::KIND);
    let (stores, mut problems) = Stores::open(&loaded.spicepod.secrets, &environment, &kinds);
    let (resolved, found) = secrets::resolve(&loaded.spicepod, &stores, &|_| false).await;
    problems.extend(found);
    let shown = loaded.sources.render(&problems);
    assert!(!format!("{stores:?} {resolved:?} {problems:?} {shown}").contains("hunter2"), "{shown}");
    let may_pass = problems.iter().all(Problem::may_pass);
    Outcome { may_pass, values: resolved.models[0].params.values().cloned().collect(), shown }
}

#[tokio::test]
async fn a_pod_reads_a_secret_over_the_clusters_own_tls() {
    let (ca, config) = certificate("127.0.0.1");
    let server = api_server(200, SECRET, Some(config));
    let account = account(&ca);
    let port = server.port.to_string();
    let variables = [("KUBERNETES_SERVICE_HOST", "127.0.0.1"), ("KUBERNETES_SERVICE_PORT", port.as_str())];
    let params = params(account.path());
    let outcome = resolve("kubernetes:gateway.keys", &params, &["A", "B", "C", "D", "E"], &variables).await;
    assert_eq!((outcome.value(0), outcome.value(1)), ("hunter2", "a"));
    for expected in [
        "the key C of the secret gateway.keys is not text",
        "the key D of the secret gateway.keys is not text",
        "`${ k8s:E }` is not in any of the stores searched: `k8s` (Kubernetes, team/gateway.keys)",
        "help: add the key E to the secret team/gateway.keys",
    ] {
        assert!(outcome.shown.contains(expected), "{}", outcome.shown);
    }
    let requests = server.requests.lock().unwrap();
    assert_eq!(requests.len(), 1, "five keys, one call");
    assert!(requests[0].starts_with("GET /api/v1/namespaces/team/secrets/gateway.keys HTTP/1.1\r\n"));
    assert!(requests[0].contains(&format!("authorization: Bearer {TOKEN}\r\n")), "{}", requests[0]);
}

#[tokio::test]
async fn only_the_clusters_authority_vouches_for_it() {
    let (other, _) = certificate("127.0.0.1");
    let (elsewhere, elsewhere_config) = certificate("elsewhere.example");
    let (_, config) = certificate("127.0.0.1");
    for (ca, config) in [(other, config), (elsewhere, elsewhere_config)] {
        let server = api_server(200, SECRET, Some(config));
        let account = account(&ca);
        let params = format!("{}, api_server: 'https://127.0.0.1:{}'", params(account.path()), server.port);
        let outcome = resolve("kubernetes:gateway", &params, &["A"], &[]).await;
        assert!(outcome.shown.contains("cannot be reached: invalid peer certificate"), "{}", outcome.shown);
        assert!(server.requests.lock().unwrap().is_empty(), "no token for a stranger");
    }
}

#[tokio::test]
async fn the_token_is_read_anew_by_each_load() {
    let server = api_server(200, SECRET, None);
    let account = account("");
    let params = format!("{}, api_server: 'http://127.0.0.1:{}/proxy/'", params(account.path()), server.port);
    for token in ["first", "second"] {
        std::fs::write(account.path().join("token"), token).unwrap();
        let outcome = resolve("kubernetes:gateway", &params, &["A"], &[]).await;
        assert_eq!(outcome.value(0), "hunter2");
        let request = server.requests.lock().unwrap().pop().unwrap();
        assert!(request.contains(&format!("authorization: Bearer {token}\r\n")), "{request}");
        assert!(request.starts_with("GET /proxy/api/v1/namespaces/team/secrets/gateway "), "{request}");
    }
}

#[tokio::test]
async fn refusals_say_what_to_do_in_words_of_our_own() {
    let account = account("");
    let body = "{\"kind\":\"Status\",\"message\":\"hunter2\"}";
    for (status, body, expected) in [
        (401, body, "does not accept the token of the service account (401)"),
        (403, body, "the service account may not read the secret gateway in team (403)"),
        (403, body, "help: give it a role with the verb `get` on `secrets`, resource name gateway, in team"),
        (404, body, "there is no secret gateway in the namespace team"),
        (302, body, "did not hand out the secret gateway in team (302)"),
        (503, body, "did not hand out the secret gateway in team (503)"),
        (200, "\"hunter2\"", "the API server's answer is no secret"),
        (200, "{\"data\":{\"A\":[\"hunter2\"]}}", "the API server's answer is no secret"),
        (200, "{\"data\":null}", "`${ k8s:A }` is not in any of the stores searched"),
    ] {
        let server = api_server(status, body, None);
        let params = format!("{}, api_server: 'http://127.0.0.1:{}'", params(account.path()), server.port);
        let outcome = resolve("kubernetes:gateway", &params, &["A"], &[]).await;
        assert!(outcome.shown.contains(expected), "{status}: {}", outcome.shown);
        assert_eq!(outcome.may_pass, [401, 503].contains(&status), "{status}: {}", outcome.shown);
    }
    let large = format!("{{\"data\":{{\"A\":\"{}\"}}}}", "YWFh".repeat(1 << 20));
    let server = api_server(200, &large, None);
    let params = format!("{}, api_server: 'http://127.0.0.1:{}'", params(account.path()), server.port);
    let outcome = resolve("kubernetes:gateway", &params, &["A"], &[]).await;
    assert!(outcome.shown.contains("larger than a secret can be"), "{}", outcome.shown);
}

#[tokio::test]
async fn outside_a_pod_the_first_thing_that_is_missing_is_named() {
    let account = account("no certificate");
    let folder = account.path();
    std::fs::write(folder.join("empty"), "\n").unwrap();
    let host = [("KUBERNETES_SERVICE_HOST", "127.0.0.1"), ("KUBERNETES_SERVICE_PORT", "1")];
    let no_port = [("KUBERNETES_SERVICE_HOST", "127.0.0.1"), ("KUBERNETES_SERVICE_PORT", "x")];
    let local = "api_server: 'http://127.0.0.1:1'";
    let shown = folder.display();
    for (params, variables, expected) in [
        (String::new(), &[][..], "this process is in no pod: KUBERNETES_SERVICE_HOST is not set".to_owned()),
        (String::new(), &no_port, "KUBERNETES_SERVICE_PORT are no address".to_owned()),
        (String::new(), &host, "serviceaccount/namespace cannot be read: ".to_owned()),
        (params(folder), &host, format!("{shown}/ca.crt holds no certificate")),
        (
            format!("namespace: team, token_file: {shown}/nope, {local}"),
            &[],
            format!("{shown}/nope cannot be read"),
        ),
        (format!("namespace: team, token_file: {shown}, {local}"), &[], "is not a regular file".to_owned()),
        (format!("namespace: team, token_file: {shown}/empty, {local}"), &[], "holds no token".to_owned()),
        (
            format!("{}, {local}", params(folder)),
            &[],
            "127.0.0.1:1 cannot be reached: Connection refused".to_owned(),
        ),
    ] {
        let outcome = resolve("kubernetes:gateway", &params, &["A"], variables).await;
        assert!(outcome.shown.contains(&expected), "{params}: {}", outcome.shown);
        let is_unreachable = ["cannot be read: No such file", "cannot be reached"];
        let may_pass = is_unreachable.iter().any(|words| outcome.shown.contains(words));
        assert_eq!(outcome.may_pass, may_pass, "{}", outcome.shown);
    }
}

#[tokio::test]
async fn declarations_that_could_ask_for_something_else_open_nothing() {
    for (from, params, expected) in [
        ("kubernetes", "", "wants the name of a secret behind a colon"),
        ("kubernetes:../pods", "", "is no name of a secret"),
        ("kubernetes:a/b", "", "is no name of a secret"),
        ("kubernetes:A", "", "is no name of a secret"),
        ("kubernetes:..", "", "is no name of a secret"),
        ("'kubernetes:a?b'", "", "is no name of a secret"),
        ("kubernetes:a", "namespace: a/b", "is no name of a namespace"),
        ("kubernetes:a", "namespace: ''", "is no name of a namespace"),
        ("kubernetes:a", "api_server: 'http://10.0.0.1'", "without encryption to another machine"),
        ("kubernetes:a", "api_server: 'https://me@example.com'", "is no URL that begins with https://"),
        ("kubernetes:a", "api_server: 'https://example.com?x'", "is no URL that begins with https://"),
        ("kubernetes:a", "api_server: 'https://example.com:x'", "is no URL that begins with https://"),
        ("kubernetes:a", "api_server: example.com", "is no URL that begins with https://"),
        ("kubernetes:a", "tokenfile: x", "did you mean `token_file`?"),
    ] {
        let outcome = resolve(from, params, &[], &[]).await;
        assert!(outcome.shown.contains(expected), "{from} {params}: {}", outcome.shown);
    }
}
