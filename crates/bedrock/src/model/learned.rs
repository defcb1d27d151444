//! What a model turned out not to take. No table knows that as well as Bedrock's own words.

use std::sync::atomic::{AtomicBool, Ordering};

use chat::{Error, ErrorKind};

/// What Bedrock puts before the words of a model's own server.
const PREFIX: &str = "The model returned the following errors:";

/// What one model turned out not to take; for as long as the process lives.
#[derive(Debug, Default)]
pub(super) struct Learned {
    no_tools_in_stream: AtomicBool,
    no_native_output: AtomicBool,
}

/// What one refusal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lesson {
    /// Tools only without a stream.
    NoToolsInStream,
    /// No `outputConfig`.
    NoNativeOutput,
    /// No `outputConfig` for this schema.
    SchemaTooComplex,
}

impl Lesson {
    /// Reads a refusal.
    pub(super) fn of(error: &Error) -> Option<Self> {
        if error.kind() != ErrorKind::InvalidRequest {
            return None;
        }
        // At the beginning, because a refusal may quote the client further on.
        let message = error.message();
        let message = message.strip_prefix(PREFIX).unwrap_or(message).trim_start();
        let says = |words: &str| message.starts_with("This model do") && message.contains(words);
        if says("support tool use in streaming mode") {
            return Some(Self::NoToolsInStream);
        }
        if says("support the outputConfig.textFormat field")
            || message.starts_with("output_config.format: Extra inputs are not permitted")
        {
            return Some(Self::NoNativeOutput);
        }
        message.contains("Schema is too complex").then_some(Self::SchemaTooComplex)
    }
}

impl Learned {
    pub(super) fn remember(&self, lesson: Lesson) {
        match lesson {
            Lesson::NoToolsInStream => self.no_tools_in_stream.store(true, Ordering::Relaxed),
            Lesson::NoNativeOutput => self.no_native_output.store(true, Ordering::Relaxed),
            // The next schema may be simpler.
            Lesson::SchemaTooComplex => {}
        }
    }

    /// Says whether a stream with tools is worth a call.
    pub(super) fn streams_tools(&self) -> bool {
        !self.no_tools_in_stream.load(Ordering::Relaxed)
    }

    /// Says whether `outputConfig` is worth a call.
    pub(super) fn native_output(&self) -> bool {
        !self.no_native_output.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_known_by_the_words_of_bedrock() {
        for (message, lesson) in [
            ("This model doesn't support tool use in streaming mode.", Some(Lesson::NoToolsInStream)),
            (
                "This model doesn't support the outputConfig.textFormat field. Remove outputConfig.textFormat and try again.",
                Some(Lesson::NoNativeOutput),
            ),
            (
                "The model returned the following errors: output_config.format: Extra inputs are not permitted",
                Some(Lesson::NoNativeOutput),
            ),
            ("Schema is too complex for compilation.", Some(Lesson::SchemaTooComplex)),
            ("This model doesn't support tool use.", None),
            ("Value 'This model doesn't support tool use in streaming mode' is wrong", None),
        ] {
            assert_eq!(Lesson::of(&Error::new(ErrorKind::InvalidRequest, message)), lesson, "{message}");
            assert_eq!(Lesson::of(&Error::new(ErrorKind::Upstream, message)), None, "{message}");
        }
    }

    #[test]
    fn a_schema_that_is_too_complex_says_nothing_of_the_next() {
        let learned = Learned::default();
        learned.remember(Lesson::SchemaTooComplex);
        assert!(learned.native_output() && learned.streams_tools());
        learned.remember(Lesson::NoNativeOutput);
        learned.remember(Lesson::NoToolsInStream);
        assert!(!learned.native_output() && !learned.streams_tools());
    }
}
