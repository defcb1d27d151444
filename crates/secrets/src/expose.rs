//! The one place of this crate where a secret's text is read.

use secrecy::{ExposeSecret as _, SecretString};

/// Whether a secret is no text at all.
pub(crate) fn is_empty(secret: &SecretString) -> bool {
    secret.expose_secret().is_empty()
}

/// Adds a secret to a text that becomes one.
pub(crate) fn append(text: &mut String, secret: &SecretString) {
    text.push_str(secret.expose_secret());
}

/// An API key without the `:ro` or `:rw` that Spice keys may carry; there is nothing to write here.
pub(crate) fn without_access(key: &SecretString) -> SecretString {
    let text = key.expose_secret();
    match text.rsplit_once(':') {
        Some((key, "ro" | "rw")) => SecretString::from(key),
        _ => SecretString::from(text),
    }
}

/// A secret without the line end that editors put behind it.
pub(crate) fn without_line_end(secret: &SecretString) -> SecretString {
    let text = secret.expose_secret();
    let line = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    SecretString::from(line)
}

/// The first of `others` that is the same text.
pub(crate) fn position_of(secret: &SecretString, others: &[SecretString]) -> Option<usize> {
    others.iter().position(|other| other.expose_secret() == secret.expose_secret())
}

/// The text of what is no secret, though it may have come from a store: a certificate, or the path of a file.
pub(crate) fn public(text: &SecretString) -> String {
    text.expose_secret().to_owned()
}

/// Whether an API key can be sent in a header.
pub(crate) fn is_header_text(secret: &SecretString) -> bool {
    secret.expose_secret().chars().all(|c| c.is_ascii_graphic())
}
