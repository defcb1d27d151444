//! The id of a request, in every reply and log line.

use http::HeaderValue;
use http::header::{HeaderMap, HeaderName};

/// The header that carries it.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken from a client.
const LONGEST: usize = 128;

/// Keeps the client's own id where it is fit for logs, or makes one.
///
/// It is a copy: the original is a piece of the connection's read buffer, which it would hold for as long as the answer
/// takes.
pub(super) fn of(headers: &HeaderMap) -> HeaderValue {
    let fit = |value: &&HeaderValue| {
        (1..=LONGEST).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
    };
    let kept = headers.get(X_REQUEST_ID).filter(fit);
    kept.and_then(|id| HeaderValue::from_bytes(id.as_bytes()).ok()).unwrap_or_else(|| {
        let id = unique("req_");
        // Letters and digits are fit for a header.
        HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("req_"))
    })
}

/// A prefix and 128 random bits. Unique, not secret.
pub(super) fn unique(prefix: &str) -> String {
    format!("{prefix}{:032x}", fastrand::u128(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_id_is_kept_only_where_it_fits_into_a_line() {
        let with = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, HeaderValue::from_bytes(value).unwrap());
            of(&headers)
        };
        assert_eq!(with(b"abc-1_2/3"), "abc-1_2/3");
        for bad in [&b"two words"[..], b"", b"\xff\xfe", &[b'a'; 129]] {
            assert!(with(bad).to_str().unwrap().starts_with("req_"), "{bad:?}");
        }
        assert_ne!(of(&HeaderMap::new()), of(&HeaderMap::new()));
    }
}
