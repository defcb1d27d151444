//! What a manifest says, as requests see it: one of them at a time, and as a whole.

use std::time::Duration;

use model_registry::ModelRegistry;

use super::door::Door;

/// What a reload replaces. A request holds the one that it began with until its answer has ended.
#[derive(Debug)]
pub(crate) struct Serving {
    /// Counts the manifests that were served, from 1.
    pub(crate) generation: u64,
    pub(crate) registry: ModelRegistry,
    pub(crate) door: Door,
    /// How long running answers may take to end once the process is told to stop.
    pub(crate) drain: Duration,
}

/// A manifest that could not be loaded, while the one before stays in use.
#[derive(Debug)]
pub(crate) struct Rejected {
    /// What is wrong with it, a line each.
    pub(crate) errors: Vec<String>,
}
