//! The services that hand out credentials, as far as a client sees them.

use std::io;

use serde_json::json;

use crate::dates::{in_an_hour, in_seconds};
use crate::web::{Answer, Web};

/// An access key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its id.
    pub id: &'static str,
    /// What requests are signed with.
    pub secret: &'static str,
    /// What is sent along with it, where it is one of a session.
    pub token: Option<&'static str>,
}

impl Key {
    /// A key, and the token of its session.
    pub const fn new(id: &'static str, secret: &'static str, token: Option<&'static str>) -> Self {
        Self { id, secret, token }
    }
}

const IMDS_TOKEN: &str = "imds-CANARY-session";

/// Where the metadata service has the credentials of its role.
const ROLE_PATH: &str = "/latest/meta-data/iam/security-credentials/the-role";

/// The credentials as the metadata service and container endpoints give them.
pub fn document(key: &Key, expiration: &str) -> String {
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

/// The token without which a metadata service says nothing.
pub fn imds_token() -> Answer {
    let token = Answer::from((200, "text/plain", IMDS_TOKEN.to_owned()));
    token.header("x-aws-ec2-metadata-token-ttl-seconds", "21600")
}

/// A metadata service with IMDSv2 alone: no token, no answer.
///
/// # Errors
///
/// Where no port can be opened.
pub async fn imds<A: Into<Answer>>(document: impl Fn() -> A + Send + Sync + 'static) -> io::Result<Web> {
    Web::start(move |asked| -> Answer {
        if asked.method == "PUT" && asked.path == "/latest/api/token" {
            return imds_token();
        }
        if asked.header("x-aws-ec2-metadata-token") != IMDS_TOKEN {
            return (401, "text/plain", "Unauthorized".to_owned()).into();
        }
        match asked.path.as_str() {
            "/latest/meta-data/iam/security-credentials/" => {
                (200, "text/plain", "the-role".to_owned()).into()
            }
            ROLE_PATH => document().into(),
            _ => (404, "text/plain", String::new()).into(),
        }
    })
    .await
}

/// A metadata service whose role has one key.
///
/// # Errors
///
/// Where no port can be opened.
pub async fn imds_of(key: Key) -> io::Result<Web> {
    imds(move || (200, "application/json", document(&key, &in_an_hour()))).await
}

/// How often a metadata service was asked for credentials.
pub fn searches(imds: &Web) -> usize {
    imds.asked().iter().filter(|asked| asked.path == ROLE_PATH).count()
}

/// A container endpoint that wants an authorization token.
///
/// # Errors
///
/// Where no port can be opened.
pub async fn container(key: Key, authorization: &'static str) -> io::Result<Web> {
    Web::start(move |asked| {
        if asked.path == "/v1/credentials" && asked.header("authorization") == authorization {
            (200, "application/json", document(&key, &in_an_hour()))
        } else {
            (403, "text/plain", "no CANARY".to_owned())
        }
    })
    .await
}

/// STS, which gives one key to everybody, for an hour.
///
/// # Errors
///
/// Where no port can be opened.
pub async fn sts(key: Key) -> io::Result<Web> {
    sts_for(key, 3599).await
}

/// STS, which gives one key to everybody, for some seconds.
///
/// # Errors
///
/// Where no port can be opened.
pub async fn sts_for(key: Key, seconds: i64) -> io::Result<Web> {
    Web::start(move |asked| {
        let action = if asked.body.contains("AssumeRoleWithWebIdentity") { "AssumeRoleWithWebIdentity" } else { "AssumeRole" };
        let Key { id, secret, token } = &key;
        let (token, expiration) = (token.unwrap_or_default(), in_seconds(seconds));
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
///
/// # Errors
///
/// Where no port can be opened.
pub async fn sts_refusing(code: &'static str) -> io::Result<Web> {
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
///
/// # Errors
///
/// Where no port can be opened.
pub async fn portal(key: Key, access_token: &'static str) -> io::Result<Web> {
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
///
/// # Errors
///
/// Where no port can be opened.
pub async fn oidc(refresh_token: &'static str, access_token: &'static str) -> io::Result<Web> {
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
