//! Logs: one JSON object a line on stderr, or readable text where stderr is a terminal.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal};
use std::panic::PanicHookInfo;

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
    std::panic::set_hook(Box::new(tell_defect));
    Ok(log)
}

/// Logs a panic as a line like any other. Its words may quote what a client sent, unless they stand in the source.
fn tell_defect(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(place, words = words(info.payload()), backtrace, "a defect in this program");
}

/// The words of a panic that were not put together when it happened.
fn words(payload: &dyn Any) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or("-")
}

#[cfg(test)]
mod tests {
    use std::panic::{catch_unwind, panic_any};

    use super::*;

    #[test]
    fn words_that_may_quote_a_client_are_not_told() {
        let prompt = "canary";
        for (told, panic) in [
            ("no such leg", catch_unwind(|| panic!("no such leg"))),
            ("-", catch_unwind(|| panic!("no boundary in {prompt}"))),
            ("-", catch_unwind(|| panic_any(7))),
        ] {
            assert_eq!(words(&*panic.unwrap_err()), told);
        }
    }
}
