//! Encrypted connections.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The protocol that a client and a server agree on while they shake hands.
const HTTP_2: &[u8] = b"h2";
const HTTP_1_1: &[u8] = b"http/1.1";

/// A certificate and its key, ready to be shown.
pub struct Tls(TlsAcceptor);

/// Which of the two is wrong, and what about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// The chain holds no certificate.
    Certificate(String),
    /// The key is none, or another certificate's.
    Key(String),
}

impl Tls {
    /// Takes a certificate chain and its key, both as PEM.
    pub(crate) fn new(chain: &[u8], key: PrivateKeyDer<'static>) -> Result<Self, Unusable> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|_| Unusable::Certificate("is not PEM".to_owned()))?;
        if chain.is_empty() {
            return Err(Unusable::Certificate("holds no certificate".to_owned()));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = builder.and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
        let mut config = config.map_err(|error| {
            if matches!(error, rustls::Error::InvalidCertificate(_)) {
                return Unusable::Certificate("holds no usable certificate".to_owned());
            }
            // The error's own text may tell about the key.
            let why = "does not belong to the certificate, or is of a kind that is not served";
            Unusable::Key(why.to_owned())
        })?;
        config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1_1.to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Shakes hands.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.0.accept(stream).await
    }
}

/// Says whether HTTP/2 was agreed on.
pub(super) fn speaks_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP_2)
}

/// Reads a private key as PEM.
pub(crate) fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, Unusable> {
    PrivateKeyDer::from_pem_slice(text).map_err(|_| Unusable::Key("holds no private key as PEM".to_owned()))
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}
