//! The services that hand out credentials, as far as a client sees them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::support::{Key, in_an_hour};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// A reply: status, content type, body.
pub(crate) type Answer = (u16, &'static str, String);

/// An HTTP server whose every reply is a function of the request.
pub(crate) struct Web {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    _tasks: JoinSet<()>,
}

impl Web {
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (notes, answer) = (Arc::clone(&asked), Arc::new(answer));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (notes, answer) = (Arc::clone(&notes), Arc::clone(&answer));
                connections.spawn(async move {
                    let service =
                        service_fn(move |request| respond(request, Arc::clone(&notes), Arc::clone(&answer)));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(socket), service)
                        .await;
                });
            }
        });
        Self { address, asked, _tasks: tasks }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn respond<F: Fn(&Asked) -> Answer>(
    request: Request<Incoming>,
    notes: Arc<Mutex<Vec<Asked>>>,
    answer: Arc<F>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
    let asked = Asked {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    let (status, kind, body) = answer(&asked);
    notes.lock().unwrap().push(asked);
    let mut response = Response::builder().status(status).header("content-type", kind);
    if body == IMDS_TOKEN {
        response = response.header("x-aws-ec2-metadata-token-ttl-seconds", "21600");
    }
    Ok(response.body(Full::new(Bytes::from(body))).unwrap())
}

const IMDS_TOKEN: &str = "imds-CANARY-session";

/// The credentials as the metadata service and container endpoints give them.
pub(crate) fn document(key: &Key, expiration: &str) -> String {
    json!({
        "Code": "Success",
        "LastUpdated": "2026-01-01T00:00:00Z",
        "Type": "AWS-HMAC",
        "AccessKeyId": key.id,
        "SecretAccessKey": key.secret,
        "Token": key.token,
        "Expiration": expiration,
    })
    .to_string()
}

/// A metadata service with IMDSv2 alone: no token, no answer.
pub(crate) async fn imds(document: impl Fn() -> Answer + Send + Sync + 'static) -> Web {
    Web::start(move |asked| {
        if asked.method == "PUT" && asked.path == "/latest/api/token" {
            return (200, "text/plain", IMDS_TOKEN.to_owned());
        }
        if asked.header("x-aws-ec2-metadata-token") != IMDS_TOKEN {
            return (401, "text/plain", "Unauthorized".to_owned());
        }
        match asked.path.as_str() {
            "/latest/meta-data/iam/security-credentials/" => (200, "text/plain", "the-role".to_owned()),
            "/latest/meta-data/iam/security-credentials/the-role" => document(),
            _ => (404, "text/plain", String::new()),
        }
    })
    .await
}

/// A metadata service whose role has one key.
pub(crate) async fn imds_of(key: Key) -> Web {
    imds(move || (200, "application/json", document(&key, &in_an_hour()))).await
}

/// A container endpoint that wants an authorization token.
pub(crate) async fn container(key: Key, authorization: &'static str) -> Web {
    Web::start(move |asked| {
        if asked.path == "/v1/credentials" && asked.header("authorization") == authorization {
            (200, "application/json", document(&key, &in_an_hour()))
        } else {
            (403, "text/plain", "no CANARY".to_owned())
        }
    })
    .await
}

/// STS, which gives one key to everybody.
pub(crate) async fn sts(key: Key) -> Web {
    Web::start(move |asked| {
        let action = if asked.body.contains("AssumeRoleWithWebIdentity") { "AssumeRoleWithWebIdentity" } else { "AssumeRole" };
        let Key { id, secret, token } = &key;
        let (token, expiration) = (token.unwrap(), in_an_hour());
        let body = format!(
            "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><AssumedRoleUser>\
             <AssumedRoleId>A:B</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn></AssumedRoleUser>\
             <Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey><SessionToken>\
             {token}</SessionToken><Expiration>{expiration}</Expiration></Credentials></{action}Result>\
             <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{action}Response>"
        );
        (200, "text/xml", body)
    })
    .await
}

/// STS, which refuses everybody.
pub(crate) async fn sts_refusing(code: &'static str) -> Web {
    Web::start(move |_| {
        let body = format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>{code}\
             </Code><Message>User: arn:aws:iam::123456789012:user/CANARY is not authorized</Message></Error>\
             <RequestId>r</RequestId></ErrorResponse>"
        );
        (403, "text/xml", body)
    })
    .await
}

/// The SSO portal, which knows one access token.
pub(crate) async fn portal(key: Key, access_token: &'static str) -> Web {
    Web::start(move |asked| {
        let known = asked.path.starts_with("/federation/credentials?")
            && asked.header("x-amz-sso_bearer_token") == access_token;
        if !known {
            let body =
                json!({ "message": "Session token not found or invalid", "__type": "UnauthorizedException" });
            return (401, "application/json", body.to_string());
        }
        let body = json!({ "roleCredentials": {
            "accessKeyId": key.id,
            "secretAccessKey": key.secret,
            "sessionToken": key.token,
            "expiration": 4_070_908_800_000_i64,
        }});
        (200, "application/json", body.to_string())
    })
    .await
}

/// OIDC of SSO, which gives an access token for a refresh token.
pub(crate) async fn oidc(refresh_token: &'static str, access_token: &'static str) -> Web {
    Web::start(move |asked| {
        if asked.path == "/token" && asked.body.contains(refresh_token) {
            let body = json!({
                "accessToken": access_token, "expiresIn": 3600, "tokenType": "Bearer", "refreshToken": "next-CANARY",
            });
            (200, "application/json", body.to_string())
        } else {
            (400, "application/json", json!({ "error": "invalid_grant", "__type": "InvalidGrantException" }).to_string())
        }
    })
    .await
}
