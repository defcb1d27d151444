//! References to secrets into their values.
//!
//! Owns the environment, `.env` files, the `${ store:KEY }` syntax, and the secret stores that need no client: `env`
//! and `file`. Others implement [`SecretStore`] in crates of their own, and whoever opens [`Stores`] names their kinds.
//! Must not know what a value is for. The syntax and the order of look-up are those of
//! [Spice.ai's secret stores](https://spiceai.org/docs/components/secret-stores).

mod dotenv;
mod env;
mod expose;
mod reference;
mod resolve;
mod store;
mod stores;
mod value;

pub use env::Environment;
pub use resolve::{ApiKey, Auth, ResolvedModel, ResolvedRuntime, ResolvedSpicepod, ResolvedTls, resolve};
pub use store::{BoxFuture, Fetched, SecretStore, Secrets, StoreError};
pub use stores::{Open, OpenError, Opening, Selector, StoreKind, StoreKinds, Stores};
pub use value::Value;
