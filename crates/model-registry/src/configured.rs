//! A provider's model with what the manifest adds to every request.

use std::sync::Arc;

use chat::{
    BoxFuture, ChatModel, Completion, Effort, Latency, Readiness, Request, Result, Sampling, ServiceTier,
    Streaming,
};

use crate::prompt::Prompt;

/// What the manifest adds to every request of a model; a request's own values win.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Defaults {
    pub(crate) sampling: Sampling,
    pub(crate) prompt: Option<Prompt>,
    pub(crate) reasoning_effort: Option<Effort>,
    pub(crate) service_tier: Option<ServiceTier>,
    pub(crate) latency: Option<Latency>,
    pub(crate) parallel_tool_calls: Option<bool>,
}

/// A model that fills in the defaults of the manifest.
#[derive(Debug)]
pub(crate) struct Configured {
    pub(crate) model: Arc<dyn ChatModel>,
    pub(crate) defaults: Defaults,
}

impl Configured {
    fn fill(&self, mut request: Request) -> Result<Request> {
        // Destructured, so that a new default cannot be forgotten here.
        let Defaults { sampling, prompt, reasoning_effort, service_tier, latency, parallel_tool_calls } =
            &self.defaults;
        if let Some(prompt) = prompt {
            request.system_prompt = Some(prompt.render(&request.metadata)?);
            if prompt.has_variables() {
                // They were values for the prompt, and are not labels for the bill as well.
                request.metadata.clear();
            }
        }
        request.sampling = request.sampling.or(sampling);
        request.reasoning_effort = request.reasoning_effort.or(*reasoning_effort);
        request.service_tier = request.service_tier.or(*service_tier);
        request.latency = request.latency.or(*latency);
        request.parallel_tool_calls = request.parallel_tool_calls.or(*parallel_tool_calls);
        Ok(request)
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
