//! A Bedrock model as the domain sees it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use chat::{
    Attempts, BoxFuture, Calls, ChatModel, Completion, Error, ErrorKind, Event, EventStream, Head, Readiness,
    Repeat, Request, Result, Streaming, Vital,
};
use futures_util::StreamExt;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::spec::{Access, BedrockSpec, Credentials};
use crate::translate;
use crate::translate::{Answered, Context, Operation, Restore, Translated};
use crate::transport::{Connections, CredentialCache, EndpointError, Events, Target, Transport, Tries, lost};

mod learned;

use learned::{Learned, Lesson};

/// What the models of a process share.
#[derive(Debug)]
pub struct Shared {
    connections: Connections,
    clock: Clock,
    withheld: Withheld,
}

/// Variables of the process that programs which it starts do not get.
#[derive(Clone, Debug, Default)]
pub(crate) struct Withheld(Arc<Mutex<BTreeSet<String>>>);

impl Withheld {
    fn names(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn to_vec(&self) -> Vec<String> {
        self.names().iter().cloned().collect()
    }
}

impl Shared {
    /// Begins with no connections.
    pub fn new(clock: Clock) -> Self {
        Self { connections: Connections::default(), clock, withheld: Withheld::default() }
    }

    /// Keeps variables of the process from programs that find credentials, from here on. Those of AWS they get all the
    /// same: they may be what such a program works with.
    pub fn withhold(&self, names: impl IntoIterator<Item = String>) {
        self.withheld.names().extend(names.into_iter().filter(|name| !name.starts_with("AWS_")));
    }

    /// Begins to find the credentials of one source, for one region; models with the same source may share them.
    pub fn identity(&self, credentials: &Credentials, region: &str) -> Identity {
        let cache = CredentialCache::new(credentials, region, self.clock.clone(), self.withheld.clone());
        Identity(Arc::new(cache))
    }
}

/// The credentials of one source, kept fresh in the background for as long as this value lives.
#[derive(Clone, Debug)]
pub struct Identity(Arc<CredentialCache>);

impl Identity {
    /// Waits for the first search, and says which source served.
    ///
    /// # Errors
    ///
    /// What was tried, why it did not serve, and what to do.
    pub async fn access(&self) -> Result<Access, String> {
        self.0.access().await
    }

    /// Searches again, because a source may hold other credentials by now; what is held stays in use until then.
    pub fn renew(&self) {
        self.0.renew();
    }

    /// The same, without keeping it alive.
    pub fn downgrade(&self) -> WeakIdentity {
        WeakIdentity(Arc::downgrade(&self.0))
    }
}

/// An [`Identity`] that ends once no model uses it.
#[derive(Clone, Debug)]
pub struct WeakIdentity(Weak<CredentialCache>);

impl WeakIdentity {
    /// The identity, where something still uses it.
    pub fn upgrade(&self) -> Option<Identity> {
        self.0.upgrade().map(Identity)
    }
}

/// A model on Amazon Bedrock.
#[derive(Debug)]
pub struct BedrockModel {
    spec: Arc<BedrockSpec>,
    transport: Transport,
    learned: Learned,
}

impl BedrockModel {
    /// Prepares the calls to a model; nothing is sent.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] where the region has no endpoint, or the machine no root certificates.
    pub async fn new(spec: BedrockSpec, identity: &Identity, shared: &Shared) -> Result<Self, EndpointError> {
        let target = Target::resolve(&spec.model_id, &spec.region, &spec.endpoint).await?;
        let spec = Arc::new(spec);
        let credentials = Arc::clone(&identity.0);
        let transport =
            Transport::new(Arc::clone(&spec), target, credentials, &shared.connections, shared.clock.clone())
                .map_err(|error| EndpointError::Rules { reason: error.to_string() })?;
        Ok(Self { spec, transport, learned: Learned::default() })
    }

    /// What it was made of.
    pub fn spec(&self) -> &BedrockSpec {
        &self.spec
    }

    fn translate(&self, request: &Request, operation: Operation, native_output: bool) -> Result<Translated> {
        let spec = &self.spec;
        let context = Context {
            family: spec.family,
            guardrail: spec.guardrail.as_ref(),
            guardrail_override: spec.guardrail_override,
            guardrail_scope: spec.guardrail_scope,
            cache: spec.cache,
            lift_thinking: spec.lift_thinking,
            native_output,
        };
        translate::request(request, context, operation)
    }

