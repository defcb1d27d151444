//! What Bedrock says went wrong, by meaning.
//!
//! Source: the errors of [Converse](https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html)
//! and the [common errors](https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html).

use chat::{Error, ErrorKind};

use crate::model_id::{ModelId, profile_hint};
use crate::wire::reply::ErrorBody;

/// Texts by which the families say that a conversation is too long; Bedrock has no code for it.
const TOO_LONG: &[&str] = &[
    "input is too long",
    "prompt is too long",
    "exceed context limit",
    "too many total text bytes",
    "maximum context length",
    "context window",
    "too many input tokens",
];

/// An error as Bedrock gave it: from a reply with a status, or from an exception in a stream.
#[derive(Debug)]
pub(crate) struct ServiceError {
    /// The exception's name, such as `ThrottlingException`; empty where none was given.
    pub(crate) code: String,
    /// The HTTP status; `None` in a stream.
    pub(crate) status: Option<u16>,
    /// What AWS says.
    pub(crate) message: String,
}

impl ServiceError {
    /// Reads an error reply. `header` is the value of `x-amzn-ErrorType`.
    pub(crate) fn from_reply(status: u16, header: Option<&str>, body: &[u8]) -> Self {
        let parsed: ErrorBody<'_> = serde_json::from_slice(body).unwrap_or_default();
        let code = header.or(parsed.code()).unwrap_or_default();
        Self { code: bare_code(code), status: Some(status), message: parsed.message().to_owned() }
    }

    /// Reads an exception frame of a stream; its type begins with a small letter.
    pub(crate) fn from_exception(exception_type: &str, payload: &[u8]) -> Self {
        let parsed: ErrorBody<'_> = serde_json::from_slice(payload).unwrap_or_default();
        Self::in_stream(exception_type, parsed.message().to_owned())
    }

    /// Builds an error of a stream from its code and message.
    pub(crate) fn in_stream(code: &str, message: String) -> Self {
        let mut code = bare_code(code);
        if let Some(first) = code.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Self { code, status: None, message }
    }

    /// Maps the error to its meaning: the one place that does.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self.code.as_str() {
            "ValidationException" | "ConflictException" | "SerializationException" => self.validation_kind(),
            "ResourceNotFoundException" | "UnknownOperationException" => ErrorKind::ModelNotFound,
            "AccessDeniedException" | "AccessDenied" | "NotAuthorized" | "OptInRequired" => {
                ErrorKind::AccessDenied
            }
            "ExpiredTokenException"
            | "ExpiredToken"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "RequestExpired" => ErrorKind::CredentialsRejected,
            "ThrottlingException" | "TooManyRequestsException" => ErrorKind::Throttled,
            "ServiceQuotaExceededException" => ErrorKind::QuotaExceeded,
            "ModelNotReadyException" => ErrorKind::ModelNotReady,
            "ServiceUnavailableException" => ErrorKind::Overloaded,
            "ModelTimeoutException" => ErrorKind::ModelTimeout,
            "ModelErrorException" => ErrorKind::ModelError,
            "ModelStreamErrorException" => ErrorKind::ModelStreamError,
            "InternalServerException" | "InternalFailure" => ErrorKind::Upstream,
            _ => self.kind_by_status(),
        }
    }

    fn validation_kind(&self) -> ErrorKind {
        let message = self.message.to_ascii_lowercase();
        if TOO_LONG.iter().any(|text| message.contains(text)) {
            ErrorKind::ContextLengthExceeded
        } else if is_of_unknown_model(&message) {
            ErrorKind::ModelNotFound
        } else {
            ErrorKind::InvalidRequest
        }
    }

    /// Proxies and load balancers answer without an exception's name.
    fn kind_by_status(&self) -> ErrorKind {
        match self.status {
            Some(400) => self.validation_kind(),
            Some(401 | 403) => ErrorKind::AccessDenied,
            Some(404) => ErrorKind::ModelNotFound,
            Some(408) => ErrorKind::ModelTimeout,
            Some(413) => ErrorKind::InvalidRequest,
            Some(429) => ErrorKind::Throttled,
            Some(503) => ErrorKind::Overloaded,
            Some(_) | None => ErrorKind::Upstream,
        }
    }

    /// Says whether another call may succeed where this one failed.
    pub(crate) fn is_transient(&self) -> bool {
        let failed = self.kind() == ErrorKind::Upstream;
        self.is_of_load() || failed && self.status.is_some_and(|status| (500..600).contains(&status))
    }

    /// Whether the upstream had too much to do, so that another try should wait.
    pub(crate) fn is_of_load(&self) -> bool {
        [ErrorKind::Throttled, ErrorKind::ModelNotReady, ErrorKind::Overloaded].contains(&self.kind())
    }

    /// Turns the error into the domain's, with what AWS said and what may help.
    pub(crate) fn into_error(self, model_id: &ModelId, region: &str) -> Error {
        let kind = self.kind();
        let said = redact(&self.message);
        let code = redact(&self.code);
        let message = if kind == ErrorKind::CredentialsRejected {
            format!("AWS rejected the gateway's credentials ({code})")
        } else if kind == ErrorKind::AccessDenied {
            "AWS denied the gateway access to this model".to_owned()
        } else if let Some(hint) = hint(&self.message, model_id, region) {
            format!("{said} ({hint})")
        } else if !said.trim().is_empty() {
            said
        } else if !code.is_empty() {
            format!("Amazon Bedrock answered with {code}")
        } else if let Some(status) = self.status {
            format!("Amazon Bedrock answered with status {status}")
        } else {
            "Amazon Bedrock ended the stream with an error".to_owned()
        };
        Error::new(kind, message)
    }
}

