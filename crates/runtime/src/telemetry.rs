//! Logs: one JSON object a line on stderr, or readable text where stderr is a terminal.

use std::io::{self, IsTerminal};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use self::json::JsonLines;
use self::writer::Lines;

mod json;
mod writer;

pub(crate) use writer::{Log, dropped};

/// The crates whose events are logged. Others never are, whatever the level: the AWS crates write key ids at
/// debug, and answers at trace.
const OURS: &[&str] = &[
    "bedrock",
    "bedrock_emulator",
    "chat",
    "model_registry",
    "openai_api",
    "runtime",
    "secrets",
    "spicepod",
];

/// Sends events to stderr from here on, as long as the process lives. What is logged waits for a thread that writes
/// it, and never for whoever reads it.
///
/// # Errors
///
/// Where the thread cannot be started.
pub(crate) fn start(level: LevelFilter) -> io::Result<Log> {
    let targets = OURS.iter().fold(Targets::new(), |targets, name| targets.with_target(*name, level));
    let registry = tracing_subscriber::registry().with(targets);
    let log = Log::to(io::stderr())?;
    let lines: Lines = log.lines();
    // Another subscriber is there in tests only, which then see the events themselves.
    let _ = if io::stderr().is_terminal() {
        registry.with(fmt::layer().with_writer(lines).with_target(false)).try_init()
    } else {
        registry.with(JsonLines(lines)).try_init()
    };
    Ok(log)
}
