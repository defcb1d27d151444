//! The one trait that a provider implements.

use std::fmt;
use std::pin::Pin;

use futures_core::Stream;

use crate::{Event, Field, Request, Response, Result, Route, Standing};

/// A boxed future, as trait objects need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The events of a streamed answer. Dropping it cancels the call to the provider.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<Event>> + Send>>;

/// A model that answers chats.
///
/// Dropping a future or a stream that a method returned cancels the call behind it.
pub trait ChatModel: fmt::Debug + Send + Sync {
    /// Answers a request as a whole.
    fn complete(&self, request: Request) -> BoxFuture<'_, Result<Completion>>;

    /// Answers a request piece by piece. Resolves when the model has begun its answer, so that a failure before
    /// the first event is an ordinary error.
    fn stream(&self, request: Request) -> BoxFuture<'_, Result<Streaming>>;

    /// Says whether a request has a chance now.
    fn readiness(&self) -> Readiness;

    /// Says how those stand that a request may go to; nothing where there is no choice.
    fn standings(&self) -> Vec<Standing> {
        Vec::new()
    }
}

/// Whether a model can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Still finding out.
    Initializing,
    /// Ready to answer.
    Ready,
    /// Not able to answer, and why; it is tried again in the background.
    Error(String),
}

/// What is known about an answer besides the answer.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// The provider's id of the request.
    pub upstream_request_id: Option<String>,
    /// How many calls to the provider were made.
    pub attempts: u32,
    /// What had to be changed for this model to accept the request.
    pub adjusted: Vec<Field>,
    /// What has no effect on this model, and was left out.
    pub ignored: Vec<Field>,
    /// Which of several models answered; `None` where there was no choice.
    pub route: Option<Box<Route>>,
}

/// A complete answer and its head.
#[derive(Debug)]
pub struct Completion {
    /// What is known besides the answer.
    pub head: Head,
    /// The answer.
    pub response: Response,
}

/// An answer that has begun, and its head.
pub struct Streaming {
    /// What is known besides the answer.
    pub head: Head,
    /// The answer's events; the first is [`Event::Started`].
    pub events: EventStream,
}

impl fmt::Debug for Streaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streaming").field("head", &self.head).finish_non_exhaustive()
    }
}
