//! Who calls: a signature, or an API key.
//!
//! Source: [Signature Version 4](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).

use subtle::ConstantTimeEq as _;

use crate::clock;
use crate::config::Config;
use crate::reply::Refusal;
use crate::service::Received;

mod canonical;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "bedrock";

/// How far a signature's date may be off, in seconds.
const SKEW: i64 = 300;

/// What an `authorization` header says.
struct Signature<'a> {
    key_id: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

fn refused(kind: &'static str, message: impl Into<String>) -> Refusal {
    Refusal::new(403, kind, message)
}

/// The region that a request is signed for.
pub(crate) fn region(received: &Received) -> Option<&str> {
    parse(received.header("authorization")?).map(|signature| signature.region)
}

fn parse(header: &str) -> Option<Signature<'_>> {
    let fields = header.strip_prefix(ALGORITHM)?;
    let field =
        |name: &str| fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
    let mut scope = field("Credential")?.split('/');
    let (key_id, date, region, service) = (scope.next()?, scope.next()?, scope.next()?, scope.next()?);
    let signed_headers = field("SignedHeaders")?.split(';').collect();
    Some(Signature { key_id, date, region, service, signed_headers, signature: field("Signature")? })
}

/// Checks a request's credentials.
pub(crate) fn check(config: &Config, received: &Received) -> Result<(), Refusal> {
    let Some(header) = received.header("authorization") else {
        return Err(refused("MissingAuthenticationTokenException", "Missing Authentication Token"));
    };
    if let Some((scheme, token)) = header.split_once(' ')
        && scheme.eq_ignore_ascii_case("bearer")
    {
        let known = config.bearer_keys.iter().any(|key| key.as_bytes().ct_eq(token.trim().as_bytes()).into());
        let message = "Authentication failed: Please make sure your API Key is valid.";
        return if known { Ok(()) } else { Err(refused("AccessDeniedException", message)) };
    }
    let Some(signature) = parse(header) else {
        let message =
            "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters.";
        return Err(refused("IncompleteSignatureException", message));
    };
    verify(config, received, &signature)
}

fn verify(config: &Config, received: &Received, signature: &Signature<'_>) -> Result<(), Refusal> {
    let unknown =
        || refused("UnrecognizedClientException", "The security token included in the request is invalid.");
    let key = config.keys.iter().find(|key| key.id == signature.key_id).ok_or_else(unknown)?;
    if received.header("x-amz-security-token") != key.session_token.as_deref() {
        return Err(unknown());
    }
    if signature.service != SERVICE {
        let message = format!("Credential should be scoped to correct service: '{SERVICE}'. ");
        return Err(refused("InvalidSignatureException", message));
    }
    let date = received.header("x-amz-date").unwrap_or_default();
    let Some(time) = clock::parse(date) else {
        let message = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
        return Err(refused("IncompleteSignatureException", message));
    };
    if !date.starts_with(signature.date) {
        let message = format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
             '{}' != '{date}'",
            signature.date
        );
        return Err(refused("InvalidSignatureException", message));
    }
    check_age(date, time, config.now())?;
    if !["host", ":authority"].iter().any(|name| signature.signed_headers.contains(name)) {
        let message = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
        return Err(refused("InvalidSignatureException", message));
    }
    let expected = canonical::signature(received, &key.secret, signature, date);
    if bool::from(expected.as_bytes().ct_eq(signature.signature.as_bytes())) {
        return Ok(());
    }
    let message = "The request signature we calculated does not match the signature you provided. Check your AWS \
                   Secret Access Key and signing method. Consult the service documentation for details.";
    Err(refused("InvalidSignatureException", message))
}

fn check_age(date: &str, time: i64, now: i64) -> Result<(), Refusal> {
    let (earliest, latest, text) = (now - SKEW, now + SKEW, clock::format(now));
    let message = if time < earliest {
        let earliest = clock::format(earliest);
        format!("Signature expired: {date} is now earlier than {earliest} ({text} - 5 min.)")
    } else if time > latest {
        let latest = clock::format(latest);
        format!("Signature not yet current: {date} is still later than {latest} ({text} + 5 min.)")
    } else {
        return Ok(());
    };
    Err(refused("InvalidSignatureException", message))
}
