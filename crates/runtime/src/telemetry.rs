//! Logs: one JSON object a line on stderr, or readable text where stderr is a terminal.

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

/// Tells where a panic was, and not what it said: that may quote a prompt.
fn panicked(info: &PanicHookInfo<'_>) {
    PANICS.fetch_add(1, Ordering::Relaxed);
    let location = info.location().map(ToString::to_string);
    tracing::error!(location, "something panicked, which is a defect");
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
    std::panic::set_hook(Box::new(panicked));
    Ok(log)
}

#[cfg(test)]
mod tests {
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
    fn a_panic_is_a_line_with_its_place_and_without_its_words() {
        let written = Written::default();
        let log = Log::to(written.clone()).unwrap();
        let subscriber = tracing_subscriber::registry().with(JsonLines(log.lines()));
        let before = panics();
        let default = std::panic::take_hook();
        tracing::subscriber::with_default(subscriber, || {
            std::panic::set_hook(Box::new(panicked));
            let caught = std::panic::catch_unwind(|| panic!("canary-prompt"));
            assert!(caught.is_err());
        });
        std::panic::set_hook(default);
        assert!(log.finish());
        assert_eq!(panics(), before + 1);
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let line: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!((&line["level"], text.lines().count()), (&"ERROR".into(), 1), "{text}");
        assert!(line["location"].as_str().unwrap().contains("telemetry.rs:"), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
}
