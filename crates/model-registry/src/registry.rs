//! The models of a process, by name.

use std::sync::Arc;

use chat::{BoxFuture, ChatModel, Completion, Error, ErrorKind, Readiness, Request, Result, Streaming};
use indexmap::IndexMap;
use routing::{Allowance, Breaker, Limiter};
use spicepod::Worker;

use crate::configured::{Configured, Defaults};
use crate::provider::{Callable, Limits, RemoteContent, Summary};
use crate::validate::ModelSpec;
use crate::workers;

/// The models of a process, by name and in the order of the manifest. Immutable: a reload builds another.
#[derive(Debug, Default)]
pub struct ModelRegistry {
    models: IndexMap<Arc<str>, Arc<Entry>>,
}

/// One model of the registry.
#[derive(Debug)]
pub struct Entry {
    /// The name that clients ask for. Shared, because every metric carries it.
    pub name: Arc<str>,
    /// What the manifest says it comes from.
    pub from: String,
    /// The prefix of its provider.
    pub provider: &'static str,
    /// What the manifest says about it.
    pub description: Option<String>,
    /// The model.
    pub model: Arc<dyn ChatModel>,
    /// Whether content at other addresses is fetched for it.
    pub remote: RemoteContent,
    /// Counts what of it is let through, for those who ask for it and for workers; nothing where there is no limit.
    pub limiter: Option<Arc<Limiter>>,
    /// The model in a few words.
    pub summary: Summary,
    /// What workers know of its failures.
    pub breaker: Arc<Breaker>,
    /// Whether it makes a difference which session a request belongs to.
    pub keeps_sessions: bool,
}

impl ModelRegistry {
    /// Finds a model by its public name.
    pub fn get(&self, name: &str) -> Option<&Arc<Entry>> {
        self.models.get(name)
    }

    /// All models, in the order of the manifest.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.models.values()
    }

    /// How many models there are.
    pub fn len(&self) -> usize {
        self.models.len()
    }

    /// Whether there is no model.
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }
}

impl FromIterator<Entry> for ModelRegistry {
    fn from_iter<T: IntoIterator<Item = Entry>>(entries: T) -> Self {
        Self { models: entries.into_iter().map(|entry| (Arc::clone(&entry.name), Arc::new(entry))).collect() }
    }
}

/// Builds the models, and the workers that route to them. Credentials are found in the background: this returns at once,
/// and a model that cannot be built is there with the reason, so that it does not stop the others. Models whose limits
/// are what they were `before` go on with what they have counted.
pub async fn build(specs: Vec<ModelSpec>, workers: &[Worker], before: &ModelRegistry) -> ModelRegistry {
    let mut entries = Vec::with_capacity(specs.len());
    for spec in specs {
        let ModelSpec { name, from, provider, description, draft } = spec;
        let Callable { model, breaker } = match (draft.build)().await {
            Ok(callable) => callable,
            Err(reason) => {
                tracing::error!(model = name, reason, "the model cannot be built");
                Callable { model: Arc::new(Broken { reason }), breaker: Arc::default() }
            }
        };
        let limiter = limiter(draft.limits, before.get(&name));
        let defaults = draft.defaults;
        let model: Arc<dyn ChatModel> =
            if defaults == Defaults::default() { model } else { Arc::new(Configured { model, defaults }) };
        entries.push(Entry {
            name: name.into(),
            from,
            provider,
            description,
            model,
            remote: draft.remote,
            limiter,
            summary: draft.summary,
            breaker,
            keeps_sessions: false,
        });
    }
    let mut registry: ModelRegistry = entries.into_iter().collect();
    for worker in workers {
        let entry = workers::entry(worker, &registry);
        registry.models.insert(Arc::clone(&entry.name), Arc::new(entry));
    }
    registry
}

fn limiter(limits: Limits, before: Option<&Arc<Entry>>) -> Option<Arc<Limiter>> {
    let Limits { max_concurrency, requests_per_minute } = limits;
    let allowance = Allowance { concurrency: max_concurrency, requests: requests_per_minute, tokens: None };
    let mut limiter = Limiter::of(allowance)?;
    if let Some(before) = before.and_then(|before| before.limiter.as_ref()) {
        limiter.inherit(before);
    }
    Some(limiter)
}

/// A model that could not be built.
#[derive(Debug)]
struct Broken {
    reason: String,
}

impl Broken {
    fn error(&self) -> Error {
        Error::new(
            ErrorKind::CredentialsUnavailable,
            "this model is not available; `/v1/ready?verbose=true` says why",
        )
    }
}

impl ChatModel for Broken {
    fn complete(&self, _: Request) -> BoxFuture<'_, Result<Completion>> {
        Box::pin(std::future::ready(Err(self.error())))
    }

    fn stream(&self, _: Request) -> BoxFuture<'_, Result<Streaming>> {
        Box::pin(std::future::ready(Err(self.error())))
    }

    fn readiness(&self) -> Readiness {
        Readiness::Error(self.reason.clone())
    }
}