    async fn answer(&self, request: Request) -> Result<Completion> {
        let deadline = Instant::now() + self.spec.policy.request;
        let attempt = self.attempt(deadline, &request);
        let Whole { head, reply, restore } = self.whole(request, attempt).await?;
        let (response, skipped) =
            translate::response(&reply, &restore).map_err(|error| answered(error, &head))?;
        self.warn_of(skipped);
        Ok(Completion { head, response })
    }

    /// Calls `Converse`: once more where Bedrock refuses what can be left out.
    async fn whole(&self, request: Request, mut attempt: Attempt) -> Result<Whole> {
        let mut translated = self.translate(&request, Operation::Converse, attempt.native_output)?;
        if translated.is_native {
            let error = match self.once(translated, &attempt).await {
                Ok(whole) => return Ok(whole),
                Err(error) => error,
            };
            if self.learn(&error, |lesson| lesson != Lesson::NoToolsInStream).is_none() {
                return Err(error);
            }
            attempt.spent = error.attempt_count();
            translated = self.translate(&request, Operation::Converse, false)?;
        }
        // A call may take an hour, and nothing needs the request any more.
        drop(request);
        self.once(translated, &attempt).await
    }

    async fn once(&self, translated: Translated, attempt: &Attempt) -> Result<Whole> {
        let Translated { body, adjusted, ignored, restore, .. } = translated;
        let call = self.transport.converse(Bytes::from(body), attempt.tries());
        match tokio::time::timeout_at(attempt.deadline, call).await {
            Ok(Ok((mut head, reply))) => {
                head.attempts = head.attempts.saturating_add(attempt.spent);
                Ok(Whole { head: Head { adjusted, ignored, ..head }, reply, restore })
            }
            Ok(Err(error)) => Err(attempt.counted(error)),
            // A whole answer comes at its end: it was being made.
            Err(_) => Err(lost(attempt.counted(too_slow()).repeat(Repeat::Never))),
        }
    }

    async fn begin(&self, request: Request) -> Result<Streaming> {
        let deadline = Instant::now() + self.spec.policy.request;
        let mut attempt = self.attempt(deadline, &request);
        loop {
            let translated = self.translate(&request, Operation::ConverseStream, attempt.native_output)?;
            let Translated { has_tools, is_native, .. } = translated;
            if has_tools && !self.learned.streams_tools() {
                return self.begin_whole(request, attempt).await;
            }
            if !has_tools && !is_native {
                // There is nothing to fall back to, so the request need not be kept.
                drop(request);
                return self.piecewise(translated, &attempt).await;
            }
            let error = match self.piecewise(translated, &attempt).await {
                Ok(streaming) => return Ok(streaming),
                Err(error) => error,
            };
            attempt.spent = error.attempt_count();
            let applies = |lesson| match lesson {
                Lesson::NoToolsInStream => has_tools,
                Lesson::NoNativeOutput | Lesson::SchemaTooComplex => is_native,
            };
            match self.learn(&error, applies) {
                Some(Lesson::NoToolsInStream) => return self.begin_whole(request, attempt).await,
                Some(Lesson::NoNativeOutput | Lesson::SchemaTooComplex) => attempt.native_output = false,
                None => return Err(error),
            }
        }
    }

    /// Calls `ConverseStream` and waits for the first event, so that a failure before it has a real status: the
    /// client's 200 goes out with it.
    async fn piecewise(&self, translated: Translated, attempt: &Attempt) -> Result<Streaming> {
        let Translated { body, adjusted, ignored, restore, .. } = translated;
        let deadline = attempt.deadline;
        let call = self.transport.converse_stream(Bytes::from(body), attempt.tries());
        let mut outcome = match tokio::time::timeout_at(deadline, call).await {
            Ok(result) => result.map_err(|error| attempt.counted(error))?,
            Err(_) => return Err(lost(attempt.counted(too_slow()))),
        };
        outcome.head.attempts = outcome.head.attempts.saturating_add(attempt.spent);
        let mut head = outcome.head.clone();
        let mut events = Events::new(Arc::clone(&self.spec), outcome, deadline, restore);
        let first = match events.next().await {
            Some(first) => first.map_err(unbegun)?,
            None => {
                let error = Error::new(ErrorKind::Incomplete, "the stream from Amazon Bedrock is empty");
                return Err(unbegun(error));
            }
        };
        (head.adjusted, head.ignored) = (adjusted, ignored);
        Ok(Streaming { head, events: begun_with(first, events) })
    }

