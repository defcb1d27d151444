//! How a request can fail.

use std::fmt;
use std::time::Duration;

use crate::{Field, Route};

/// The result of a call to a model.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request failed, by meaning. A dialect maps each kind to a status, a provider maps its failures to a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request is wrong; the same request fails again.
    InvalidRequest,
    /// The request names something that this provider or model does not have.
    Unsupported,
    /// The conversation does not fit the model's context.
    ContextLengthExceeded,
    /// The provider does not know the model, or no longer serves it.
    ModelNotFound,
    /// The gateway's identity may not use the model.
    AccessDenied,
    /// The provider rejected the gateway's credentials.
    CredentialsRejected,
    /// The gateway has no credentials (yet).
    CredentialsUnavailable,
    /// Too many requests or tokens; worth another try later.
    Throttled,
    /// The operator's own limit of the model is met, and nobody was called; worth another try later.
    AtLimit,
    /// A quota is used up; another try does not help.
    QuotaExceeded,
    /// The model is not ready to answer yet; worth another try.
    ModelNotReady,
    /// The provider is overloaded; worth another try.
    Overloaded,
    /// The provider failed inside, or answered with something that is no answer.
    Upstream,
    /// The model took longer than the provider allows.
    ModelTimeout,
    /// The model failed.
    ModelError,
    /// The model failed in the middle of its answer.
    ModelStreamError,
    /// The model's output was malformed.
    MalformedOutput,
    /// No connection to the provider could be made.
    Unreachable,
    /// Making a connection took too long.
    ConnectTimeout,
    /// The provider's certificate was not acceptable, or TLS failed otherwise.
    Tls,
    /// The provider was silent for too long.
    Timeout,
    /// The answer was cut off.
    Incomplete,
    /// The answer's bytes were damaged.
    Corrupt,
    /// The answer broke the provider's own protocol.
    Protocol,
    /// The answer was larger than the gateway takes.
    TooLarge,
}

impl ErrorKind {
    /// Every kind, for tables and tests.
    pub const ALL: [Self; 25] = [
        Self::InvalidRequest,
        Self::Unsupported,
        Self::ContextLengthExceeded,
        Self::ModelNotFound,
        Self::AccessDenied,
        Self::CredentialsRejected,
        Self::CredentialsUnavailable,
        Self::Throttled,
        Self::AtLimit,
        Self::QuotaExceeded,
        Self::ModelNotReady,
        Self::Overloaded,
        Self::Upstream,
        Self::ModelTimeout,
        Self::ModelError,
        Self::ModelStreamError,
        Self::MalformedOutput,
        Self::Unreachable,
        Self::ConnectTimeout,
        Self::Tls,
        Self::Timeout,
        Self::Incomplete,
        Self::Corrupt,
        Self::Protocol,
        Self::TooLarge,
    ];

    /// Names the kind for logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::Unsupported => "unsupported",
            Self::ContextLengthExceeded => "context_length_exceeded",
            Self::ModelNotFound => "model_not_found",
            Self::AccessDenied => "access_denied",
            Self::CredentialsRejected => "credentials_rejected",
            Self::CredentialsUnavailable => "credentials_unavailable",
            Self::Throttled => "throttled",
            Self::AtLimit => "rate_limit_exceeded",
            Self::QuotaExceeded => "quota_exceeded",
            Self::ModelNotReady => "model_not_ready",
            Self::Overloaded => "overloaded",
            Self::Upstream => "upstream",
            Self::ModelTimeout => "model_timeout",
            Self::ModelError => "model_error",
            Self::ModelStreamError => "model_stream_error",
            Self::MalformedOutput => "malformed_output",
            Self::Unreachable => "unreachable",
            Self::ConnectTimeout => "connect_timeout",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Incomplete => "incomplete",
            Self::Corrupt => "corrupt",
            Self::Protocol => "protocol",
            Self::TooLarge => "too_large",
        }
    }
}

/// Whether a request that has failed may be sent to another model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeat {
    /// The provider did not begin to answer, or said that it did nothing.
    #[default]
    Safe,
    /// The provider may have received the request: another call may be paid for twice.
    Doubtful,
    /// The provider had begun an answer, which is paid for.
    Never,
}

/// A failed request. Boxed inside, so that results stay small.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    field: Option<Field>,
    retry_after: Option<Duration>,
    upstream_request_id: Option<String>,
    attempts: u32,
    repeat: Repeat,
    route: Option<Box<Route>>,
    budget_exhausted: bool,
    withdrawn: Option<usize>,
}

impl Error {
    /// Builds an error. The message is shown to the client: no account ids, hosts or secrets.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            field: None,
            retry_after: None,
            upstream_request_id: None,
            attempts: 0,
            repeat: Repeat::Safe,
            route: None,
            budget_exhausted: false,
            withdrawn: None,
        }))
    }

    /// Says which part of the request is to blame.
    #[must_use]
    pub fn at(mut self, field: Field) -> Self {
        self.0.field = Some(field);
        self
    }

    /// Says when another try is worth it.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.0.retry_after = Some(delay);
        self
    }

    /// Adds the provider's id of the failed request.
    #[must_use]
    pub fn upstream_request_id(mut self, id: Option<String>) -> Self {
        self.0.upstream_request_id = id;
        self
    }

    /// Adds how many calls to the provider were made.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// Says whether the request may be sent to another model.
    #[must_use]
    pub fn repeat(mut self, repeat: Repeat) -> Self {
        self.0.repeat = repeat;
        self
    }

    /// Says which of several models failed.
    #[must_use]
    pub fn via(mut self, route: Route) -> Self {
        self.0.route = Some(Box::new(route));
        self
    }

    /// Says that another try was due, and that the model's budget of retries had none left.
    #[must_use]
    pub fn budget_exhausted(mut self) -> Self {
        self.0.budget_exhausted = true;
        self
    }

    /// Says which gate ([`crate::Calls::shut`]) was shut before the request was sent; `None` where none was.
    #[must_use]
    pub fn withdrawn(mut self, gate: Option<usize>) -> Self {
        self.0.withdrawn = gate;
        self
    }

    /// Why the request failed.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What to tell the client.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Which part of the request is to blame.
    pub fn field(&self) -> Option<&Field> {
        self.0.field.as_ref()
    }

    /// When another try is worth it.
    pub fn delay(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The provider's id of the failed request.
    pub fn request_id(&self) -> Option<&str> {
        self.0.upstream_request_id.as_deref()
    }

    /// How many calls to the provider were made.
    pub fn attempt_count(&self) -> u32 {
        self.0.attempts
    }

    /// Whether the request may be sent to another model.
    pub fn may_repeat(&self) -> Repeat {
        self.0.repeat
    }

    /// Which of several models failed; `None` where there was no choice.
    pub fn route(&self) -> Option<&Route> {
        self.0.route.as_deref()
    }

    /// Which of the request's gates was shut before it was sent, counted from the outermost; then nothing is known of
    /// whoever was to be asked.
    pub fn withdrawn_by(&self) -> Option<usize> {
        self.0.withdrawn
    }

    /// Whether another try was left out because the model's budget of retries is spent.
    pub fn is_budget_exhausted(&self) -> bool {
        self.0.budget_exhausted
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("field", &self.0.field)
            .field("attempts", &self.0.attempts)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}
