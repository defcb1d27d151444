//! F01 to F08: names, connections and certificates.

use std::net::SocketAddr;
use std::sync::Arc;

use fault_kit::{Accept, Plan, Proxy, Upstream};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::case::{Case, Outcome, Run};
use crate::lane::{Lane, judge, manifest};
use crate::record;
use crate::support;

pub(crate) async fn closed(_run: Run) {
    let mut lane = Lane::before(Upstream::behind(Proxy::closed).await.unwrap());
    for stream in [false, true] {
        let case = Case::lost("nobody listens", stream).refused(502, "upstream_unreachable");
        assert_eq!(lane.alone(&case).await["attempts"], 3);
    }
    lane.upstream.proxy.open().await.unwrap();
    lane.is_well(true, true, "the port was opened").await;
    lane.stop();
}

pub(crate) async fn deaf(_run: Run) {
    let upstream = match Upstream::behind(Proxy::deaf).await {
        Ok(upstream) => upstream,
        Err(error) => return record::skipped("F02", &error.to_string()),
    };
    let url = upstream.url();
    let mut lane = Lane::with(upstream, &manifest(&url, "200ms"), &[]);
    for stream in [false, true] {
        let case = Case::lost("packets are lost", stream).refused(504, "upstream_connect_timeout");
        assert_eq!(lane.alone(&case).await["attempts"], 3);
    }
    lane.upstream.proxy.open().await.unwrap();
    lane.is_well(true, true, "packets arrived again").await;
    lane.stop();
}

pub(crate) async fn hang(run: Run) {
    let case = |stream| {
        Case::lost("the connection is taken, and nothing comes", stream)
            .hasty()
            .plan(Plan::default().accept(Accept::Hang))
            .refused(504, "upstream_timeout")
            .lets_go()
    };
    run.all(vec![case(false), case(true)]).await;
}

pub(crate) async fn refused(run: Run) {
    let case = |stream| {
        Case::lost("the connection is taken and reset", stream)
            .plan(Plan::default().accept(Accept::Reset))
            // Whether the connection was there before the reset is a matter of chance.
            .fails(&[Outcome::Refused(502, "upstream_error"), Outcome::Refused(502, "upstream_unreachable")])
    };
    run.all(vec![case(false), case(true)]).await;
}

pub(crate) async fn no_such_name(_run: Run) {
    // A label of more than 63 characters is no name, so that no server of names is asked.
    let url = format!("http://{}.invalid:8091", "a".repeat(64));
    let manifest = manifest(&url, "5s")
        .replace("      connect_timeout", "      aws_endpoint_insecure: true\n      connect_timeout");
    let mut lane = Lane::with(Upstream::start().await.unwrap(), &manifest, &[]);
    for stream in [false, true] {
        let case = Case::lost("the name does not exist", stream).refused(502, "upstream_unreachable");
        let (seen, line) = lane.ask("nova", stream).await;
        judge(&case, &seen, &line, 0);
        for word in ["lookup", "resolve", "aaaa", "getaddrinfo", "invalid"] {
            assert!(!seen.text.contains(word), "{word} in {}", seen.text);
        }
        lane.holds(&case.about).await;
    }
    lane.stop();
}

/// Ends TLS in front of an upstream's proxy.
struct Tls {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Tls {
    async fn start(chain: &str, key: &KeyPair, behind: SocketAddr) -> Self {
        use rustls::pki_types::pem::PemObject as _;
        let chain = rustls::pki_types::CertificateDer::pem_slice_iter(chain.as_bytes());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = builder.unwrap().with_no_client_auth();
        let config = config.with_single_cert(chain.map(Result::unwrap).collect(), key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                connections.spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    // Only now is there anything to see for the upstream.
                    let mut upstream = TcpStream::connect(behind).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut upstream).await;
                });
            }
        });
        Self { address, _tasks: tasks }
    }
}

pub(crate) async fn certificates(_run: Run) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let of = |host: &str| CertificateParams::new([host.to_owned()]).unwrap();
    let mut expired = of("127.0.0.1");
    (expired.not_before, expired.not_after) =
        (rcgen::date_time_ymd(2000, 1, 1), rcgen::date_time_ymd(2001, 1, 1));
    let key = KeyPair::generate().unwrap();
    for (about, params, signed, good) in [
        ("a good certificate", of("127.0.0.1"), true, true),
        ("an expired certificate", expired, true, false),
        ("a certificate of another host", of("example.com"), true, false),
        ("a certificate that nobody signed", of("127.0.0.1"), false, false),
    ] {
        let certificate = if signed { params.signed_by(&key, &authority) } else { params.self_signed(&key) };
        let upstream = Upstream::start().await.unwrap();
        let behind = upstream.proxy.address();
        let server = Tls::start(&certificate.unwrap().pem(), &key, behind).await;
        let roots = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(roots.path(), authority.pem()).unwrap();
        let mut command = support::spicerack();
        command.env("SSL_CERT_FILE", roots.path());
        let manifest = manifest(&format!("https://{}", server.address), "5s");
        let mut lane = Lane::run_by(command, upstream, &manifest, &[]);
        for stream in [false, true] {
            if good {
                lane.is_well(stream, true, about).await;
            } else {
                let case = Case::lost(about, stream).refused(502, "upstream_tls");
                lane.alone(&case).await;
                assert!(lane.upstream.proxy.connections().is_empty(), "{about}: something was sent");
            }
        }
        lane.stop();
    }
}
