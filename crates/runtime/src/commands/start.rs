//! A manifest into a gateway, with an emulator behind it where one is asked for.

use std::path::Path;
use std::sync::Arc;

use model_registry::{EmulatorTarget, ModelRegistry, Sessions};

use super::error::Error;
use crate::clock::Clock;
use crate::http::{Door, Gateway, Limits};
use crate::manifest::{Prepared, prepare};
use crate::output;
use crate::shutdown::Shutdown;
use crate::watch::Watch;

/// How often a manifest is prepared in a row while its files go on changing.
pub(super) const MOST_LOADS: usize = 3;

/// What stays alive as long as models do, over all loads of their manifest.
pub(super) struct Backing {
    sessions: Sessions,
    target: Option<EmulatorTarget>,
    #[cfg(feature = "emulator")]
    _emulator: Option<bedrock_emulator::Emulator>,
}

impl Backing {
    /// Starts an emulator where one is asked for.
    async fn new(emulated: bool) -> Result<Self, Error> {
        #[cfg(feature = "emulator")]
        let (emulator, target) = if emulated {
            let (emulator, target) = super::emulator::embedded().await?;
            (Some(emulator), Some(target))
        } else {
            (None, None)
        };
        #[cfg(not(feature = "emulator"))]
        let target = {
            debug_assert!(!emulated, "there is no flag that asks for it");
            None
        };
        Ok(Self {
            sessions: Sessions::default(),
            target,
            #[cfg(feature = "emulator")]
            _emulator: emulator,
        })
    }

    /// Prepares a manifest, whose models keep what those before them have.
    pub(super) async fn prepare(&self, path: &Path) -> Prepared {
        prepare(path, self.target.clone(), &self.sessions).await
    }

    /// Looks for the credentials of all models again.
    pub(super) fn renew(&self) {
        self.sessions.renew();
    }
}

/// Has a manifest prepared, and watches its files from there on. One that is changed meanwhile is prepared again.
pub(super) async fn watched<F: Future<Output = Option<Prepared>>>(
    watch: Option<&mut Watch>,
    prepare: impl Fn() -> F,
) -> Option<Prepared> {
    let mut prepared = prepare().await?;
    let Some(watch) = watch else { return Some(prepared) };
    for _ in 0..MOST_LOADS {
        let mut files = prepared.files.clone();
        if !prepared.is_valid() {
            // A manifest that cannot be read does not say on what it depends.
            files.extend(watch.paths().cloned());
            files.sort_unstable();
            files.dedup();
        }
        if !watch.follow(files).await {
            break;
        }
        prepared = prepare().await?;
    }
    Some(prepared)
}

/// Prepares a manifest; its problems are shown, and end the command where there is an error among them.
pub(super) async fn load(
    path: &Path,
    emulated: bool,
    watch: Option<&mut Watch>,
) -> Result<(Prepared, Backing), Error> {
    let backing = Backing::new(emulated).await?;
    let prepared =
        watched(watch, || async { Some(backing.prepare(path).await) }).await.ok_or(Error::Manifest)?;
    if !prepared.is_valid() {
        output::tell(&prepared.report());
        return Err(Error::Manifest);
    }
    warn(&prepared);
    Ok((prepared, backing))
}

/// Logs what is noteworthy of a valid manifest.
pub(super) fn warn(prepared: &Prepared) {
    for report in prepared.reports() {
        tracing::warn!("{}", report.trim_end());
    }
}

/// Builds the models of a manifest, and everything that requests share.
pub(super) async fn gateway(
    prepared: Prepared,
    door: Door,
    limits: Limits,
    shutdown: Shutdown,
) -> Arc<Gateway> {
    let registry = model_registry::build(prepared.specs, &prepared.workers, &ModelRegistry::default()).await;
    Arc::new(Gateway::new(registry, door, limits, Clock::system(), shutdown))
}
