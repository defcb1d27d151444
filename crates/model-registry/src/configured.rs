//! A provider's model with what the manifest adds to every request.

use std::sync::Arc;

use chat::{
    BoxFuture, ChatModel, Completion, Effort, Field, Head, Latency, Readiness, Request, Result, Sampling,
    ServiceTier, Standing, Streaming,
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
    /// What no request may exceed, whatever it asks for.
    pub(crate) max_tokens_ceiling: Option<u32>,
}

/// A model that fills in the defaults of the manifest.
#[derive(Debug)]
pub(crate) struct Configured {
    pub(crate) model: Arc<dyn ChatModel>,
    pub(crate) defaults: Defaults,
}

impl Configured {
    /// Fills in the defaults, and says whether the request asked for more tokens than it may have.
    fn fill(&self, mut request: Request) -> Result<(Request, bool)> {
        // Destructured, so that a new default cannot be forgotten here.
        let Defaults {
            sampling,
            prompt,
            reasoning_effort,
            service_tier,
            latency,
            parallel_tool_calls,
            max_tokens_ceiling,
        } = &self.defaults;
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
        let asked = request.sampling.max_tokens;
        let lowered = max_tokens_ceiling.is_some_and(|ceiling| asked.is_some_and(|asked| asked > ceiling));
        if let Some(ceiling) = *max_tokens_ceiling {
            request.sampling.max_tokens = Some(asked.map_or(ceiling, |asked| asked.min(ceiling)));
        }
        Ok((request, lowered))
    }
}

/// Tells the client that it gets fewer tokens than it asked for.
fn tell(head: &mut Head, lowered: bool) {
    if lowered && !head.adjusted.contains(&Field::MaxTokens) {
        head.adjusted.push(Field::MaxTokens);
    }
}

impl ChatModel for Configured {
    fn complete(&self, request: Request) -> BoxFuture<'_, Result<Completion>> {
        Box::pin(async move {
            let (request, lowered) = self.fill(request)?;
            let mut completion = self.model.complete(request).await?;
            tell(&mut completion.head, lowered);
            Ok(completion)
        })
    }

    fn stream(&self, request: Request) -> BoxFuture<'_, Result<Streaming>> {
        Box::pin(async move {
            let (request, lowered) = self.fill(request)?;
            let mut streaming = self.model.stream(request).await?;
            tell(&mut streaming.head, lowered);
            Ok(streaming)
        })
    }

    fn readiness(&self) -> Readiness {
        self.model.readiness()
    }

    fn standings(&self) -> Vec<Standing> {
        self.model.standings()
    }
}
