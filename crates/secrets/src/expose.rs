//! The one place of this crate where a secret's text is read.

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

/// A text that becomes a secret, or may. It is wiped wherever it was, also where it grew.
#[derive(Default)]
pub(crate) struct Draft(Zeroizing<String>);

impl Draft {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(String::with_capacity(capacity)))
    }

    pub(crate) fn push_str(&mut self, text: &str) {
        let length = self.0.len().saturating_add(text.len());
        if length > self.0.capacity() {
            // A string that grows leaves its old buffer behind as it was.
            let mut larger = Self::with_capacity(length.saturating_mul(2));
            larger.0.push_str(&self.0);
            *self = larger;
        }
        self.0.push_str(text);
    }

    pub(crate) fn push(&mut self, character: char) {
        self.push_str(character.encode_utf8(&mut [0; 4]));
    }

    pub(crate) fn append(&mut self, secret: &SecretString) {
        self.push_str(secret.expose_secret());
    }

    /// The text, where it turns out to be no secret.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    pub(crate) fn secret(&self) -> SecretString {
        SecretString::from(self.text())
    }

    pub(crate) fn wiped(self) -> Zeroizing<String> {
        self.0
    }
}

/// Whether a secret is no text at all.
pub(crate) fn is_empty(secret: &SecretString) -> bool {
    secret.expose_secret().is_empty()
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
pub(crate) fn without_line_end(text: &str) -> SecretString {
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
