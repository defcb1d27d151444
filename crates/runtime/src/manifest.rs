//! A manifest on its way to models: the one verdict that `check` and a start share.

use std::path::Path;

use model_registry::{EmulatorTarget, ModelSpec, Options};
use secrets::{Environment, ResolvedRuntime, Stores};
use spicepod::{Location, Problem, Sources};

/// A manifest with everything that can be said about it before a model is called.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The models that can be built.
    pub(crate) specs: Vec<ModelSpec>,
    /// Settings of the process.
    pub(crate) runtime: ResolvedRuntime,
    problems: Vec<Problem>,
    sources: Sources,
}

/// Loads, resolves and validates a manifest. With an emulator, nothing is asked of AWS's own sources.
pub(crate) async fn prepare(path: &Path, emulator: Option<EmulatorTarget>) -> Prepared {
    let loaded = spicepod::load(path);
    let mut problems = loaded.problems;
    let (environment, found) = Environment::process(&loaded.folder);
    problems.extend(found);
    let (stores, found) = Stores::from_decls(&loaded.spicepod.secrets, &environment);
    problems.extend(found);
    let emulated = emulator.is_some();
    let skip = |param: &str| emulated && model_registry::skipped_in_emulator(param);
    let (resolved, found) = secrets::resolve(&loaded.spicepod, &stores, &skip).await;
    problems.extend(found);
    let options = Options { emulator };
    let (specs, found) = model_registry::validate(&resolved.models, &stores, &environment, &options).await;
    problems.extend(found);
    problems.extend(not_served(&resolved.runtime));
    Prepared { specs, runtime: resolved.runtime, problems, sources: loaded.sources }
}

/// What is declared, and what this version does not do: never silently left out.
fn not_served(runtime: &ResolvedRuntime) -> Vec<Problem> {
    let at = |key: &str| Location::of_manifest().key("runtime").key(key).name();
    let mut problems = Vec::new();
    if runtime.tls.as_ref().is_some_and(|tls| tls.enabled) {
        let problem = Problem::error(at("tls"), "encryption is not served by this version");
        problems.push(problem.help("put a proxy that speaks TLS in front, and write `enabled: false`"));
    }
    if runtime.cors.as_ref().is_some_and(|cors| cors.enabled) {
        let problem = Problem::warning(at("cors"), "CORS is not served by this version, and has no effect");
        problems.push(
            problem.help("web pages of other origins cannot call; put a proxy in front that lets them"),
        );
    }
    problems
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
