//! Spicepod manifests: text in, a typed [`Spicepod`] and every located [`Problem`] out.
//!
//! Owns the manifest's shape, its files and how problems are shown. Must not know what a provider makes of a
//! model's parameters, nor what a secret is worth: parameters are values as written. The manifest's format is
//! that of [Spice.ai](https://spiceai.org/docs/reference/spicepod).
//!
//! ```
//! let text = "
//! version: v1
//! kind: Spicepod
//! name: demo
//! models:
//!   - from: bedrock:us.amazon.nova-lite-v1:0
//!     name: nova
//! ";
//! let loaded = spicepod::parse("spicepod.yaml", text);
//! assert!(loaded.problems.is_empty());
//! assert_eq!(loaded.spicepod.models[0].name, "nova");
//! ```

mod duration;
pub mod file;
mod hidden;
mod load;
mod location;
mod names;
mod nearest;
mod problem;
mod shape;
mod sources;
mod spicepod;
mod value;
mod yaml;

pub use duration::parse_duration;
pub use load::{Loaded, load, parse};
pub use location::Location;
pub use nearest::nearest;
pub use problem::{Problem, Severity};
pub use shape::schema;
pub use sources::{Position, Sources};
pub use spicepod::{
    ApiKey, Auth, Cors, KeyLimits, Model, Routing, Runtime, SecretStore, Spicepod, Tls, Version, Worker,
};
pub use value::ParamValue;
