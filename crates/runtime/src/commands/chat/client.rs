//! A small client of OpenAI's API.

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::http::bearer;

/// The largest reply that is read as a whole, and the longest line of a stream.
const LARGEST: usize = 16 * 1024 * 1024;

type Http = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A server that speaks OpenAI's API.
pub(super) struct Client {
    http: Http,
    base: String,
    key: Option<SecretString>,
}

/// A part of a streamed answer.
pub(super) enum Piece {
    Text(String),
    /// The answer has ended, and why.
    Finished(String),
}

impl Client {
    /// Reaches a server; the address may end with `/v1`.
    pub(super) fn new(url: &str, key: Option<SecretString>) -> Result<Self, String> {
        let base = url.trim_end_matches('/').trim_end_matches("/v1").to_owned();
        let uri: Uri = base.parse().map_err(|_| no_address(url))?;
        let builder = HttpsConnectorBuilder::new();
        let builder = match uri.scheme_str() {
            Some("https") => builder
                .with_provider_and_native_roots(rustls::crypto::aws_lc_rs::default_provider())
                .map_err(|error| format!("this machine's root certificates cannot be read: {error}"))?,
            Some("http") => builder.with_tls_config(no_certificates()?),
            _ => return Err(no_address(url)),
        };
        let connector = builder.https_or_http().enable_http1().build();
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { http, base, key })
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Response<Incoming>, String> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        request = request.header(CONTENT_TYPE, "application/json");
        if let Some(key) = &self.key {
            let value = bearer(key).ok_or("SPICERACK_API_KEY holds characters that no header may hold")?;
            request = request.header(AUTHORIZATION, value);
        }
        let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
        let response = self.http.request(request).await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() { Ok(response) } else { Err(refusal(response).await) }
    }

    fn unreachable(&self, error: &dyn std::error::Error) -> String {
        let mut text = format!("{} cannot be reached: {error}", self.base);
        let mut cause = error.source();
        while let Some(source) = cause {
            text.push_str(&format!(": {source}"));
            cause = source.source();
        }
        text
    }

    /// The names of the server's models.
    pub(super) async fn models(&self) -> Result<Vec<String>, String> {
        let response = self.send(Method::GET, "/v1/models", Bytes::new()).await?;
        let list = whole(response).await?;
        let models =
            list.get("data").and_then(Value::as_array).ok_or("the server's list of models cannot be read")?;
        Ok(models.iter().filter_map(|model| Some(model.get("id")?.as_str()?.to_owned())).collect())
    }

    /// Asks a model; the answer comes piece by piece.
    pub(super) async fn ask(&self, model: &str, messages: &[Value]) -> Result<Pieces, String> {
        let body = json!({ "model": model, "messages": messages, "stream": true }).to_string();
        let response = self.send(Method::POST, "/v1/chat/completions", body.into()).await?;
        Ok(Pieces { body: response.into_body(), buffer: BytesMut::new(), finished: false })
    }
}

fn no_address(url: &str) -> String {
    format!("`{url}` is no address of a server\nhelp: write one such as `http://127.0.0.1:8090`")
}

/// Plain HTTP needs no certificates, and must work on a machine that has none.
fn no_certificates() -> Result<rustls::ClientConfig, String> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let builder = rustls::ClientConfig::builder_with_provider(provider.into());
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

async fn whole(response: Response<Incoming>) -> Result<Value, String> {
    let body = Limited::new(response.into_body(), LARGEST).collect().await;
    let body = body.map_err(|error| format!("the server's reply broke off: {error}"))?.to_bytes();
    serde_json::from_slice(&body).map_err(|_| "the server's reply is not JSON".to_owned())
}

/// What a server says where it refuses.
async fn refusal(response: Response<Incoming>) -> String {
    let status = response.status();
    match whole(response).await {
        Ok(body) => message(&body).unwrap_or_else(|| format!("the server answered {status}")),
        Err(_) => format!("the server answered {status}"),
    }
}

fn message(body: &Value) -> Option<String> {
    let error = body.get("error")?;
    let text = error.get("message")?.as_str()?;
    Some(match error.get("code").and_then(Value::as_str) {
        Some(code) => format!("{text} ({code})"),
        None => text.to_owned(),
    })
}

/// A streamed answer.
pub(super) struct Pieces {
    body: Incoming,
    buffer: BytesMut,
    finished: bool,
}

impl Pieces {
    /// The next piece; `None` once the answer is complete.
    pub(super) async fn next(&mut self) -> Option<Result<Piece, String>> {
        loop {
            if self.finished {
                return None;
            }
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end);
                self.buffer.advance(1);
                match self.read(&line) {
                    Ok(None) => continue,
                    Ok(Some(piece)) => return Some(Ok(piece)),
                    Err(message) => {
                        self.finished = true;
                        return Some(Err(message));
                    }
                }
            }
            if let Some(Ok(frame)) = self.body.frame().await {
                if let Some(data) = frame.data_ref() {
                    self.buffer.extend_from_slice(data);
                }
                if self.buffer.len() <= LARGEST {
                    continue;
                }
            }
            self.finished = true;
            return Some(Err("the answer broke off".to_owned()));
        }
    }

    fn read(&mut self, line: &[u8]) -> Result<Option<Piece>, String> {
        let Some(data) = line.strip_prefix(b"data:").map(<[u8]>::trim_ascii) else { return Ok(None) };
        if data == b"[DONE]" {
            self.finished = true;
            return Ok(None);
        }
        let chunk: Value = serde_json::from_slice(data).map_err(|_| "the server's answer is not JSON")?;
        if let Some(message) = message(&chunk) {
            return Err(message);
        }
        let text = |path| chunk.pointer(path).and_then(Value::as_str);
        if let Some(reason) = text("/choices/0/finish_reason") {
            return Ok(Some(Piece::Finished(reason.to_owned())));
        }
        let text = text("/choices/0/delta/content").filter(|text| !text.is_empty());
        Ok(text.map(|text| Piece::Text(text.to_owned())))
    }
}
