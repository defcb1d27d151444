//! One call, made as often as the policy allows.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chat::{Calls, Error, ErrorKind, Head, Repeat, Result};
use http::Response;
use http::header::HeaderMap;
use tokio::time::Instant;

use super::budget::RetryBudget;
use super::connect::{ConnectTimedOut, Connections};
use super::credentials::{CredentialCache, Held};
use super::link::Reply;
use super::lost::lost;
use super::pool::{Pool, SendError};
use super::retry::{Tried, Verdict, asked_for, pause};
use super::sign::{Scope, signed};
use super::{Target, body, refusal};
use crate::clock::Clock;
use crate::spec::BedrockSpec;
use crate::translate::{Operation, ServiceError};

/// A clock that differs from AWS's by less is not corrected: a reply takes its time.
const TOLERATED_SKEW: Duration = Duration::from_secs(30);

/// How long the text of a refusal is waited for: its status has said already what matters, and another model may be
/// there to ask.
const REFUSAL_TEXT: Duration = Duration::from_secs(2);

/// Calls one model.
#[derive(Debug)]
pub(crate) struct Transport {
    spec: Arc<BedrockSpec>,
    target: Target,
    pool: Arc<Pool>,
    credentials: Arc<CredentialCache>,
    clock: Clock,
    budget: RetryBudget,
}

/// An answer with a 2xx status, of which nothing but the head has been read.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) head: Head,
    pub(crate) response: Response<Reply>,
    /// When the attempt that succeeded began.
    pub(crate) started: Instant,
    /// In whose name it was made.
    pub(super) identity: Arc<Held>,
}

/// How often a call may be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tries<'a> {
    /// At most so often.
    pub(crate) most: u32,
    /// Who learns of each.
    pub(crate) calls: &'a Calls,
}

/// How one attempt is made.
#[derive(Clone, Copy)]
struct Attempt<'a> {
    operation: Operation,
    /// How long the head may take.
    head_timeout: Option<Duration>,
    /// Over a new connection: a used one broke under the last attempt, and others may have ended with it.
    anew: bool,
    /// Who learns of it.
    calls: &'a Calls,
}

/// A failed attempt.
struct Failure {
    error: Error,
    verdict: Verdict,
    asked_for: Option<Duration>,
    /// AWS found the signature too old or too new, and the next one is dated by its clock.
    misdated: bool,
}

impl Transport {
    pub(crate) fn new(
        spec: Arc<BedrockSpec>,
        target: Target,
        credentials: Arc<CredentialCache>,
        connections: &Connections,
        clock: Clock,
    ) -> std::io::Result<Self> {
        let pool = connections.pool(spec.policy.connect, target.origin.clone())?;
        let budget = RetryBudget::new(spec.policy.retry_budget_percent);
        Ok(Self { spec, target, pool, credentials, clock, budget })
    }

    pub(crate) fn credentials(&self) -> &CredentialCache {
        &self.credentials
    }

    /// Calls `Converse`, and reads the reply.
    pub(crate) async fn converse(&self, request: Bytes, tries: Tries<'_>) -> Result<(Head, Bytes)> {
        let Outcome { head, response, .. } = self.call(Operation::Converse, request, tries, None).await?;
        let reply = body::read(response.into_body(), body::MAX_REPLY, self.spec.policy.idle).await;
        match reply {
            Ok(reply) => Ok((head, reply)),
            Err(error) => Err(lost(with_head(error, &head).repeat(Repeat::Never))),
        }
    }

