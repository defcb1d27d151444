//! The signature that a request should carry.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use super::{ALGORITHM, SERVICE, Signature};
use crate::service::Received;

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What stands for the body's hash where the body is not signed.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Computes a signature in hexadecimal.
pub(super) fn signature(received: &Received, secret: &str, claimed: &Signature<'_>, date: &str) -> String {
    let canonical = request(received, &claimed.signed_headers);
    let scope = format!("{}/{}/{SERVICE}/aws4_request", claimed.date, claimed.region);
    let text = format!("{ALGORITHM}\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [claimed.date, claimed.region, SERVICE, "aws4_request", &text] {
        key = hmac(&key, part.as_bytes());
    }
    hex(&key)
}

fn request(received: &Received, signed_headers: &[&str]) -> String {
    let mut headers = String::new();
    for name in signed_headers {
        let values: Vec<String> = received
            .headers
            .iter()
            .filter(|(header, _)| header == name)
            .map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        // Writing to a string does not fail.
        let _ = writeln!(headers, "{name}:{}", values.join(","));
    }
    // A hash that the client gives is not believed; it may say that it signs none.
    let payload = match received.header("x-amz-content-sha256") {
        Some(UNSIGNED) => UNSIGNED.to_owned(),
        Some(_) | None => hex(&Sha256::digest(&received.body)),
    };
    // The path is encoded again, as for every service but S3.
    let path: Vec<String> = received
        .path()
        .split('/')
        .map(|segment| utf8_percent_encode(segment, RESERVED).to_string())
        .collect();
    let parts = [
        received.method.as_str(),
        &path.join("/"),
        &query(received.query()),
        &headers,
        &signed_headers.join(";"),
        &payload,
    ];
    parts.join("\n")
}

fn query(text: &str) -> String {
    let encode = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8_lossy();
        utf8_percent_encode(&decoded, RESERVED).to_string()
    };
    let mut pairs: Vec<String> = text
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            format!("{}={}", encode(name), encode(value))
        })
        .collect();
    pairs.sort_unstable();
    pairs.join("&")
}

fn hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
