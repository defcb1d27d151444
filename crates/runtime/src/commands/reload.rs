//! A changed manifest into a running gateway.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::Signal;

use super::serve::Entrance;
use super::start::{Backing, MOST_LOADS, warn, watched};
use crate::cli::ServeArgs;
use crate::http::{Gateway, Limits};
use crate::manifest::Prepared;
use crate::service;
use crate::watch::Watch;

/// What is reloaded, and with which settings of the command line.
pub(super) struct Reloader {
    pub(super) arguments: ServeArgs,
    pub(super) entrance: Entrance,
    pub(super) backing: Arc<Backing>,
    pub(super) gateway: Arc<Gateway>,
}

/// A changed manifest that is not served: what is logged, and a line for each error.
struct Refusal {
    report: String,
    errors: Vec<String>,
}

impl Reloader {
    /// Loads the manifest again whenever one of its files has changed, or somebody asks for it; until the process is
    /// about to end.
    pub(super) async fn run(self, mut watch: Option<Watch>, mut asked: Signal) {
        loop {
            let next = async {
                tokio::select! {
                    changed = changed(watch.as_mut()) => changed,
                    asked = asked.recv() => match asked {
                        Some(()) => Vec::new(),
                        None => std::future::pending().await,
                    },
                }
            };
            let changed = tokio::select! {
                changed = next => changed,
                () = self.gateway.shutdown.draining() => return,
            };
            tokio::select! {
                () = self.reload(watch.as_mut(), changed) => {}
                () = self.gateway.shutdown.draining() => return,
            }
        }
    }

    /// Loads the manifest, and serves it where nothing is wrong with it.
    async fn reload(&self, mut watch: Option<&mut Watch>, mut changed: Vec<PathBuf>) {
        service::reloading();
        if let Some(watch) = &mut watch
            && changed.is_empty()
        {
            changed = watch.read().await;
        }
        let mut prepared = watched(watch.as_deref_mut(), || self.prepare()).await;
        for _ in 0..MOST_LOADS {
            let Some(watch) = watch.as_deref_mut().filter(|watch| watch.is_pending()) else { break };
            // Half of a file may be wrong, or right without some of its models.
            watch.rest().await;
            changed.append(&mut watch.read().await);
            prepared = watched(Some(watch), || self.prepare()).await;
        }
        changed.sort_unstable();
        changed.dedup();
        // Whoever asks without a change means what is kept elsewhere.
        if changed.is_empty() || model_registry::files().iter().any(|file| changed.contains(file)) {
            self.backing.renew();
        }
        match self.serve(prepared).await {
            Ok(()) => {
                let (serving, files) = (self.gateway.serving(), names(&changed));
                let (generation, models) = (serving.generation, serving.registry.len());
                tracing::info!(generation, models, files, "the manifest was loaded again");
                service::ready("serving");
            }
            Err(Refusal { report, errors }) => {
                let (generation, files) = (self.gateway.serving().generation, names(&changed));
                tracing::error!(
                    generation,
                    files,
                    problems = report,
                    "the changed manifest cannot be served, so the one before it stays"
                );
                self.gateway.reject(errors);
                service::ready("serving the manifest before the last one, which has problems");
            }
        }
    }

    /// Prepares the manifest where neither its size nor a slow disk holds up requests. `None` after a defect.
    async fn prepare(&self) -> Option<Prepared> {
        let (backing, path) = (Arc::clone(&self.backing), self.arguments.path.clone());
        let runtime = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || runtime.block_on(backing.prepare(&path))).await.ok()
    }

    async fn serve(&self, prepared: Option<Prepared>) -> Result<(), Refusal> {
        let Some(prepared) = prepared else { return Err(Refusal::of("the load has a defect")) };
        if !prepared.is_valid() {
            return Err(Refusal { report: prepared.report(), errors: prepared.errors() });
        }
        let door = self.entrance.door(&prepared, &self.arguments);
        let door = door.map_err(|error| Refusal::of(&error.to_string()))?;
        warn(&prepared);
        let drain = prepared.runtime.shutdown_timeout.unwrap_or(Limits::default().drain);
        let before = self.gateway.serving();
        let registry = model_registry::build(prepared.specs, &prepared.workers, &before.registry).await;
        self.gateway.replace(registry, door, drain);
        Ok(())
    }
}

impl Refusal {
    fn of(error: &str) -> Self {
        Self { report: error.to_owned(), errors: error.lines().take(1).map(ToOwned::to_owned).collect() }
    }
}

async fn changed(watch: Option<&mut Watch>) -> Vec<PathBuf> {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

fn names(files: &[PathBuf]) -> Option<String> {
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}