    /// Calls `ConverseStream`, and waits for the head.
    pub(crate) async fn converse_stream(&self, request: Bytes, tries: Tries<'_>) -> Result<Outcome> {
        let patience = Some(self.spec.policy.first_event);
        let outcome = self.call(Operation::ConverseStream, request, tries, patience).await?;
        let kind = outcome.response.headers().get(http::header::CONTENT_TYPE);
        if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/vnd.amazon.eventstream")) {
            return Ok(outcome);
        }
        let error = Error::new(ErrorKind::Upstream, "the reply from Amazon Bedrock is not an event stream");
        Err(lost(with_head(error, &outcome.head).repeat(Repeat::Doubtful)))
    }

    async fn call(
        &self,
        operation: Operation,
        request: Bytes,
        Tries { most, calls }: Tries<'_>,
        head_timeout: Option<Duration>,
    ) -> Result<Outcome> {
        let mut attempts = 0_u32;
        let mut tried = Tried::default();
        let mut redated = false;
        let mut rejected: Option<Arc<Held>> = None;
        self.budget.pay_in();
        loop {
            let identity = match &rejected {
                Some(held) => Arc::clone(held),
                None => self.credentials.get().await.map_err(|error| error.attempts(attempts))?,
            };
            attempts = attempts.saturating_add(1);
            let started = Instant::now();
            let attempt = Attempt { operation, head_timeout, anew: tried.resent, calls };
            let failure = match self.attempt(attempt, &request, &identity).await {
                Ok(response) => {
                    let upstream_request_id = request_id(response.headers());
                    let head = Head { upstream_request_id, attempts, ..Head::default() };
                    return Ok(Outcome { head, response, started, identity });
                }
                Err(failure) => failure,
            };
            if failure.error.withdrawn_by().is_some() {
                return Err(failure.error.attempts(attempts.saturating_sub(1)));
            }
            let error = lost(failure.error.attempts(attempts));
            if failure.misdated && !std::mem::replace(&mut redated, true) {
                continue;
            }
            // Rejected credentials were not the request's fault: one more try with new ones.
            if error.kind() == ErrorKind::CredentialsRejected && rejected.is_none() {
                match Box::pin(self.credentials.newer_than(&identity)).await {
                    Some(newer) => rejected = Some(newer),
                    None => return Err(error),
                }
                continue;
            }
            let again = attempts < most && tried.allows_another(failure.verdict, failure.asked_for);
            if !again || !self.budget.take() {
                let error = if again { error.budget_exhausted() } else { error };
                return Err(match failure.asked_for {
                    Some(delay) => error.retry_after(delay),
                    None => error,
                });
            }
            let delay = pause(failure.verdict, attempts, failure.asked_for);
            tracing::debug!(
                kind = error.kind().name(),
                attempts,
                delay_ms = delay.as_millis(),
                "calling Bedrock again"
            );
            tokio::time::sleep(delay).await;
        }
    }

    async fn attempt(
        &self,
        Attempt { operation, head_timeout, anew, calls }: Attempt<'_>,
        request: &Bytes,
        identity: &Held,
    ) -> Result<Response<Reply>, Failure> {
        let route = match operation {
            Operation::Converse => &self.target.converse,
            Operation::ConverseStream => &self.target.converse_stream,
        };
        let scope = Scope { region: &self.spec.region, host: &self.target.host, time: self.clock.now() };
        let request = signed(route, request, &identity.identity, &scope).map_err(Failure::last)?;
        let began = Instant::now();
        let sending = self.pool.send(request, anew, calls);
        let sent = match head_timeout {
            None => sending.await,
            Some(limit) => match tokio::time::timeout(limit, sending).await {
                Ok(sent) => sent,
                Err(_) => {
                    let error =
                        Error::new(ErrorKind::Timeout, "Amazon Bedrock did not begin to answer in time");
                    return Err(Failure::last(error));
                }
            },
        };
        let response = sent.map_err(|error| unsent(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let left = head_timeout.map_or(Duration::MAX, |limit| limit.saturating_sub(began.elapsed()));
        // What is seldom has its own room, so that each request need not carry it.
        Err(Box::pin(self.refused(response, identity, operation, left)).await)
    }

    /// Reads an error reply, within a time.
    async fn refused(
        &self,
        response: Response<Reply>,
        identity: &Held,
        operation: Operation,
        left: Duration,
    ) -> Failure {
        let (parts, body) = response.into_parts();
        let id = request_id(&parts.headers);
        let header = parts.headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
        // A refusal whose text is cut off, or does not come, is still a refusal, known by its status and header.
        let left = left.min(REFUSAL_TEXT).min(self.spec.policy.idle);
        let text = tokio::time::timeout(left, body::read(body, body::MAX_ERROR, left)).await;
        let body = text.ok().and_then(Result::ok).unwrap_or_default();
        let mut service = ServiceError::from_reply(parts.status.as_u16(), header, &body);
        service.message = identity.conceal(&service.message);
        let kind = service.kind();
        let verdict = if service.is_of_load() {
            Verdict::AgainLater
        } else if service.is_transient() {
            Verdict::Again
        } else {
            Verdict::Final
        };
        let misdated = self.misdated(&service, &parts.headers);
        if !misdated {
            self.tell(&service, kind, operation);
        }
        let asked_for = asked_for(&parts.headers, self.clock.now());
        let error = service.into_error(&self.spec.model_id, &self.spec.region).upstream_request_id(id);
        Failure { error, verdict, asked_for, misdated }
    }

    /// Says whether AWS found the time of the signature wrong; goes by AWS's clock from then on.
    fn misdated(&self, service: &ServiceError, headers: &HeaderMap) -> bool {
        if !refusal::is_of_time(service) {
            return false;
        }
        let Some(date) = refusal::date(headers) else { return false };
        let known = self.clock.now();
        let off = date.duration_since(known).unwrap_or_else(|ahead| ahead.duration());
        if off > TOLERATED_SKEW {
            let clock_skew_s = self.clock.correct(date);
            chat::vitals::set_clock_skew(clock_skew_s);
            tracing::warn!(
                clock_skew_s,
                "the machine's clock is off by so many seconds (behind, or ahead where negative); requests are \
                 signed by AWS's clock until it is right: set it by NTP"
            );
        }
        true
    }

    /// The operator needs AWS's own words; the client must not see account ids and ARNs.
    fn tell(&self, service: &ServiceError, kind: ErrorKind, operation: Operation) {
        let (code, said, model) = (&service.code, &service.message, &self.spec.model_id);
        if kind == ErrorKind::AccessDenied {
            let (action, help) = (refusal::action(service, operation), refusal::of_denial(service));
            tracing::warn!(%model, code, said, action, help, "AWS refused the gateway");
        } else if kind == ErrorKind::CredentialsRejected {
            let help = refusal::of_rejection(service);
            tracing::warn!(%model, code, said, help, "AWS refused the gateway");
        }
    }
}

impl Failure {
    fn last(error: Error) -> Self {
        Self { error, verdict: Verdict::Final, asked_for: None, misdated: false }
    }
}

/// Adds what is known of the call to an error that came after its head.
pub(super) fn with_head(error: Error, head: &Head) -> Error {
    error.attempts(head.attempts).upstream_request_id(head.upstream_request_id.clone())
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-amzn-requestid")?.to_str().ok()?;
    Some(id.to_owned())
}

/// Says what it means that no reply came.
fn unsent(error: &SendError) -> Failure {
    // A connection that was there may time out as well, and then the request may have been received.
    let (connecting, caused_by) = match error {
        SendError::Withdrawn(gate) => {
            let error = Error::new(ErrorKind::Overloaded, "this model is left out for a while");
            return Failure::last(error.withdrawn(Some(*gate)));
        }
        SendError::Connect(error) => (true, Causes::of(&**error)),
        SendError::Exchange(error) => (false, Causes::of(error)),
    };
    let (kind, message, verdict) = if connecting && caused_by.connect_timeout {
        (ErrorKind::ConnectTimeout, "no connection to Amazon Bedrock could be made in time", Verdict::Again)
    } else if connecting && caused_by.tls {
        (ErrorKind::Tls, "no secure connection to Amazon Bedrock could be made", Verdict::Final)
    } else if connecting {
        (ErrorKind::Unreachable, "no connection to Amazon Bedrock could be made", Verdict::Again)
    } else if caused_by.unreadable {
        (ErrorKind::Upstream, "the reply from Amazon Bedrock is not HTTP", Verdict::Final)
    } else {
        (ErrorKind::Upstream, "the connection to Amazon Bedrock broke before its reply", Verdict::Once)
    };
    let repeat = if connecting { Repeat::Safe } else { Repeat::Doubtful };
    let error = Error::new(kind, message).repeat(repeat);
    Failure { error, verdict, asked_for: None, misdated: false }
}

/// What stands in the chain of an error's causes.
#[derive(Default)]
struct Causes {
    connect_timeout: bool,
    tls: bool,
    unreadable: bool,
}

impl Causes {
    fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut causes = Self::default();
        let mut next = Some(error);
        while let Some(cause) = next {
            causes.connect_timeout |= cause.is::<ConnectTimedOut>();
            causes.tls |= cause.is::<rustls::Error>();
            if let Some(hyper) = cause.downcast_ref::<hyper::Error>() {
                causes.unreadable |= hyper.is_parse();
            }
            if let Some(io) = cause.downcast_ref::<std::io::Error>() {
                causes.look_into(io);
            }
            next = cause.source();
        }
        causes
    }

    /// An error of input and output that holds another error is no link of the chain: its source is the other's.
    fn look_into(&mut self, io: &std::io::Error) {
        self.connect_timeout |= io.kind() == std::io::ErrorKind::TimedOut;
        let Some(inner) = io.get_ref() else { return };
        self.tls |= inner.is::<rustls::Error>();
        self.connect_timeout |= inner.is::<ConnectTimedOut>();
        if let Some(io) = inner.downcast_ref() {
            self.look_into(io);
        }
    }
}
