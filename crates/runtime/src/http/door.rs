//! Who and what is let in, before a route is looked up.

use std::sync::Arc;

use axum::extract::Request;
use http::Version;
use http::header::{HOST, HeaderValue, ORIGIN};
use openai_api::ApiError;

use super::auth::Keys;
use super::cors::Cors;
use super::tls::Tls;

/// What stands between the network and the routes.
#[derive(Debug, Default)]
pub struct Door {
    /// The callers' keys; anybody may call where there are none.
    pub keys: Option<Keys>,
    /// Encryption of connections.
    pub tls: Option<Arc<Tls>>,
    /// Web pages that may call.
    pub cors: Option<Cors>,
    /// Names under which the server may be called.
    pub hosts: Hosts,
}

/// Names under which a server may be called.
#[derive(Debug, Default)]
pub enum Hosts {
    /// Any: the server is meant for others, under names that only they know.
    #[default]
    Any,
    /// These, in small letters and without a port.
    Only(Vec<String>),
}

/// Names that lead to the own machine and to nothing else. Containers reach their host under the last one.
const OWN: &[&str] = &["localhost", "127.0.0.1", "[::1]", "host.docker.internal"];

impl Hosts {
    /// The names of the own machine, and those that the operator adds.
    ///
    /// A web page may have its own name lead to 127.0.0.1 once it is loaded ("DNS rebinding"), and then call a server
    /// there as if it were its own. Its requests carry its name.
    pub fn of_this_machine(more: &[String]) -> Self {
        let own = OWN.iter().map(|name| (*name).to_owned());
        Self::Only(own.chain(more.iter().map(|name| name.to_ascii_lowercase())).collect())
    }

    fn check(&self, host: &str) -> Result<(), ApiError> {
        let Self::Only(names) = self else { return Ok(()) };
        let name = without_port(host);
        let is_known = names.iter().any(|known| name.eq_ignore_ascii_case(known));
        let is_loopback = name.parse().is_ok_and(|address: std::net::Ipv4Addr| address.is_loopback());
        let is_local = name.to_ascii_lowercase().ends_with(".localhost");
        if is_known || is_loopback || is_local { Ok(()) } else { Err(ApiError::host_not_allowed(name)) }
    }
}

impl Door {
    /// Checks what a request says about where it goes and where it comes from.
    pub(super) fn check(&self, request: &Request) -> Result<(), ApiError> {
        let host = host(request)?;
        if let Some(host) = host {
            self.hosts.check(host)?;
        }
        // A key is nothing that a browser sends by itself, so pages without it get nowhere.
        let mut origins = request.headers().get_all(ORIGIN).iter();
        if self.keys.is_none() && !origins.all(|origin| self.takes(origin, host)) {
            return Err(ApiError::origin_not_allowed());
        }
        Ok(())
    }

    /// Says whether a page may call: those of the manifest, and the server's own.
    fn takes(&self, origin: &HeaderValue, host: Option<&str>) -> bool {
        let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        let is_own = authority
            .is_some_and(|(_, authority)| host.is_some_and(|host| authority.eq_ignore_ascii_case(host)));
        is_own || self.cors.as_ref().is_some_and(|cors| cors.allows(origin))
    }
}

/// The host that a request names; `None` only before HTTP/1.1.
fn host(request: &Request) -> Result<Option<&str>, ApiError> {
    let target = request.uri().authority().map(http::uri::Authority::as_str);
    let mut values = request.headers().get_all(HOST).iter();
    let named =
        values.next().map(|value| value.to_str().map_err(|_| ApiError::malformed_head())).transpose()?;
    if values.next().is_some() {
        return Err(ApiError::malformed_head());
    }
    match (target, named) {
        // A proxy and a server that look at different ones of the two would see different requests.
        (Some(target), Some(named)) if !target.eq_ignore_ascii_case(named) => Err(ApiError::hosts_differ()),
        (Some(host), _) | (None, Some(host)) => Ok(Some(host)),
        (None, None) if request.version() < Version::HTTP_11 => Ok(None),
        (None, None) => Err(ApiError::malformed_head()),
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::Hosts;

    #[test]
    fn names_of_this_machine_are_known_and_others_are_not() {
        let hosts = Hosts::of_this_machine(&["Gateway.Internal".to_owned()]);
        for host in [
            "localhost",
            "LOCALHOST:8090",
            "127.0.0.1:1",
            "127.8.8.8",
            "[::1]:8090",
            "a.localhost",
            "gateway.internal:80",
        ] {
            assert!(hosts.check(host).is_ok(), "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "", "[::2]"]
        {
            assert_eq!(hosts.check(host).unwrap_err().status, 421, "{host}");
        }
        assert!(Hosts::Any.check("evil.example").is_ok());
    }
}
