//! The door: TLS, origins and hosts, and what a request may cost.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{Events, Gateway, hello, hello_streamed, manifest, pod, run, spicerack};

/// A folder with a manifest that is served with TLS, and the certificate.
pub(crate) fn encrypted(tls: &str) -> (TempDir, CertificateDer<'static>) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = pod(&manifest(&[]).replace("models:\n", &format!("runtime:\n  tls:\n{tls}models:\n")));
    std::fs::write(folder.path().join("server.pem"), certified.cert.pem()).unwrap();
    std::fs::write(folder.path().join("server.key"), certified.signing_key.serialize_pem()).unwrap();
    (folder, certified.cert.der().clone())
}

pub(crate) const FILES: &str = "    certificate_file: server.pem\n    key_file: server.key\n";

pub(crate) async fn connect(
    address: SocketAddr,
    root: CertificateDer<'static>,
    protocol: &[u8],
) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

pub(crate) fn post(body: &Value) -> Request<Full<Bytes>> {
    let request = Request::post("https://localhost/v1/chat/completions").header("host", "localhost");
    request.body(Full::new(Bytes::from(body.to_string()))).unwrap()
}

pub(crate) fn served(folder: &TempDir) -> Gateway {
    let mut command = spicerack();
    command.arg(folder.path()).arg("--emulator");
    Gateway::spawn(&mut command)
}

#[tokio::test]
async fn connections_are_encrypted_and_may_speak_either_version_of_http() {
    let (folder, root) = encrypted(FILES);
    let gateway = served(&folder);
    let stream = connect(gateway.address, root.clone(), b"http/1.1").await;
    let (mut http1, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { drop(connection.await) });
    assert_eq!(http1.send_request(post(&hello("hi"))).await.unwrap().status(), 200);

    let stream = connect(gateway.address, root, b"h2").await;
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (http2, connection) = handshake.unwrap();
    tasks.spawn(async move { drop(connection.await) });
    // Many at once on one connection.
    let asking = (0..20).map(|_| {
        let mut http2 = http2.clone();
        async move {
            let response = http2.send_request(post(&hello_streamed("hi"))).await.unwrap();
            assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
            response.into_body().collect().await.unwrap().to_bytes()
        }
    });
    for body in futures_util::future::join_all(asking).await {
        assert!(Events::of(std::str::from_utf8(&body).unwrap()).done);
    }
}

#[test]
fn a_certificate_that_cannot_be_used_is_a_problem_of_the_manifest() {
    for (tls, message) in [
        ("    certificate_file: server.pem\n", "encryption needs a key"),
        ("    key_file: server.key\n", "encryption needs a certificate"),
        ("    certificate_file: missing.pem\n    key_file: server.key\n", "`missing.pem` cannot be read: "),
        (
            "    certificate_file: server.key\n    key_file: server.key\n",
            "`certificate_file` holds no certificate",
        ),
        (
            "    certificate_file: server.pem\n    key_file: server.pem\n",
            "`key_file` holds no private key as PEM",
        ),
        ("    certificate: nonsense\n    key_file: server.key\n", "`certificate` holds no certificate"),
        ("    certificate_file: server.pem\n    key: canary-4711\n", "`key` holds no private key as PEM"),
        (
            "    certificate_file: server.pem\n    certificate: x\n    key_file: server.key\n",
            "are the same setting",
        ),
    ] {
        let (folder, _) = encrypted(tls);
        let output = run(spicerack().arg("check").arg(folder.path()));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{tls}: {said}");
        assert!(
            said.contains(message) && said.contains("runtime.tls") && !said.contains("canary"),
            "{tls}: {said}"
        );
    }
    let (folder, _) = encrypted("    enabled: false\n");
    assert_eq!(run(spicerack().arg("check").arg(folder.path())).status.code(), Some(0));
}

#[test]
fn a_secret_of_the_certificate_that_is_not_there_is_one_problem() {
    let (folder, _) = encrypted("    certificate_file: server.pem\n    key: ${ env:GONE }\n");
    let said = String::from_utf8(run(spicerack().arg("check").arg(folder.path())).stderr).unwrap();
    assert_eq!(said.matches(": error: ").count(), 1, "{said}");
    assert!(said.contains("GONE"), "{said}");
}

#[test]
fn an_origin_that_no_browser_sends_is_a_problem() {
    let top = "runtime:\n  cors:\n    enabled: true\n    allowed_origins: ['https://a.example', a.example]\nmodels:\n";
    let folder = pod(&manifest(&[]).replace("models:\n", top));
    let output = run(spicerack().arg("check").arg(folder.path()));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(
        said.contains("runtime.cors.allowed_origins[1]: `a.example` is not the origin of a page"),
        "{said}"
    );
}