/// Whether a region says that it does not serve the model under this id, which another one may. By how the message
/// begins: further on, it may repeat words of the request.
fn is_of_unknown_model(message: &str) -> bool {
    message.starts_with("the provided model identifier is invalid")
        || message.starts_with("invocation of model id ") && message.contains("on-demand throughput isn")
}

/// Strips the namespace and the address from a code: `aws#X:http://…` is `X`.
fn bare_code(code: &str) -> String {
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default().trim().to_owned()
}

/// Says what to do where AWS's own words do not.
fn hint(message: &str, model_id: &ModelId, region: &str) -> Option<String> {
    if message.contains("on-demand throughput") {
        let profile = model_id.base().filter(|_| model_id.geography().is_none());
        return Some(match profile.and_then(|base| profile_hint(base, region)) {
            Some(profile) => format!("in {region}, try `from: bedrock:{profile}`"),
            None => "use an inference profile that contains this model".to_owned(),
        });
    }
    if message.contains("model identifier is invalid") {
        return Some(if model_id.geography_contradicts(region) {
            format!(
                "an inference profile of `{}` is not called from {region}",
                model_id.geography().unwrap_or("?")
            )
        } else {
            format!("is the model offered in {region}?")
        });
    }
    message.contains("end of its life").then(|| "declare a model that is still served".to_owned())
}

/// Takes account ids, ARNs and AWS's hosts out of a message: they are nobody's business outside.
fn redact(message: &str) -> String {
    let mut redacted = String::with_capacity(message.len());
    for (index, word) in message.split(' ').enumerate() {
        if index > 0 {
            redacted.push(' ');
        }
        match word.find("arn:aws") {
            None if word.contains("amazonaws.com") => redacted.push('…'),
            Some(at) => {
                push_without_accounts(&mut redacted, word.get(..at).unwrap_or_default());
                redacted.push_str("arn:…");
            }
            None => push_without_accounts(&mut redacted, word),
        }
    }
    redacted
}

fn push_without_accounts(out: &mut String, word: &str) {
    let mut rest = word;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (head, tail) = rest.split_at(at);
        let end = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        let (digits, after) = tail.split_at(end);
        out.push_str(head);
        out.push_str(if digits.len() == 12 { "…" } else { digits });
        rest = after;
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests;
