//! What a manifest says, as requests see it: one of them at a time, and as a whole.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model_registry::{Entry, ModelRegistry};

use super::door::Door;
use super::limiter::{Allowance, Limiter};

/// What a reload replaces. A request holds the one that it began with until its answer has ended.
#[derive(Debug)]
pub(crate) struct Serving {
    /// Counts the manifests that were served, from 1.
    pub(crate) generation: u64,
    pub(crate) registry: ModelRegistry,
    pub(crate) limiters: Limiters,
    pub(crate) door: Door,
    /// How long running answers may take to end once the process is told to stop.
    pub(crate) drain: Duration,
}

/// The counters of those models that have limits.
#[derive(Debug, Default)]
pub(crate) struct Limiters(HashMap<Arc<str>, Arc<Limiter>>);

impl Limiters {
    /// Makes the counters of a registry. A model whose limits are what they were goes on with its own.
    pub(super) fn new(registry: &ModelRegistry, before: &Self) -> Self {
        let limited = registry.iter().filter_map(|entry| {
            let model_registry::Limits { max_concurrency, requests_per_minute } = entry.limits;
            let allowance =
                Allowance { concurrency: max_concurrency, requests: requests_per_minute, tokens: None };
            let mut limiter = Limiter::of(allowance)?;
            if let Some(before) = before.0.get(&entry.name) {
                limiter.inherit(before);
            }
            Some((Arc::clone(&entry.name), limiter))
        });
        Self(limited.collect())
    }

    /// The counter of a model; `None` where it has no limits.
    pub(super) fn of(&self, entry: &Entry) -> Option<&Arc<Limiter>> {
        if self.0.is_empty() { None } else { self.0.get(&entry.name) }
    }
}

/// A manifest that could not be loaded, while the one before stays in use.
#[derive(Debug)]
pub(crate) struct Rejected {
    /// What is wrong with it, a line each.
    pub(crate) errors: Vec<String>,
}