#[tokio::test]
async fn the_certificate_and_its_key_may_come_from_secrets() {
    let (folder, root) = encrypted("    certificate: ${ env:CHAIN }\n    key: ${ env:KEY }\n");
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let mut command = spicerack();
    command
        .arg(folder.path())
        .arg("--emulator")
        .env("CHAIN", read("server.pem"))
        .env("KEY", read("server.key"));
    let gateway = Gateway::spawn(&mut command);
    let stream = connect(gateway.address, root, b"h2").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
}

#[tokio::test]
async fn only_names_of_this_machine_lead_here() {
    let (gateway, emulator) =
        Gateway::with_emulator_and("", &[], &["--allow-host", "gateway.internal"]).await;
    for host in ["evil.example", "evil.example:8090", "localhost.evil.example", "169.254.169.254"] {
        for path in ["/health", "/v1/models", "/v1/ready?verbose=true"] {
            let reply = gateway.http.with("host", host).get(path).await;
            reply.error((421, "invalid_request_error", Some("host_not_allowed"), None));
        }
    }
    assert!(emulator.requests().is_empty());
    for host in ["localhost", "127.0.0.1:1", "gateway.internal", "host.docker.internal:8090"] {
        assert_eq!(gateway.http.with("host", host).post(&hello("hi")).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_are_kept_out_unless_the_manifest_names_them() {
    let (gateway, emulator) = Gateway::with_emulator(&[]).await;
    let page = gateway.http.with("origin", "https://evil.example");
    page.post(&hello("hi")).await.error((403, "invalid_request_error", Some("origin_not_allowed"), None));
    assert!(emulator.requests().is_empty());
    let own = format!("http://{}", gateway.address);
    assert_eq!(gateway.http.with("origin", &own).post(&hello("hi")).await.status, 200);
    let both = gateway.http.with("origin", &own).with("origin", "https://evil.example");
    assert_eq!(both.post(&hello("hi")).await.status, 403);

    let top = "runtime:\n  cors:\n    enabled: true\n    allowed_origins: ['https://ui.example']\n";
    let (gateway, _emulator) = Gateway::with_emulator_and(top, &[], &[]).await;
    let page = gateway.http.with("origin", "https://ui.example");
    let asking = page
        .with("access-control-request-method", "POST")
        .with("access-control-request-headers", "content-type, x-stainless-lang");
    let reply = asking.send("OPTIONS", "/v1/chat/completions", "").await;
    assert_eq!(reply.status, 204);
    assert_eq!(reply.header("access-control-allow-origin"), "https://ui.example");
    assert_eq!(reply.header("access-control-allow-headers"), "content-type, x-stainless-lang");
    let reply = page.post(&hello("hi")).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("access-control-allow-origin")),
        (200, "https://ui.example")
    );
    let reply = gateway.http.with("origin", "https://evil.example").post(&hello("hi")).await;
    assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-origin")), (403, ""));
    // Who is no page has no origin.
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
}

#[tokio::test]
async fn a_preflight_needs_no_key_and_a_request_does() {
    let top = "runtime:\n  auth:\n    api-key:\n      keys: [sk-1]\n  cors:\n    enabled: true\n    allowed_origins: ['*']\n";
    let (gateway, _emulator) = Gateway::with_emulator_and(top, &[], &[]).await;
    let page = gateway.http.with("origin", "https://any.example");
    let asking = page.with("access-control-request-method", "POST");
    assert_eq!(asking.send("OPTIONS", "/v1/chat/completions", "").await.status, 204);
    let refused = page.post(&hello("hi")).await;
    assert_eq!((refused.status.as_u16(), refused.header("access-control-allow-origin")), (401, "*"));
    assert_eq!(page.with("authorization", "Bearer sk-1").post(&hello("hi")).await.status, 200);
}

#[tokio::test]
async fn no_request_gets_more_tokens_than_the_ceiling() {
    let (gateway, emulator) = Gateway::with_emulator(&["max_tokens_ceiling: 100", "maxTokens: 50"]).await;
    for (asked, sent, adjusted) in
        [(json!(null), 50, ""), (json!(80), 80, ""), (json!(5000), 100, "max_tokens")]
    {
        let mut body = hello("hi");
        body["max_tokens"] = asked;
        let reply = gateway.http.post(&body).await;
        assert_eq!((reply.status.as_u16(), reply.header("x-spicerack-adjusted")), (200, adjusted));
        assert_eq!(emulator.requests().last().unwrap().json()["inferenceConfig"]["maxTokens"], sent);
    }
    let (gateway, emulator) = Gateway::with_emulator(&["max_tokens_ceiling: 100"]).await;
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
    assert_eq!(emulator.requests()[0].json()["inferenceConfig"]["maxTokens"], 100);
}
