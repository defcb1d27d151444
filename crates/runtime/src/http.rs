//! The HTTP server: connections, requests, and what is common to all of them.
//!
//! A request goes [`accept`](serve) → `exchange` (id, log line, metrics) → `auth` → the router → a handler. Handlers
//! are thin: extract, look up, call, encode.

mod accept;
mod admission;
mod auth;
mod body;
mod chat_completions;
mod clients;
mod cors;
mod door;
mod error;
mod exchange;
mod gateway;
mod guard;
mod health;
mod http2;
mod metrics_page;
mod models;
mod request_id;
mod router;
mod serving;
mod sse;
mod tls;
mod watermark;

pub use accept::serve;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use admission::fuzzing as queue;
pub use auth::Keys;
pub(crate) use auth::{bearer, secret_key};
pub use cors::Cors;
pub use door::{Door, Hosts};
pub use gateway::{Gateway, Limits};
#[cfg(any(test, feature = "fuzzing"))]
pub use guard::heads;
pub use metrics_page::serve_metrics;
pub use tls::Tls;
pub(crate) use tls::{Unusable, private_key};
