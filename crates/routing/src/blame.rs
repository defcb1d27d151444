//! Whose fault a failure is.

use chat::{Error, ErrorKind, Repeat};

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// The caller's: every leg would answer the same.
    Caller,
    /// The leg's, and its next request would most probably fail as well.
    Leg,
    /// Nobody's: the leg is well, and has no room for it.
    Nobody,
    /// The leg's, or only this request's: it takes several in a row to tell.
    Doubtful,
}

impl Blame {
    pub(crate) fn of(error: &Error) -> Self {
        let blame = of_kind(error.kind());
        // An answer that was begun is no sign of a leg that answers nobody.
        if blame == Self::Leg && error.may_repeat() == Repeat::Never { Self::Doubtful } else { blame }
    }
}

fn of_kind(kind: ErrorKind) -> Blame {
    match kind {
        ErrorKind::InvalidRequest | ErrorKind::Unsupported | ErrorKind::ContextLengthExceeded => {
            Blame::Caller
        }
        ErrorKind::AtLimit => Blame::Nobody,
        ErrorKind::Throttled
        | ErrorKind::QuotaExceeded
        | ErrorKind::ModelNotReady
        | ErrorKind::Overloaded
        | ErrorKind::CredentialsRejected
        | ErrorKind::CredentialsUnavailable
        | ErrorKind::Unreachable
        | ErrorKind::ConnectTimeout
        | ErrorKind::Tls
        | ErrorKind::Timeout => Blame::Leg,
        // A request may name a guardrail that does not exist, or that the gateway may not use.
        ErrorKind::ModelNotFound
        | ErrorKind::AccessDenied
        | ErrorKind::Upstream
        | ErrorKind::ModelTimeout
        | ErrorKind::ModelError
        | ErrorKind::ModelStreamError
        | ErrorKind::MalformedOutput
        | ErrorKind::Incomplete
        | ErrorKind::Corrupt
        | ErrorKind::Protocol
        | ErrorKind::TooLarge => Blame::Doubtful,
    }
}

/// How much an error says to a client when every leg has failed: above all that it is worth another try.
pub(crate) fn weight(error: &Error) -> u8 {
    match error.kind() {
        ErrorKind::Throttled | ErrorKind::AtLimit | ErrorKind::Overloaded | ErrorKind::ModelNotReady => 2,
        ErrorKind::CredentialsUnavailable => 0,
        ErrorKind::InvalidRequest
        | ErrorKind::Unsupported
        | ErrorKind::ContextLengthExceeded
        | ErrorKind::ModelNotFound
        | ErrorKind::AccessDenied
        | ErrorKind::CredentialsRejected
        | ErrorKind::QuotaExceeded
        | ErrorKind::Upstream
        | ErrorKind::ModelTimeout
        | ErrorKind::ModelError
        | ErrorKind::ModelStreamError
        | ErrorKind::MalformedOutput
        | ErrorKind::Unreachable
        | ErrorKind::ConnectTimeout
        | ErrorKind::Tls
        | ErrorKind::Timeout
        | ErrorKind::Incomplete
        | ErrorKind::Corrupt
        | ErrorKind::Protocol
        | ErrorKind::TooLarge => 1,
    }
}
