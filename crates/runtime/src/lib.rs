//! The server and the command line of `spicerack`.
//!
//! Owns HTTP ([`http`]), the commands, logs, metrics and the process's life. Must not know how a provider calls its
//! models, nor how a dialect's JSON looks: it passes requests from `openai-api` to a `chat::ChatModel` and answers
//! back.
//!
//! ```no_run
//! // What the binary does.
//! let code = runtime::main();
//! ```

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod http;

mod cli;
mod clock;
mod commands;
mod descriptors;
mod manifest;
mod memory;
mod metrics;
mod output;
mod privacy;
mod remote;
mod service;
mod shutdown;
mod telemetry;
mod watch;

pub use cli::main;
pub use clock::Clock;
pub use shutdown::Shutdown;
