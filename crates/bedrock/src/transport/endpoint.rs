//! Where the calls go.

use std::net::IpAddr;

use aws_sdk_bedrockruntime::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use http::Uri;
use http::header::HeaderValue;
use http::uri::PathAndQuery;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use snafu::{OptionExt, ResultExt, Snafu, ensure};

use crate::model_id::ModelId;
use crate::spec::EndpointChoice;

/// Why an endpoint cannot be called.
#[derive(Debug, Snafu)]
pub enum EndpointError {
    /// The rules of the SDK have no endpoint for this region and these settings.
    #[snafu(display("AWS has no endpoint for these settings: {reason}"))]
    Rules {
        /// What the SDK says.
        reason: String,
    },

    /// The text is no URL.
    #[snafu(display("this is not a URL such as `https://bedrock-runtime.us-east-1.amazonaws.com`"))]
    Url {
        /// What the parser says.
        source: http::uri::InvalidUri,
    },

    /// The URL has no host, or a scheme that is not HTTP.
    #[snafu(display("an endpoint is `https://<host>` or, on this machine, `http://127.0.0.1:<port>`"))]
    Scheme,

    /// The URL holds a user, a query or a fragment.
    #[snafu(display("an endpoint has a host, a port and a path, and nothing else"))]
    Extra,

    /// Plain HTTP to another machine.
    #[snafu(display(
        "plain http reaches only this machine; use https, or set `aws_endpoint_insecure: true`"
    ))]
    Insecure,

    /// An address where the instance's metadata are served.
    #[snafu(display("link-local addresses are never an endpoint"))]
    LinkLocal,
}

/// An endpoint that a manifest or the environment names, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointUrl(String);

impl EndpointUrl {
    /// Checks a URL. Plain HTTP is for loopback alone, unless `insecure` says otherwise.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] where requests must not go there.
    pub fn parse(text: &str, insecure: bool) -> Result<Self, EndpointError> {
        ensure!(!text.contains(['#', '?', '@', '\\']) && text.is_ascii(), ExtraSnafu);
        let uri: Uri = text.parse().context(UrlSnafu)?;
        let host = uri.host().context(SchemeSnafu)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address: Option<IpAddr> = bare.parse().ok();
        ensure!(!address.is_some_and(serves_metadata), LinkLocalSnafu);
        let loopback = address.map_or(bare.eq_ignore_ascii_case("localhost"), |ip| ip.is_loopback());
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") => ensure!(loopback || insecure, InsecureSnafu),
            _ => return SchemeSnafu.fail(),
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }

    /// The URL, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Says whether an address is one where an instance's metadata, and with them its credentials, may be served. A name
/// may lead to one as well, so connections ask again.
pub(super) fn serves_metadata(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(v6) => {
            let mapped = v6.to_ipv4_mapped().is_some_and(|v4| v4.is_link_local() || v4.is_unspecified());
            let of_aws = matches!(v6.segments(), [0xfd00, 0x0ec2, ..]);
            mapped || v6.is_unicast_link_local() || v6.is_unspecified() || of_aws
        }
    }
}

/// The address of one model's two operations, built once.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) host: HeaderValue,
    /// Where connections are made to.
    pub(crate) origin: Uri,
    pub(crate) converse: Route,
    pub(crate) converse_stream: Route,
}

/// The address of one operation.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// The path, as requests carry it.
    pub(crate) uri: Uri,
    /// How signatures spell its path.
    pub(crate) canonical_path: String,
}

impl Route {
    pub(super) fn new(path: &str) -> Result<Self, EndpointError> {
        Ok(Self { uri: path.parse().context(UrlSnafu)?, canonical_path: canonical_path(path) })
    }
}

/// The scheme, host and port of a URL.
fn origin(url: &Uri) -> Result<Uri, EndpointError> {
    let mut parts = url.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::from_static("/"));
    Uri::from_parts(parts).ok().context(SchemeSnafu)
}

