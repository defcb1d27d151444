//! The built binary over sockets: what users and their clients see.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed assertion names its case"
)]

mod agents;
mod audit;
mod bodies;
mod chat_command;
mod command_line;
mod conversations;
mod door;
mod edges;
mod examples;
mod faults;
mod golden;
mod guardrails;
mod host;
mod hostile;
mod http_errors;
mod leaks;
mod limits;
mod logs;
mod memory;
mod mission;
mod models;
mod overload;
mod properties;
mod reload;
mod service;
mod shutdown;
mod support;
mod workers;
