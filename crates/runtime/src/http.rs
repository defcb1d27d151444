//! The HTTP server: connections, requests, and what is common to all of them.
//!
//! A request goes [`accept`](serve) → `exchange` (id, log line, metrics) → `auth` → the router → a handler. Handlers
//! are thin: extract, look up, call, encode.

mod accept;
mod admission;
mod auth;
mod body;
mod chat_completions;
mod error;
mod exchange;
mod gateway;
mod guard;
mod health;
mod metrics_page;
mod models;
mod request_id;
mod router;
mod sse;

pub use accept::serve;
pub use auth::Keys;
pub(crate) use auth::bearer;
pub use gateway::{Gateway, Limits};
pub use metrics_page::serve_metrics;
