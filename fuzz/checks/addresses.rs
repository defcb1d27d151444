//! What holds of any address of content: bytes are base64, and what is fetched is public and of a host that may be.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chat::{Content, Source};
use openai_api::{ChatCompletionRequest, translate};
use serde_json::json;

/// Judges an address that a client gives, and where it redirects to: the second line.
///
/// `judged` says whether an address would be fetched, and where a redirect leads to.
///
/// # Panics
///
/// Where what comes of it breaks a rule.
pub(crate) fn check(
    text: &str,
    judged: impl Fn(&str, Option<&[String]>) -> Option<String>,
    redirected: impl Fn(&str, &str) -> Option<String>,
) {
    let (address, target) = text.split_once('\n').unwrap_or((text, "/"));
    for part in [
        json!({ "type": "image_url", "image_url": { "url": address } }),
        json!({ "type": "video_url", "video_url": { "url": address } }),
        json!({ "type": "file", "file": { "file_data": address, "filename": target } }),
    ] {
        let body = json!({ "model": "m", "messages": [{ "role": "user", "content": [part] }] }).to_string();
        let Ok(translated) = ChatCompletionRequest::from_slice(body.as_bytes()).and_then(translate) else {
            continue;
        };
        let mut messages = translated.request.messages;
        let parts = messages.iter_mut().flat_map(|message| message.parts_mut().iter());
        parts.for_each(|part| sourced(&part.content, address));
    }
    let hosts = ["example.com".to_owned(), "*.example.org".to_owned()];
    for allowed in [None, Some(&hosts[..])] {
        let Some(first) = judged(address, allowed) else { continue };
        public(&first, allowed.is_some());
        if let Some(second) = redirected(&first, target).and_then(|next| judged(&next, allowed)) {
            public(&second, allowed.is_some());
        }
    }
}

/// What a part of a request became.
fn sourced(content: &Content, address: &str) {
    let source = match content {
        Content::Image(image) => &image.source,
        Content::Video(video) => &video.source,
        Content::Document(document) => &document.source,
        Content::Text(_) | Content::Guarded(_) => return,
    };
    let begins =
        |start: &str| address.trim().get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    match source {
        Source::Base64(text) => {
            let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
            assert!(text.bytes().all(is_base64) && text.len() % 4 == 0, "no base64: {address:?}");
        }
        Source::S3 { uri, .. } => assert!(begins("s3://") && uri.starts_with("s3://"), "{address:?}"),
        Source::Remote(_) => assert!(begins("https://") || begins("http://"), "{address:?}"),
    }
}

/// An address that is fetched.
fn public(address: &str, listed: bool) {
    let Some(rest) = address.strip_prefix("https://") else { panic!("not encrypted: {address:?}") };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    assert!(!authority.contains('@'), "a user: {address:?}");
    let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if listed {
        assert!(host == "example.com" || host.ends_with(".example.org"), "not listed: {address:?}");
    }
    match host.parse() {
        Ok(IpAddr::V4(literal)) => assert!(!within(literal), "not public: {address:?}"),
        Ok(IpAddr::V6(literal)) => assert!(!within_v6(literal), "not public: {address:?}"),
        Err(_) => {}
    }
}

fn within(address: Ipv4Addr) -> bool {
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_documentation()
}

fn within_v6(address: Ipv6Addr) -> bool {
    address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unique_local()
        || address.is_unicast_link_local()
        || address.to_ipv4().is_some_and(within)
}
