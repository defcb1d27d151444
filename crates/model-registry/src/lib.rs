//! From declared models to models that answer.
//!
//! Owns the parameters of each provider ([`params`]), their validation, which reports every problem at once, and
//! the [`ModelRegistry`]. Must not know HTTP, nor how a provider calls its models.

pub mod params;

mod configured;
mod prompt;
mod provider;
mod providers;
mod registry;
mod validate;
mod workers;

pub use provider::{Access, EmulatorTarget, Limits, Options, RemoteContent, Summary};
pub use providers::{files, params_markdown, params_schema, prefixes, skipped_in_emulator};
pub use registry::{Entry, ModelRegistry, build};
pub use validate::{ModelSpec, Sessions, validate};
pub use workers::{WORKER, describe as describe_worker};
