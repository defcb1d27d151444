//! The listener's certificate and key: from files or from the manifest, checked before anybody is let in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::PrivateKeyDer;
use secrecy::zeroize::Zeroizing;
use secrets::ResolvedTls;
use spicepod::file::{self, Contents};
use spicepod::{Location, Problem};

use crate::http::{Tls, Unusable, private_key, secret_key};

/// No chain of certificates is as large.
const LARGEST_CHAIN: u64 = 1024 * 1024;

/// No key is as large.
const LARGEST_KEY: u64 = 64 * 1024;

/// Reads the certificate that a manifest declares; paths count from its folder.
pub(super) fn load(
    tls: Option<&ResolvedTls>,
    declared: Option<&spicepod::Tls>,
    folder: &Path,
) -> (Option<Arc<Tls>>, Vec<Problem>) {
    let Some(tls) = tls.filter(|tls| tls.enabled) else { return (None, Vec::new()) };
    if declared.is_some_and(|declared| is_lost(declared, tls)) {
        // A secret that is not there is told already.
        return (None, Vec::new());
    }
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let chain = chain(tls, folder, &mut warnings).map_err(|problem| problems.push(problem)).ok();
    let key = key(tls, folder, &mut warnings).map_err(|problem| problems.push(problem)).ok();
    problems.append(&mut warnings);
    let (Some(chain), Some(key)) = (chain, key) else { return (None, problems) };
    match Tls::new(&chain, key) {
        Ok(tls) => (Some(Arc::new(tls)), problems),
        Err(unusable) => {
            problems.push(explain(tls, unusable));
            (None, problems)
        }
    }
}

/// The files of a certificate and its key, whether they are there or not.
pub(super) fn files(tls: Option<&ResolvedTls>, folder: &Path) -> Vec<PathBuf> {
    let Some(tls) = tls.filter(|tls| tls.enabled) else { return Vec::new() };
    [&tls.certificate_file, &tls.key_file].into_iter().flatten().map(|file| folder.join(file)).collect()
}

/// Whether something that the manifest says could not be resolved.
fn is_lost(declared: &spicepod::Tls, tls: &ResolvedTls) -> bool {
    (declared.certificate_file.is_some() && tls.certificate_file.is_none())
        || (declared.certificate.is_some() && tls.certificate.is_none())
        || (declared.key_file.is_some() && tls.key_file.is_none())
        || (declared.key.is_some() && tls.key.is_none())
}

fn at(name: &str) -> Location {
    Location::of_manifest().key("runtime").key("tls").key(name)
}

fn chain(
    tls: &ResolvedTls,
    folder: &Path,
    warnings: &mut Vec<Problem>,
) -> Result<Zeroizing<Vec<u8>>, Problem> {
    match (&tls.certificate_file, &tls.certificate) {
        (Some(file), None) => {
            let contents = open(&folder.join(file), file, ("certificate_file", LARGEST_CHAIN))?;
            warnings.extend(contents.warning(file));
            Ok(Zeroizing::new(contents.bytes))
        }
        (None, Some(text)) => Ok(Zeroizing::new(text.as_bytes().to_vec())),
        (Some(_), Some(_)) => Err(twice("certificate_file", "certificate")),
        (None, None) => Err(missing("certificate", "certificate_file: server.pem")),
    }
}

fn key(
    tls: &ResolvedTls,
    folder: &Path,
    warnings: &mut Vec<Problem>,
) -> Result<PrivateKeyDer<'static>, Problem> {
    let key = match (&tls.key_file, &tls.key) {
        (Some(file), None) => {
            let contents = open(&folder.join(file), file, ("key_file", LARGEST_KEY))?;
            warnings.extend(contents.secret_warning(file));
            private_key(&Zeroizing::new(contents.bytes))
        }
        (None, Some(key)) => secret_key(key),
        (Some(_), Some(_)) => return Err(twice("key_file", "key")),
        (None, None) => return Err(missing("key", "key_file: server.key")),
    };
    key.map_err(|unusable| explain(tls, unusable))
}

fn open(path: &Path, shown: &str, (name, most): (&str, u64)) -> Result<Contents, Problem> {
    file::read(path, most).map_err(|error| {
        let problem = Problem::error(at(name), format!("`{shown}` cannot be read: {error}"));
        problem.help("a path counts from the manifest's folder").passing(error.may_pass())
    })
}

fn twice(file: &str, inline: &str) -> Problem {
    Problem::error(at(inline), format!("`{file}` and `{inline}` are the same setting"))
        .help("keep one of them")
}

fn missing(what: &str, example: &str) -> Problem {
    let location = Location::of_manifest().key("runtime").key("tls").name();
    Problem::error(location, format!("encryption needs a {what}")).help(format!("add `{example}`"))
}

fn explain(tls: &ResolvedTls, unusable: Unusable) -> Problem {
    let (name, reason) = match unusable {
        Unusable::Certificate(reason) if tls.certificate_file.is_some() => ("certificate_file", reason),
        Unusable::Certificate(reason) => ("certificate", reason),
        Unusable::Key(reason) if tls.key_file.is_some() => ("key_file", reason),
        Unusable::Key(reason) => ("key", reason),
    };
    Problem::error(at(name), format!("`{name}` {reason}")).help(
        "give the chain and its key as PEM: `-----BEGIN CERTIFICATE-----`, `-----BEGIN PRIVATE KEY-----`; \
         `openssl pkey` opens an encrypted key",
    )
}
