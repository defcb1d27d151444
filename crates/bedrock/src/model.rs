//! A Bedrock model as the domain sees it.

use std::sync::Arc;

use bytes::Bytes;
use chat::{
    BoxFuture, ChatModel, Completion, Error, ErrorKind, Event, EventStream, Readiness, Request, Result,
    Streaming,
};
use futures_util::StreamExt;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::spec::{BedrockSpec, Credentials};
use crate::translate;
use crate::translate::{Context, Operation, Translated};
use crate::transport::{Connections, CredentialCache, EndpointError, Events, Outcome, Target, Transport};

/// What the models of a process share.
#[derive(Debug)]
pub struct Shared {
    connections: Connections,
    clock: Clock,
}

impl Shared {
    /// Begins with no connections.
    pub fn new(clock: Clock) -> Self {
        Self { connections: Connections::default(), clock }
    }

    /// Begins to find the credentials of one source, for one region; models with the same source may share them.
    pub fn identity(&self, credentials: &Credentials, region: &str) -> Identity {
        Identity(Arc::new(CredentialCache::new(credentials, region, self.clock.clone())))
    }
}

/// The credentials of one source, kept fresh in the background for as long as this value lives.
#[derive(Clone, Debug)]
pub struct Identity(Arc<CredentialCache>);

/// A model on Amazon Bedrock.
#[derive(Debug)]
pub struct BedrockModel {
    spec: Arc<BedrockSpec>,
    transport: Transport,
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
        Ok(Self { spec, transport })
    }

    fn translate(&self, request: &Request, operation: Operation) -> Result<Translated> {
        let context = Context {
            family: self.spec.family,
            guardrail: self.spec.guardrail.as_ref(),
            guardrail_override: self.spec.guardrail_override,
        };
        translate::request(request, context, operation)
    }

    async fn answer(&self, request: Request) -> Result<Completion> {
        let Translated { body, adjusted } = self.translate(&request, Operation::Converse)?;
        drop(request);
        let call = self.transport.converse(Bytes::from(body));
        let (mut head, reply) = match tokio::time::timeout(self.spec.deadlines.request, call).await {
            Ok(result) => result?,
            Err(_) => return Err(too_slow()),
        };
        let (response, skipped) = translate::response(&reply).map_err(|error| {
            error.attempts(head.attempts).upstream_request_id(head.upstream_request_id.clone())
        })?;
        if skipped > 0 {
            tracing::warn!(skipped, model = %self.spec.model_id, "Bedrock sent content of a kind that is not known");
        }
        head.adjusted = adjusted;
        Ok(Completion { head, response })
    }

    async fn begin(&self, request: Request) -> Result<Streaming> {
        let Translated { body, adjusted } = self.translate(&request, Operation::ConverseStream)?;
        drop(request);
        let deadline = Instant::now() + self.spec.deadlines.request;
        let call = self.transport.converse_stream(Bytes::from(body));
        let Outcome { mut head, response, started } = match tokio::time::timeout_at(deadline, call).await {
            Ok(result) => result?,
            Err(_) => return Err(too_slow()),
        };
        let first_event = started + self.spec.deadlines.first_event;
        let times = (first_event, deadline);
        let mut events = Events::new(Arc::clone(&self.spec), head.clone(), response.into_body(), times);
        // The client's 200 goes out with the first event, so that a failure before it has a real status.
        let first = match events.next().await {
            Some(first) => first?,
            None => {
                return Err(Error::new(ErrorKind::Incomplete, "the stream from Amazon Bedrock is empty"));
            }
        };
        head.adjusted = adjusted;
        Ok(Streaming { head, events: begun_with(first, events) })
    }
}

/// Puts the first event back in front of the others.
fn begun_with(first: Event, rest: Events) -> EventStream {
    Box::pin(futures_util::stream::once(std::future::ready(Ok(first))).chain(rest))
}

fn too_slow() -> Error {
    Error::new(ErrorKind::Timeout, "the answer took longer than the model's `request_timeout`")
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
