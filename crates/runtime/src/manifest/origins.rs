//! The origins whose pages may call, as a manifest names them.

use http::uri::{PathAndQuery, Uri};
use spicepod::{Cors, Location, Problem};

/// Finds what no browser ever calls an origin: it would let nobody in, or everybody.
pub(super) fn check(cors: Option<&Cors>) -> Vec<Problem> {
    let Some(cors) = cors.filter(|cors| cors.enabled) else { return Vec::new() };
    let at = |index| Location::of_manifest().key("runtime").key("cors").key("allowed_origins").index(index);
    let wrong = cors.allowed_origins.iter().enumerate().filter(|(_, origin)| !is_origin(origin));
    wrong
        .map(|(index, origin)| {
            let message = format!("`{origin}` is not the origin of a page");
            Problem::error(at(index), message)
                .help("write a scheme, a host and a port where there is one, such as `https://app.example.com`, or `*`")
        })
        .collect()
}

fn is_origin(text: &str) -> bool {
    if text == "*" {
        return true;
    }
    let Ok(uri) = text.trim_end_matches('/').parse::<Uri>() else { return false };
    let path = uri.path_and_query().map_or("", PathAndQuery::as_str);
    let host = uri.host().unwrap_or_default();
    uri.scheme().is_some()
        && !host.is_empty()
        && !host.contains('*')
        && !text.contains('@')
        && matches!(path, "" | "/")
}

#[cfg(test)]
mod tests {
    use super::is_origin;

    #[test]
    fn an_origin_is_a_scheme_a_host_and_perhaps_a_port() {
        for origin in [
            "*",
            "https://app.example.com",
            "http://localhost:3000",
            "https://a.b/",
            "app://desk",
            "http://[::1]:1",
        ] {
            assert!(is_origin(origin), "{origin}");
        }
        for other in [
            "null",
            "",
            "app.example.com",
            "https://*.example.com",
            "https://a.b/c",
            "https://u@a.b",
            "https://a.b?x",
        ] {
            assert!(!is_origin(other), "{other}");
        }
    }
}
