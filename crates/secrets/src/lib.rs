//! References to secrets into their values.
//!
//! Owns the environment, `.env` files, the `${ store:KEY }` syntax, and the secret stores that need no client: `env`
//! and `file`. Others implement [`SecretStore`] in crates of their own, and whoever opens [`Stores`] names their kinds.
//! Must not know what a value is for. The syntax and the order of look-up are those of
//! [Spice.ai's secret stores](https://spiceai.org/docs/components/secret-stores).
//!
//! A secret is a [`secrecy::SecretString`] from its store to its use, and what held it on the way is wiped when it goes.
//! Reading one takes a word of its own, which `cargo xtask tidy` looks for:
//!
//! ```
//! use secrecy::ExposeSecret;
//!
//! let secret = secrecy::SecretString::from("hunter2");
//! assert_eq!(Some(&secret).map(ExposeSecret::expose_secret), Some("hunter2"));
//! assert!(!format!("{secret:?}").contains("hunter2"));
//! ```
//!
//! Without it, a secret is not shown, not written as JSON, not compared and not taken for a text:
//!
//! ```compile_fail,E0277
//! let secret = secrecy::SecretString::from("hunter2");
//! println!("{secret}");
//! ```
//!
//! ```compile_fail,E0277
//! let secret = secrecy::SecretString::from("hunter2");
//! let _ = serde_json::to_string(&secret);
//! ```
//!
//! ```compile_fail,E0369
//! let secret = secrecy::SecretString::from("hunter2");
//! let _ = secret == secrecy::SecretString::from("hunter2");
//! ```
//!
//! ```compile_fail,E0308
//! let secret = secrecy::SecretString::from("hunter2");
//! let _: &str = &secret;
//! ```

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;

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
pub use spicepod::file;
pub use store::{BoxFuture, Fetched, SecretStore, Secrets, StoreError};
pub use stores::{Open, OpenError, Opening, Selector, StoreKind, StoreKinds, Stores};
pub use value::Value;
