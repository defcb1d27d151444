//! Pictures and documents at other addresses, fetched where the manifest allows it.
//!
//! What a client may name, an attacker may name: nothing is fetched from an address that is not public, whatever its
//! name resolves to and wherever it redirects, so that no request reaches the machine's own services, its network or
//! the metadata of its instance.

use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use chat::{Content, Error, ErrorKind, Field, Part, Request, Result, Source};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, LOCATION, USER_AGENT};
use http::{Method, Response, Uri};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use model_registry::RemoteContent;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use self::address::Guarded;

mod address;

/// The largest piece of content.
const LARGEST: usize = 20 * 1024 * 1024;

/// The most bytes of one request; Bedrock takes 25 MB of everything together.
const LARGEST_SUM: usize = 25 * 1024 * 1024;

/// One piece of content must be there within this, redirects included.
const TIME: Duration = Duration::from_secs(10);

/// All pieces of one request must be there within this.
const TIME_OF_ALL: Duration = Duration::from_secs(30);

/// A chain of redirects that is longer leads nowhere.
const MOST_REDIRECTS: usize = 3;

/// Pieces that are fetched at the same time, over all requests: each may hold as much as [`LARGEST`].
const AT_ONCE: usize = 16;

/// The most pieces of one request.
const MOST_PIECES: usize = 20;

type Http = Client<HttpsConnector<HttpConnector<Guarded>>, Empty<Bytes>>;

/// Fetches content. The connections are made when the first is asked for.
pub(crate) struct Fetcher {
    http: OnceLock<Option<Http>>,
    places: Semaphore,
    rules: Rules,
}

/// What may be fetched; tests fetch from this machine.
#[derive(Clone, Copy, Debug, Default)]
struct Rules {
    plain_http: bool,
    any_address: bool,
}

impl Default for Fetcher {
    fn default() -> Self {
        Self { http: OnceLock::new(), places: Semaphore::new(AT_ONCE), rules: Rules::default() }
    }
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fetcher")
    }
}

/// A piece of content as it arrived.
struct Fetched {
    bytes: Bytes,
    kind: Option<String>,
}

impl Fetcher {
    /// Puts the bytes of everything that a request only gives an address of into it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] at the part whose address may not or cannot be fetched.
    pub(crate) async fn fill(&self, request: &mut Request, policy: &RemoteContent) -> Result<()> {
        let mut pieces = 0;
        let mut room = LARGEST_SUM;
        let end = Instant::now() + TIME_OF_ALL;
        for (index, message) in request.messages.iter_mut().enumerate() {
            for (part, content) in message.parts_mut().iter_mut().enumerate() {
                let Some(url) = remote(content).cloned() else { continue };
                let at = Field::Part(index, part);
                let RemoteContent::Allowed { hosts } = policy else {
                    return Err(invalid(at, "this model does not fetch remote URLs; send a `data:` URL"));
                };
                pieces += 1;
                if pieces > MOST_PIECES {
                    return Err(invalid(at, format!("more than {MOST_PIECES} remote URLs in one request")));
                }
                let until = end.min(Instant::now() + TIME);
                let fetching = self.fetch(&url, hosts.as_deref(), room.min(LARGEST));
                let fetched = tokio::time::timeout_at(until, fetching).await;
                let fetched = fetched.unwrap_or_else(|_| Err("it took too long".to_owned()));
                let fetched = fetched.map_err(|reason| refused(at.clone(), &reason))?;
                room = room.saturating_sub(fetched.bytes.len());
                place(content, &fetched).map_err(|reason| refused(at, &reason))?;
            }
        }
        Ok(())
    }

    async fn fetch(&self, url: &str, hosts: Option<&[String]>, room: usize) -> Result<Fetched, String> {
        // Never closed.
        let _place = self.places.acquire().await;
        let mut uri = self.rules.check(url, hosts)?;
        for _ in 0..=MOST_REDIRECTS {
            let response = self.get(&uri).await?;
            if !response.status().is_redirection() {
                return read(response, room).await;
            }
            let target = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let target = target.ok_or("it redirects to nowhere")?;
            uri = self.rules.check(&absolute(&uri, target), hosts)?;
        }
        Err("it redirects too often".to_owned())
    }

