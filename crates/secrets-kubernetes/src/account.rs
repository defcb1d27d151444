//! What a pod knows of its cluster: where the API server is, whom to trust, and who the pod is.
//!
//! Files are read whenever they are needed: Kubernetes renews tokens and certificates in place.

use std::path::Path;

use http::Uri;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use secrets::{StoreError, file};

use crate::{ACCOUNT, Kubernetes, is_name, server};

/// No token, and no name, is larger.
const MOST: u64 = 64 * 1024;

/// No authorities' certificates are larger.
const MOST_CERTIFICATES: u64 = 1024 * 1024;

const IN_A_POD: &str =
    "run in a pod with a service account whose token is mounted, or set the store's params";

impl Kubernetes {
    /// The address of the API server.
    pub(crate) fn address(&self) -> Result<Uri, StoreError> {
        if let Some(address) = &self.api_server {
            return Ok(address.clone());
        }
        let variable = |name: &str| self.environment.get(name).filter(|value| !value.is_empty());
        let Some(host) = variable("KUBERNETES_SERVICE_HOST") else {
            let message = "this process is in no pod: KUBERNETES_SERVICE_HOST is not set";
            return Err(StoreError::new(message, IN_A_POD));
        };
        let port = variable("KUBERNETES_SERVICE_PORT").unwrap_or_else(|| "443".to_owned());
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        server(&format!("https://{host}:{port}")).map_err(|_| {
            let message = "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are no address";
            StoreError::new(message, IN_A_POD)
        })
    }

    /// The namespace of the secret.
    pub(crate) fn namespace(&self) -> Result<String, StoreError> {
        if let Some(namespace) = &self.namespace {
            return Ok(namespace.clone());
        }
        let path = Path::new(ACCOUNT).join("namespace");
        let namespace = read(&path, MOST)?.trim().to_owned();
        if is_name(&namespace) {
            return Ok(namespace);
        }
        let message = format!("{} holds no name of a namespace", path.display());
        Err(StoreError::new(message, "set `namespace` in the store's params"))
    }

    /// The token of the service account.
    pub(crate) fn token(&self) -> Result<SecretString, StoreError> {
        let token = read(&self.token_file, MOST)?;
        let token = token.trim();
        if token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()) {
            let message = format!("{} holds no token", self.token_file.display());
            return Err(StoreError::new(message, IN_A_POD));
        }
        Ok(SecretString::from(token))
    }

    /// The certificates of those who may vouch for the API server: the cluster's, and nobody else's.
    pub(crate) fn roots(&self) -> Result<RootCertStore, StoreError> {
        let text = read(&self.ca_file, MOST_CERTIFICATES)?;
        let mut roots = RootCertStore::empty();
        let certificates = CertificateDer::pem_slice_iter(text.as_bytes()).filter_map(Result::ok);
        roots.add_parsable_certificates(certificates);
        if roots.is_empty() {
            let message = format!("{} holds no certificate", self.ca_file.display());
            return Err(StoreError::new(
                message,
                "give it the certificate of the cluster's authority, as PEM",
            ));
        }
        Ok(roots)
    }
}

/// Reads a small text file. What it holds becomes part of no message.
fn read(path: &Path, most: u64) -> Result<Zeroizing<String>, StoreError> {
    let failed =
        |reason: String| StoreError::new(format!("{} cannot be read: {reason}", path.display()), IN_A_POD);
    let bytes =
        file::read(path, most).map_err(|error| failed(error.to_string()).passing(error.may_pass()))?.bytes;
    let text = String::from_utf8(bytes).map_err(|error| {
        drop(Zeroizing::new(error.into_bytes()));
        failed("it is not text".to_owned())
    })?;
    Ok(Zeroizing::new(text))
}