/// Spells a path as signatures do: without empty and dotted segments, and encoded once more.
///
/// Source: step 1 of [a signed request](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
fn canonical_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    let mut canonical = String::with_capacity(path.len().saturating_add(8));
    for segment in segments {
        canonical.push('/');
        canonical.extend(percent_encoding::utf8_percent_encode(segment, RESERVED));
    }
    canonical
}

/// What is encoded in a segment of a signature's path: all but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Target {
    /// Finds the endpoint by the SDK's rules and puts the model's path behind it.
    pub(crate) async fn resolve(
        model_id: &ModelId,
        region: &str,
        choice: &EndpointChoice,
    ) -> Result<Self, EndpointError> {
        let base = match &choice.url {
            Some(url) => url.as_str().to_owned(),
            None => regional(region, choice).await?,
        };
        let model = model_id.path_segment();
        let uri = |operation| format!("{base}/model/{model}/{operation}").parse::<Uri>().context(UrlSnafu);
        let converse = uri("converse")?;
        let authority = converse.authority().context(SchemeSnafu)?;
        let default_port = if converse.scheme_str() == Some("https") { 443 } else { 80 };
        let host =
            if authority.port_u16() == Some(default_port) { authority.host() } else { authority.as_str() };
        Ok(Self {
            host: HeaderValue::from_str(host).ok().context(SchemeSnafu)?,
            origin: origin(&converse)?,
            converse_stream: Route::new(uri("converse-stream")?.path())?,
            converse: Route::new(converse.path())?,
        })
    }
}

async fn regional(region: &str, choice: &EndpointChoice) -> Result<String, EndpointError> {
    let rules = |error: &dyn std::fmt::Display| RulesSnafu { reason: error.to_string() }.build();
    let params = Params::builder()
        .region(region.to_owned())
        .use_fips(choice.fips)
        .use_dual_stack(choice.dual_stack)
        .build()
        .map_err(|error| rules(&error))?;
    let endpoint = DefaultResolver::new().resolve_endpoint(&params).await.map_err(|error| rules(&error))?;
    Ok(endpoint.url().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_https_or_on_this_machine() {
        for good in [
            "https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com",
            "http://127.0.0.1:8091",
            "http://localhost:1/x/",
            "http://[::1]:8",
        ] {
            assert!(EndpointUrl::parse(good, false).is_ok(), "{good}");
        }
        for bad in [
            "http://bedrock.example.com",
            "file:///etc/passwd",
            "https://user@host",
            "https://host/#x",
            "https://host?x=1",
            "bedrock.example.com",
            "https://",
            "",
            "https://ho\u{e9}st",
            "https://host\\@evil",
        ] {
            assert!(EndpointUrl::parse(bad, false).is_err(), "{bad}");
        }
        assert!(EndpointUrl::parse("http://bedrock.internal", true).is_ok());
    }

    #[test]
    fn metadata_addresses_are_never_an_endpoint() {
        for bad in [
            "http://169.254.169.254",
            "https://169.254.170.2",
            "http://[fe80::1]",
            "http://[fd00:ec2::254]",
            "http://[::ffff:169.254.169.254]",
            "http://0.0.0.0",
        ] {
            assert!(matches!(EndpointUrl::parse(bad, true), Err(EndpointError::LinkLocal)), "{bad}");
        }
    }

    #[tokio::test]
    async fn the_sdk_knows_the_regional_endpoint() {
        let id = ModelId::parse("us.amazon.nova-lite-v1:0").unwrap();
        let target = Target::resolve(&id, "us-east-1", &EndpointChoice::default()).await.unwrap();
        assert_eq!(target.converse.uri.to_string(), "/model/us.amazon.nova-lite-v1%3A0/converse");
        assert_eq!(target.origin, "https://bedrock-runtime.us-east-1.amazonaws.com/");
        assert_eq!(target.host, "bedrock-runtime.us-east-1.amazonaws.com");
        let fips = EndpointChoice { fips: true, ..EndpointChoice::default() };
        let target = Target::resolve(&id, "us-gov-west-1", &fips).await.unwrap();
        assert_eq!(target.host, "bedrock-runtime-fips.us-gov-west-1.amazonaws.com");
    }
}
