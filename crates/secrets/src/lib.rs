//! References to secrets into their values.
//!
//! Owns the environment, `.env` files, secret stores and the `${ store:KEY }` syntax. Must not know what a value is
//! for. The syntax and the order of look-up are those of
//! [Spice.ai's secret stores](https://spiceai.org/docs/components/secret-stores).

mod dotenv;
mod env;
mod expose;
mod reference;
mod resolve;
mod stores;
mod value;

pub use env::Environment;
pub use resolve::{ApiKey, Auth, ResolvedModel, ResolvedRuntime, ResolvedSpicepod, ResolvedTls, resolve};
pub use stores::Stores;
pub use value::Value;
