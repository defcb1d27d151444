//! A manifest into a gateway, with an emulator behind it where one is asked for.

use std::path::Path;
use std::sync::Arc;

use super::error::Error;
use crate::clock::Clock;
use crate::http::{Door, Gateway, Limits};
use crate::manifest::{Prepared, prepare};
use crate::output;
use crate::shutdown::Shutdown;

/// What stays alive as long as the models do.
pub(super) struct Backing {
    #[cfg(feature = "emulator")]
    _emulator: Option<bedrock_emulator::Emulator>,
}

/// Prepares a manifest; its problems are shown, and end the command where there is an error among them.
pub(super) async fn load(path: &Path, emulated: bool) -> Result<(Prepared, Backing), Error> {
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
    let prepared = prepare(path, target).await;
    if !prepared.is_valid() {
        output::tell(&prepared.report());
        return Err(Error::Manifest);
    }
    for report in prepared.reports() {
        tracing::warn!("{}", report.trim_end());
    }
    let backing = Backing {
        #[cfg(feature = "emulator")]
        _emulator: emulator,
    };
    Ok((prepared, backing))
}

/// Builds the models of a manifest, and everything that requests share.
pub(super) async fn gateway(
    prepared: Prepared,
    door: Door,
    limits: Limits,
    shutdown: Shutdown,
) -> Arc<Gateway> {
    let registry = model_registry::build(prepared.specs, &prepared.workers).await;
    Arc::new(Gateway::new(registry, door, limits, Clock::system(), shutdown))
}
