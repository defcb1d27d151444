//! Ids and signatures that follow from what they belong to.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

/// What makes a seal the emulator's own.
const SALT: &str = "an emulator's own";

/// The bytes of a tool's id, which make 22 characters.
const ID: usize = 16;

fn digest(kind: &str, of: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [SALT.as_bytes(), kind.as_bytes(), of] {
        hash.update(part);
        hash.update([0]);
    }
    hash.finalize().into()
}

/// The id of a tool's use, of the form that most models give.
pub(crate) fn tool_use_id(of: &str) -> String {
    let digest = digest("id", of.as_bytes());
    format!("tooluse_{}", URL_SAFE_NO_PAD.encode(digest.get(..ID).unwrap_or(&digest)))
}

/// The signature of a thought.
pub(crate) fn signature(text: &str) -> String {
    let digest = digest("thought", text.as_bytes());
    STANDARD.encode([&digest[..], &digest[..]].concat())
}

/// A thought that nobody can read.
pub(crate) fn redacted(of: &str) -> String {
    let secret = digest("secret", of.as_bytes());
    STANDARD.encode([secret, digest("redacted", &secret)].concat())
}

/// Whether a redacted thought is the emulator's own.
pub(crate) fn is_redacted(encoded: &str) -> bool {
    let bytes = STANDARD.decode(encoded).unwrap_or_default();
    let Some((secret, seal)) = bytes.split_at_checked(32) else { return false };
    digest("redacted", secret) == seal
}

/// Bytes as requests carry them.
pub(crate) fn decode(encoded: &str) -> Option<Vec<u8>> {
    STANDARD.decode(encoded).ok()
}

/// A hash of anything.
pub(crate) fn fingerprint(of: &str) -> [u8; 32] {
    digest("fingerprint", of.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{is_redacted, redacted, signature, tool_use_id};

    #[test]
    fn seals_follow_from_what_they_belong_to() {
        assert_eq!(tool_use_id("a").len(), "tooluse_".len() + 22);
        assert_ne!(tool_use_id("a"), tool_use_id("b"));
        assert_eq!(signature("a"), signature("a"));
        assert!(is_redacted(&redacted("a")));
        assert!(!is_redacted(&signature("a")) && !is_redacted("") && !is_redacted("?"));
    }
}
