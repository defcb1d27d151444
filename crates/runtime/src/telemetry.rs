//! Logs: one JSON object a line on stderr, or readable text where stderr is a terminal.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal};
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicU64, Ordering};

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
    "routing",
    "runtime",
    "secrets",
    "spicepod",
];

/// Panics of this process.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// How often something panicked in this process.
pub(crate) fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Logs a panic as a line like any other. Its words may quote what a client sent, unless they stand in the source.
fn tell_defect(info: &PanicHookInfo<'_>) {
    PANICS.fetch_add(1, Ordering::Relaxed);
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(place, words = words(info.payload()), backtrace, "a defect in this program");
}

/// The words of a panic that were not put together when it happened.
fn words(payload: &dyn Any) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or("-")
}

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
    // The default one writes to stderr past the log, and what it writes is no line of it.
    std::panic::set_hook(Box::new(tell_defect));
    Ok(log)
}

#[cfg(test)]
mod tests {
    use std::panic::{catch_unwind, panic_any};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

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

    #[test]
    fn a_panic_is_counted_and_a_line_with_its_place() {
        let written = Written::default();
        let log = Log::to(written.clone()).unwrap();
        let subscriber = tracing_subscriber::registry().with(JsonLines(log.lines()));
        let (before, prompt) = (panics(), "canary");
        let default = std::panic::take_hook();
        tracing::subscriber::with_default(subscriber, || {
            std::panic::set_hook(Box::new(tell_defect));
            assert!(catch_unwind(|| panic!("no boundary in {prompt}")).is_err());
        });
        std::panic::set_hook(default);
        assert!(log.finish());
        // Other tests of this process may panic meanwhile, on threads whose log this is not.
        assert!(panics() > before);
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let line: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!((&line["level"], text.lines().count()), (&"ERROR".into(), 1), "{text}");
        assert!(line["place"].as_str().unwrap().contains("telemetry.rs:"), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
}