    async fn get(&self, uri: &Uri) -> Result<Response<Incoming>, String> {
        let http = self.http.get_or_init(|| connect(self.rules));
        let http = http.as_ref().ok_or("the gateway has no root certificates to check its host with")?;
        let request = http::Request::builder()
            .method(Method::GET)
            .uri(uri)
            .header(USER_AGENT, concat!("spicerack/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT_ENCODING, "identity")
            .body(Empty::new())
            .map_err(|_| "its address is malformed")?;
        // The cause may tell about the network behind the gateway.
        http.request(request).await.map_err(|_| "its host cannot be reached, or is not public".to_owned())
    }
}

impl Rules {
    /// Takes an address that may be fetched.
    fn check(self, url: &str, hosts: Option<&[String]>) -> Result<Uri, String> {
        let uri: Uri = url.parse().map_err(|_| "its address is malformed")?;
        let scheme = uri.scheme_str().unwrap_or_default();
        if scheme != "https" && !(self.plain_http && scheme == "http") {
            return Err("only `https://` addresses are fetched".to_owned());
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("an address with a user in it is not fetched".to_owned());
        }
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        if let Ok(literal) = host.parse()
            && !self.any_address
            && !address::is_public(literal)
        {
            return Err("its host is not public".to_owned());
        }
        if hosts.is_some_and(|hosts| !hosts.iter().any(|pattern| matches(pattern, host))) {
            return Err("its host is not one of the model's `remote_content_hosts`".to_owned());
        }
        Ok(uri)
    }
}

/// Says whether a host is the pattern's, or below it where the pattern begins with `*.`.
fn matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')),
        None => pattern == host,
    }
}

/// A redirect's target may leave out the host, or the scheme.
fn absolute(base: &Uri, target: &str) -> String {
    let (scheme, authority) =
        (base.scheme_str().unwrap_or("https"), base.authority().map_or("", |a| a.as_str()));
    match target {
        _ if target.contains("://") => target.to_owned(),
        _ if target.starts_with("//") => format!("{scheme}:{target}"),
        _ if target.starts_with('/') => format!("{scheme}://{authority}{target}"),
        _ => {
            let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme}://{authority}{folder}/{target}")
        }
    }
}

/// Says, for fuzzers, where an address leads that would be fetched.
#[cfg(any(test, feature = "fuzzing"))]
pub fn address(url: &str, hosts: Option<&[String]>) -> Option<String> {
    Rules::default().check(url, hosts).ok().map(|uri| uri.to_string())
}

/// Says, for fuzzers, where a redirect leads.
#[cfg(any(test, feature = "fuzzing"))]
pub fn redirect(base: &str, target: &str) -> Option<String> {
    base.parse().ok().map(|base| absolute(&base, target))
}

fn connect(rules: Rules) -> Option<Http> {
    let mut http = HttpConnector::new_with_resolver(Guarded { any_address: rules.any_address });
    http.enforce_http(false);
    http.set_connect_timeout(Some(TIME / 2));
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let builder = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider).ok()?;
    let builder = if rules.plain_http { builder.https_or_http() } else { builder.https_only() };
    // Nothing is kept open to a host that a client named.
    let connector = builder.enable_http1().wrap_connector(http);
    Some(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector))
}

async fn read(response: Response<Incoming>, room: usize) -> Result<Fetched, String> {
    let (head, mut body) = response.into_parts();
    if !head.status.is_success() {
        return Err(format!("its host answered {}", head.status.as_u16()));
    }
    if head.headers.contains_key(CONTENT_ENCODING) {
        return Err("its host sent it compressed although it was not asked to".to_owned());
    }
    let kind = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| "it broke off")?;
        let Some(data) = frame.data_ref() else { continue };
        if bytes.len() + data.len() > room {
            return Err(format!(
                "it is larger than {LARGEST} bytes, or everything of this request than {LARGEST_SUM}"
            ));
        }
        bytes.extend_from_slice(data);
    }
    Ok(Fetched { bytes: bytes.freeze(), kind })
}

fn remote(part: &Part) -> Option<&String> {
    let source = match &part.content {
        Content::Image(image) => &image.source,
        Content::Document(document) => &document.source,
        Content::Video(video) => &video.source,
        Content::Text(_) | Content::Guarded(_) => return None,
    };
    match source {
        Source::Remote(url) => Some(url),
        Source::Base64(_) | Source::S3 { .. } => None,
    }
}

/// Puts what was fetched in the place of its address, in the format that it really has.
fn place(part: &mut Part, fetched: &Fetched) -> Result<(), String> {
    let source = Source::Base64(STANDARD.encode(&fetched.bytes).into());
    let kind = fetched.kind.as_deref();
    let unknown = || "it is of no format that Amazon Bedrock takes".to_owned();
    match &mut part.content {
        Content::Image(image) => {
            image.format = Some(openai_api::media::image_format(&fetched.bytes).ok_or_else(unknown)?);
            image.source = source;
        }
        Content::Document(document) => {
            let name = document.name.as_deref();
            let format = openai_api::media::document_format(&fetched.bytes, kind, name);
            document.format = Some(format.ok_or_else(unknown)?);
            document.source = source;
        }
        Content::Video(video) => {
            video.format = Some(openai_api::media::video_format(&fetched.bytes, kind).ok_or_else(unknown)?);
            video.source = source;
        }
        Content::Text(_) | Content::Guarded(_) => {}
    }
    Ok(())
}

fn invalid(at: Field, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, message).at(at)
}

fn refused(at: Field, reason: &str) -> Error {
    invalid(at, format!("the remote content cannot be fetched: {reason}"))
}

#[cfg(test)]
mod tests;
