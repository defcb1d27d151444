//! Where a client says that bytes are: in the request itself, in a bucket, or at an address.
//!
//! Bytes in the request are base64, often of many megabytes. Base64 that is as it must be is copied once, out of the
//! request's body, and never decoded but for its head.

use std::sync::Arc;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::HEAD;

/// Takes padding or none, and bits behind the last byte.
const TOLERANT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

/// An address as a client wrote it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// `data:…`.
    Data {
        /// The MIME type, with its parameters.
        kind: Option<String>,
        /// The bytes in standard base64; `None` where they are not base64.
        body: Option<Arc<str>>,
    },
    /// `s3://…`.
    S3(String),
    /// `http://…` or `https://…`.
    Remote(String),
    /// Anything else.
    Other(String),
}

impl Address {
    /// Reads an address.
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.trim();
        if let Some(rest) = after(text, "data:") {
            return Self::data(rest);
        }
        if let Some(rest) = after(text, "s3://") {
            // Bedrock knows the scheme in small letters alone.
            return Self::S3(format!("s3://{rest}"));
        }
        if after(text, "https://").or_else(|| after(text, "http://")).is_some() {
            return Self::Remote(text.to_owned());
        }
        Self::Other(text.to_owned())
    }

    fn data(text: &str) -> Self {
        let (head, body) = text.split_once(',').unwrap_or((text, ""));
        let Some((kind, encoding)) = head.rsplit_once(';') else {
            return Self::Data { kind: None, body: None };
        };
        let kind = Some(kind.trim()).filter(|kind| !kind.is_empty()).map(ToOwned::to_owned);
        let encoded = encoding.trim().eq_ignore_ascii_case("base64");
        Self::Data { kind, body: Some(body).filter(|_| encoded).and_then(standard) }
    }
}

/// The text behind a prefix of ASCII in any case.
fn after<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Base64 as Bedrock takes it; `None` where the text is not base64, or holds nothing.
pub(crate) fn standard(text: &str) -> Option<Arc<str>> {
    if is_standard(text.as_bytes()) { Some(text.into()) } else { repaired(text).map(Arc::from) }
}

fn is_standard(text: &[u8]) -> bool {
    let Some((body, last)) = text.len().checked_sub(4).and_then(|at| text.split_at_checked(at)) else {
        return false;
    };
    let in_alphabet = |byte: &u8| byte.is_ascii_alphanumeric() | matches!(byte, b'+' | b'/');
    // Without a way out at each byte, many are looked at in one step.
    let all_in_alphabet = |bytes: &[u8]| bytes.iter().fold(true, |all, byte| all & in_alphabet(byte));
    // Padding and bits behind the last byte can only stand in the last four characters.
    let strict = &base64::engine::general_purpose::STANDARD;
    body.len().is_multiple_of(4) && body.chunks(256).all(all_in_alphabet) && strict.decode(last).is_ok()
}

/// Writes base64 anew that has white space, no padding, or the alphabet for URLs.
#[cold]
fn repaired(text: &str) -> Option<String> {
    let text: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let for_urls = text.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let alphabet = if for_urls { &URL_SAFE } else { &STANDARD };
    let bytes = GeneralPurpose::new(alphabet, TOLERANT).decode(text).ok()?;
    (!bytes.is_empty()).then(|| base64::engine::general_purpose::STANDARD.encode(bytes))
}

/// The first bytes of standard base64.
pub(crate) fn head(base64: &str) -> Vec<u8> {
    let start = base64.get(..HEAD / 3 * 4).unwrap_or(base64);
    base64::engine::general_purpose::STANDARD.decode(start).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn data(kind: &str, body: &str) -> Address {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Address::Data { kind: some(kind), body: some(body).map(Arc::from) }
    }

    #[test]
    fn an_address_is_read_as_clients_write_it() {
        let rows = [
            ("data:image/png;base64,aGk=", data("image/png", "aGk=")),
            (" DATA:Image/JPG;name=a;BASE64,aGk\n", data("Image/JPG;name=a", "aGk=")),
            ("data:;base64,-_-_", data("", "+/+/")),
            ("data:text/plain; base64 , a G\r\nk =", data("text/plain", "aGk=")),
            ("data:text/plain;base64,", data("text/plain", "")),
            ("data:text/plain;base64", data("text/plain", "")),
            ("data:text/plain,hi", data("", "")),
            ("data:text/plain;base64,a=Gk", data("text/plain", "")),
            ("data:text/plain;base64,+-+-", data("text/plain", "")),
            ("data:text/plain;base64,é", data("text/plain", "")),
            ("data:text/plain;base64,aGl=", data("text/plain", "aGk=")),
            ("s3://b/k", Address::S3("s3://b/k".into())),
            ("S3://b/K", Address::S3("s3://b/K".into())),
            ("HTTPS://x", Address::Remote("HTTPS://x".into())),
            ("http://x", Address::Remote("http://x".into())),
            ("file:///etc/passwd", Address::Other("file:///etc/passwd".into())),
            ("é", Address::Other("é".into())),
            ("", Address::Other(String::new())),
        ];
        for (text, expected) in rows {
            assert_eq!(Address::parse(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_spelling_of_base64_becomes_the_standard_one(bytes in proptest::collection::vec(any::<u8>(), 1..400)) {
            let expected = base64::engine::general_purpose::STANDARD.encode(&bytes);
            let for_urls = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&bytes);
            prop_assert!(is_standard(expected.as_bytes()));
            prop_assert_eq!(standard(&expected), Some(expected.as_str().into()));
            prop_assert_eq!(standard(&for_urls), Some(expected.as_str().into()));
            prop_assert!(bytes.starts_with(&head(&expected)));
        }

        #[test]
        fn what_passes_is_base64(text in "[A-Za-z0-9+/=_ -]{0,20}") {
            if let Some(found) = standard(&text) {
                prop_assert!(base64::engine::general_purpose::STANDARD.decode(found.as_bytes()).is_ok());
            }
        }
    }
}
