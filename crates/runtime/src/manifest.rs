//! A manifest on its way to models: the one verdict that `check` and a start share.

use std::path::Path;
use std::sync::Arc;

use model_registry::{EmulatorTarget, ModelSpec, Options};
use secrets::{Environment, ResolvedRuntime, StoreKinds, Stores};
use spicepod::{Problem, Sources, Worker};

use crate::http::Tls;

mod certificate;
mod origins;

/// A manifest with everything that can be said about it before a model is called.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The models that can be built.
    pub(crate) specs: Vec<ModelSpec>,
    /// The workers that route to them.
    pub(crate) workers: Vec<Worker>,
    /// Settings of the process.
    pub(crate) runtime: ResolvedRuntime,
    /// Encryption of the listener.
    pub(crate) tls: Option<Arc<Tls>>,
    problems: Vec<Problem>,
    sources: Sources,
}

/// Loads, resolves and validates a manifest. With an emulator, nothing is asked of AWS's own sources.
pub(crate) async fn prepare(path: &Path, emulator: Option<EmulatorTarget>) -> Prepared {
    let loaded = spicepod::load(path);
    let mut problems = loaded.problems;
    let (environment, found) = Environment::process(&loaded.folder);
    problems.extend(found);
    let (stores, found) = Stores::open(&loaded.spicepod.secrets, &environment, &store_kinds());
    problems.extend(found);
    let emulated = emulator.is_some();
    let skip = |param: &str| emulated && model_registry::skipped_in_emulator(param);
    let (resolved, found) = secrets::resolve(&loaded.spicepod, &stores, &skip).await;
    problems.extend(found);
    let options = Options { emulator };
    let (specs, found) = model_registry::validate(&resolved.models, &stores, &environment, &options).await;
    problems.extend(found);
    problems.extend(stores.warnings());
    let declared = &loaded.spicepod.runtime;
    let (tls, found) =
        certificate::load(resolved.runtime.tls.as_ref(), declared.tls.as_ref(), &loaded.folder);
    problems.extend(found);
    problems.extend(origins::check(declared.cors.as_ref()));
    let workers = loaded.spicepod.workers;
    Prepared { specs, workers, runtime: resolved.runtime, tls, problems, sources: loaded.sources }
}

/// The kinds of secret store that this build holds.
fn store_kinds() -> StoreKinds {
    let kinds = StoreKinds::default();
    #[cfg(feature = "secrets-aws")]
    let kinds = kinds.with(secrets_aws::KIND);
    #[cfg(not(feature = "secrets-aws"))]
    let kinds = kinds.without("aws_secrets_manager", "secrets-aws");
    #[cfg(feature = "secrets-kubernetes")]
    let kinds = kinds.with(secrets_kubernetes::KIND);
    #[cfg(not(feature = "secrets-kubernetes"))]
    let kinds = kinds.without("kubernetes", "secrets-kubernetes");
    kinds
}

impl Prepared {
    /// Whether the manifest can be served.
    pub(crate) fn is_valid(&self) -> bool {
        !self.problems.iter().any(Problem::is_error)
    }

    /// Shows all problems, in the order of the text; empty where there is none.
    pub(crate) fn report(&self) -> String {
        self.sources.render(&self.problems)
    }

    /// Shows each problem on its own.
    pub(crate) fn reports(&self) -> impl Iterator<Item = String> {
        self.problems.iter().map(|problem| self.sources.render(std::slice::from_ref(problem)))
    }
}
