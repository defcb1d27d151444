//! A manifest on its way to models: the one verdict that `check` and a start share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model_registry::{EmulatorTarget, ModelSpec, Options, Sessions};
use secrets::{Environment, ResolvedRuntime, StoreKinds, Stores};
use spicepod::{Problem, Sources, Worker};

use crate::http::Tls;
use crate::privacy;

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
    /// The files on which all of that depends, whether they are there or not.
    pub(crate) files: Vec<PathBuf>,
    problems: Vec<Problem>,
    sources: Sources,
}

/// Loads, resolves and validates a manifest. With an emulator, nothing is asked of AWS's own sources. Models that are
/// built of it share what `sessions` holds.
pub(crate) async fn prepare(path: &Path, emulator: Option<EmulatorTarget>, sessions: &Sessions) -> Prepared {
    privacy::close();
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
    let (specs, found) = sessions.validate(&resolved.models, &stores, &environment, &options).await;
    problems.extend(found);
    problems.extend(stores.warnings());
    let declared = &loaded.spicepod.runtime;
    let (tls, found) =
        certificate::load(resolved.runtime.tls.as_ref(), declared.tls.as_ref(), &loaded.folder);
    problems.extend(found);
    problems.extend(origins::check(declared.cors.as_ref()));
    let mut files = loaded.files;
    files.extend_from_slice(environment.files());
    files.extend(stores.files());
    files.extend(certificate::files(resolved.runtime.tls.as_ref(), &loaded.folder));
    if !emulated {
        files.extend(model_registry::files());
    }
    files.sort_unstable();
    files.dedup();
    let workers = loaded.spicepod.workers;
    let runtime = resolved.runtime;
    Prepared { specs, workers, runtime, tls, files, problems, sources: loaded.sources }
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

    /// Whether it may be served later without another word in it: every error may be over by itself.
    pub(crate) fn may_pass(&self) -> bool {
        !self.is_valid() && self.problems.iter().filter(|problem| problem.is_error()).all(Problem::may_pass)
    }

    /// Shows all problems, in the order of the text; empty where there is none.
    pub(crate) fn report(&self) -> String {
        self.sources.render(&self.problems)
    }

    /// Names each error in a line: where and what, without the text around it.
    pub(crate) fn errors(&self) -> Vec<String> {
        let errors = self.problems.iter().filter(|problem| problem.is_error());
        let shown = errors.map(|error| self.sources.render(std::slice::from_ref(error)));
        shown.filter_map(|text| text.lines().next().map(ToOwned::to_owned)).collect()
    }

    /// Shows each problem on its own.
    pub(crate) fn reports(&self) -> impl Iterator<Item = String> {
        self.problems.iter().map(|problem| self.sources.render(std::slice::from_ref(problem)))
    }
}