    /// Gives a whole answer as the stream that the model does not give with tools.
    async fn begin_whole(&self, request: Request, attempt: Attempt) -> Result<Streaming> {
        let Whole { head, reply, restore } = self.whole(request, attempt).await?;
        let Answered { events, skipped } =
            translate::events(&reply, &restore).map_err(|error| answered(error, &head))?;
        self.warn_of(skipped);
        let events = futures_util::stream::iter(events.into_iter().map(Ok));
        Ok(Streaming { head, events: Box::pin(events) })
    }

    fn attempt(&self, deadline: Instant, request: &Request) -> Attempt {
        let most = match request.attempts {
            Attempts::Configured => self.spec.policy.max_attempts,
            Attempts::Single | Attempts::SingleInDoubt => 1,
        };
        let calls = request.calls.clone();
        Attempt { deadline, most, calls, spent: 0, native_output: self.learned.native_output() }
    }

    /// Reads a refusal, and remembers what it says where the request asked for that at all: a client's own fields
    /// may be refused in the same words.
    fn learn(&self, error: &Error, applies: impl FnOnce(Lesson) -> bool) -> Option<Lesson> {
        let lesson = Lesson::of(error).filter(|lesson| applies(*lesson))?;
        tracing::info!(model = %self.spec.model_id, ?lesson, "Bedrock refused what this model does not take");
        self.learned.remember(lesson);
        Some(lesson)
    }

    fn warn_of(&self, skipped: usize) {
        if skipped > 0 {
            Vital::Unknown.count();
            tracing::warn!(skipped, model = %self.spec.model_id, "Bedrock sent content of a kind that is not known");
        }
    }
}

/// What a call knows of the calls before it for the same request.
#[derive(Debug)]
struct Attempt {
    /// When everything must be over.
    deadline: Instant,
    /// How many calls each operation may make.
    most: u32,
    /// Who learns of them.
    calls: Calls,
    /// How many calls were made.
    spent: u32,
    /// Whether `outputConfig` is worth a try.
    native_output: bool,
}

impl Attempt {
    fn tries(&self) -> Tries<'_> {
        Tries { most: self.most, calls: &self.calls }
    }

    /// Counts the calls before among those of a failure.
    fn counted(&self, error: Error) -> Error {
        let attempts = error.attempt_count().saturating_add(self.spent);
        error.attempts(attempts)
    }
}

/// A whole reply, not yet translated.
struct Whole {
    head: Head,
    reply: Bytes,
    restore: Restore,
}

/// Adds what is known of the call to an error in a whole answer, which is paid for.
fn answered(error: Error, head: &Head) -> Error {
    let error = error.attempts(head.attempts).upstream_request_id(head.upstream_request_id.clone());
    lost(error.repeat(Repeat::Never))
}

/// Says what it means for another call that a stream failed before its first event: where it broke, the answer may
/// have been begun.
fn unbegun(error: Error) -> Error {
    let broke = [ErrorKind::Incomplete, ErrorKind::Corrupt, ErrorKind::Protocol].contains(&error.kind());
    if broke { error.repeat(Repeat::Doubtful) } else { error }
}

/// Puts the first event back in front of the others.
fn begun_with(first: Event, rest: Events) -> EventStream {
    Box::pin(futures_util::stream::once(std::future::ready(Ok(first))).chain(rest))
}

/// At least one call was on its way.
fn too_slow() -> Error {
    Error::new(ErrorKind::Timeout, "the answer took longer than the model's `request_timeout`").attempts(1)
}

impl ChatModel for BedrockModel {
    fn complete(&self, request: Request) -> BoxFuture<'_, Result<Completion>> {
        Box::pin(self.answer(request))
    }

    fn stream(&self, request: Request) -> BoxFuture<'_, Result<Streaming>> {
        Box::pin(self.begin(request))
    }

    fn readiness(&self) -> Readiness {
        self.transport.credentials().readiness()
    }
}

#[cfg(test)]
mod tests;
