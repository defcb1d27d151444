//! A provider's model with what the manifest adds to every request.

use std::sync::Arc;

use chat::{BoxFuture, ChatModel, Completion, Readiness, Request, Result, Sampling, Streaming};

use crate::prompt::Prompt;

/// What the manifest adds to every request of a model; a request's own values win.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Defaults {
    pub(crate) sampling: Sampling,
    pub(crate) prompt: Option<Prompt>,
}

/// A model that fills in the defaults of the manifest.
#[derive(Debug)]
pub(crate) struct Configured {
    pub(crate) model: Arc<dyn ChatModel>,
    pub(crate) defaults: Defaults,
}

impl Configured {
    fn fill(&self, request: Request) -> Result<Request> {
        let system_prompt = match &self.defaults.prompt {
            Some(prompt) => Some(prompt.render(&request.metadata)?),
            None => request.system_prompt,
        };
        Ok(Request { sampling: request.sampling.or(&self.defaults.sampling), system_prompt, ..request })
    }
}

impl ChatModel for Configured {
    fn complete(&self, request: Request) -> BoxFuture<'_, Result<Completion>> {
        match self.fill(request) {
            Ok(request) => self.model.complete(request),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn stream(&self, request: Request) -> BoxFuture<'_, Result<Streaming>> {
        match self.fill(request) {
            Ok(request) => self.model.stream(request),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn readiness(&self) -> Readiness {
        self.model.readiness()
    }
}
