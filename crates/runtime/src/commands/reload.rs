//! A changed manifest into a running gateway.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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

/// After a load that failed for a reason that may pass, the manifest is loaded again; after this long at first.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// And never after longer.
const MOST_PAUSE: Duration = Duration::from_secs(60);

/// A changed manifest that is not served: what is logged, and a line for each error.
struct Refusal {
    report: String,
    errors: Vec<String>,
    /// It may be over by itself.
    may_pass: bool,
}

/// What is told of a panic, which the log has by itself.
const DEFECT: &str = "the load has a defect";

/// Why the manifest is loaded.
enum Cause {
    /// These files have changed.
    Changed(Vec<PathBuf>),
    /// Somebody asks for it.
    Asked,
    /// The last load failed for a reason that may be over.
    Again,
}

/// A load that failed for a reason that may pass.
struct Failed {
    /// What was told of it, which is not told again.
    report: String,
    /// When it is tried again.
    pause: Duration,
}

impl Reloader {
    /// Loads the manifest again whenever one of its files has changed, or somebody asks for it, or the last load may
    /// succeed by now; until the process is about to end.
    pub(super) async fn run(self, mut watch: Option<Watch>, mut asked: Signal) {
        let mut failed: Option<Failed> = None;
        loop {
            let next = async {
                tokio::select! {
                    changed = changed(watch.as_mut()) => Cause::Changed(changed),
                    asked = asked.recv() => match asked {
                        Some(()) => Cause::Asked,
                        None => std::future::pending().await,
                    },
                    () = over(failed.as_ref()) => Cause::Again,
                }
            };
            let cause = tokio::select! {
                cause = next => cause,
                () = self.gateway.shutdown.draining() => return,
            };
            failed = tokio::select! {
                failed = self.reload(watch.as_mut(), cause, failed.as_ref()) => failed,
                () = self.gateway.shutdown.draining() => return,
            }
        }
    }

    /// Loads the manifest, and serves it where nothing is wrong with it. Gives what may be over later.
    async fn reload(
        &self,
        mut watch: Option<&mut Watch>,
        cause: Cause,
        before: Option<&Failed>,
    ) -> Option<Failed> {
        let is_again = matches!(cause, Cause::Again);
        let mut changed = match cause {
            Cause::Changed(files) => files,
            Cause::Asked | Cause::Again => Vec::new(),
        };
        if !is_again {
            service::reloading();
        }
        if let Some(watch) = &mut watch
            && changed.is_empty()
        {
            changed = watch.read().await;
        }
        let prepared = self.settled(watch, &mut changed).await;
        // Whoever asks without a change means what is kept elsewhere.
        let asked = changed.is_empty() && !is_again;
        if asked || model_registry::files().iter().any(|file| changed.contains(file)) {
            self.backing.renew();
        }
        let files = names(&changed);
        match self.serve(prepared).await {
            Ok(gone) => {
                let serving = self.gateway.serving();
                let (generation, models) = (serving.generation, serving.registry.len());
                tracing::info!(generation, models, gone, files, "the manifest was loaded again");
                service::ready("serving");
                None
            }
            Err(refusal) => self.refuse(refusal, files.as_deref(), before.filter(|_| is_again)),
        }
    }

    /// Prepares the manifest until its files have come to rest.
    async fn settled(&self, mut watch: Option<&mut Watch>, changed: &mut Vec<PathBuf>) -> Option<Prepared> {
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
        prepared
    }

    /// Tells that the manifest is not served, unless it was `told` and is tried again by itself.
    fn refuse(&self, refusal: Refusal, files: Option<&str>, told: Option<&Failed>) -> Option<Failed> {
        let Refusal { report, errors, may_pass } = refusal;
        if told.is_none_or(|told| told.report != report) {
            let generation = self.gateway.serving().generation;
            tracing::error!(
                generation,
                files,
                problems = report,
                tried_again = may_pass,
                "the changed manifest cannot be served, so the one before it stays"
            );
            self.gateway.reject(errors);
            service::ready("serving the manifest before the last one, which has problems");
        }
        let pause = told.map_or(FIRST_PAUSE, |told| longer(told.pause));
        may_pass.then_some(Failed { report, pause })
    }

    /// Prepares the manifest where neither its size nor a slow disk holds up requests. `None` after a defect.
    async fn prepare(&self) -> Option<Prepared> {
        let (backing, path) = (Arc::clone(&self.backing), self.arguments.path.clone());
        off_workers(async move { backing.prepare(&path).await }).await
    }

    /// Serves what was prepared; gives the names of models that are no longer there.
    async fn serve(&self, prepared: Option<Prepared>) -> Result<Option<String>, Refusal> {
        let Some(prepared) = prepared else { return Err(Refusal::of(DEFECT)) };
        if !prepared.is_valid() {
            let may_pass = prepared.may_pass();
            return Err(Refusal { report: prepared.report(), errors: prepared.errors(), may_pass });
        }
        let door = self.entrance.door(&prepared, &self.arguments);
        let door = door.map_err(|error| Refusal::of(&error.to_string()))?;
        warn(&prepared);
        let drain = prepared.runtime.shutdown_timeout.unwrap_or(Limits::default().drain);
        let before = self.gateway.serving();
        let (specs, workers, known) = (prepared.specs, prepared.workers, Arc::clone(&before));
        let build = async move { model_registry::build(specs, &workers, &known.registry).await };
        let registry = off_workers(build).await.ok_or_else(|| Refusal::of(DEFECT))?;
        let names = before.registry.iter().map(|entry| &*entry.name);
        let gone: Vec<&str> = names.filter(|name| registry.get(name).is_none()).collect();
        let gone = (!gone.is_empty()).then(|| gone.join(", "));
        self.gateway.replace(registry, door, drain);
        Ok(gone)
    }
}

impl Refusal {
    fn of(error: &str) -> Self {
        let errors = error.lines().take(1).map(ToOwned::to_owned).collect();
        Self { report: error.to_owned(), errors, may_pass: false }
    }
}

/// Does what thousands of models make long on a thread where it holds up no request. `None` after a defect.
async fn off_workers<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> Option<T> {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(task)).await.ok()
}

async fn changed(watch: Option<&mut Watch>) -> Vec<PathBuf> {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

/// Waits until a failed load is to be tried again.
async fn over(failed: Option<&Failed>) {
    match failed {
        Some(failed) => tokio::time::sleep(failed.pause).await,
        None => std::future::pending().await,
    }
}

fn longer(pause: Duration) -> Duration {
    pause.saturating_mul(2).min(MOST_PAUSE)
}

fn names(files: &[PathBuf]) -> Option<String> {
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_up_to_a_minute() {
        let mut failed = Failed { report: String::new(), pause: FIRST_PAUSE };
        let began = tokio::time::Instant::now();
        let mut at = Vec::new();
        for _ in 0..8 {
            over(Some(&failed)).await;
            at.push(began.elapsed().as_secs());
            failed.pause = longer(failed.pause);
        }
        assert_eq!(at, [1, 3, 7, 15, 31, 63, 123, 183]);
    }
}
