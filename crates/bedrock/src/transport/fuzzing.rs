//! A way in for fuzzers: bytes as they could arrive, and the events and errors that they are; and what is made of
//! failures, one after the other.

use std::time::{Duration, SystemTime};

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use chat::{Error, Event};
use http::{HeaderMap, HeaderName};

use super::budget::RetryBudget;
use super::events::take;
use super::frames::FrameReader;
use super::retry::{self, Tried, Verdict};
use super::{credentials, refusal};
use crate::clock::Clock;
use crate::model_id::ModelId;
use crate::translate::{EventTranslator, Restore, ServiceError};

/// Reads a stream.
///
/// What begins with a zero is the bytes of a stream. Anything else is text, because no fuzzer finds a checksum: the
/// first line names what the request was (`output`, `drops`, `lifts`), and every other line is a message, of its
/// type and its payload. They arrive in pieces of `at_once` bytes.
pub fn events(bytes: &[u8], at_once: usize) -> (Vec<Event>, Option<Error>) {
    let is_raw = bytes.first().is_none_or(|first| *first == 0);
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let request = if is_raw { &[] } else { lines.next().unwrap_or_default() };
    let request = String::from_utf8_lossy(request);
    let output_tool = request.contains("output").then(|| "json_output".to_owned());
    let restore = Restore::of_switches(output_tool, request.contains("drops"), request.contains("lifts"));
    let framed = if is_raw { bytes.to_vec() } else { lines.flat_map(frame).collect() };
    let mut translator = EventTranslator::new(restore);
    let mut told = Vec::new();
    let error = read(framed.chunks(at_once), &mut translator, &mut told).err();
    (told, error)
}

/// Reads an error: the first line is its status, or `-` in a stream, and its name; the rest is the body.
pub fn refusal(bytes: &[u8]) -> Error {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (head, body) = (bytes.get(..end).unwrap_or_default(), bytes.get(end + 1..).unwrap_or_default());
    let head = String::from_utf8_lossy(head);
    let (status, name) = head.split_once(' ').unwrap_or((&head, ""));
    let error = match status.parse() {
        Ok(status) => ServiceError::from_reply(status, Some(name).filter(|name| !name.is_empty()), body),
        Err(_) => ServiceError::from_exception(name, body),
    };
    match ModelId::parse("us.amazon.nova-lite-v1:0") {
        Ok(model) => error.into_error(&model, "us-east-1"),
        Err(_) => Error::new(error.kind(), error.message),
    }
}

/// What a refusal's headers say.
#[derive(Debug)]
pub struct Asked {
    /// How long they ask to wait.
    pub wait: Option<Duration>,
    /// When the upstream answered, by its own clock.
    pub date: Option<SystemTime>,
    /// What a clock tells that goes by this date.
    pub corrected: Option<SystemTime>,
}

/// Reads a refusal's headers; those that cannot be ones are left out.
pub fn asked<'a>(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>, now: SystemTime) -> Asked {
    let header = |(name, value)| {
        let name = HeaderName::from_bytes(name).ok()?;
        Some((name, http::HeaderValue::from_bytes(value).ok()?))
    };
    let headers: HeaderMap = headers.filter_map(header).collect();
    let date = refusal::date(&headers);
    let corrected = date.map(|date| {
        let clock = Clock::new(move || now);
        clock.correct(date);
        clock.now()
    });
    Asked { wait: retry::asked_for(&headers, now), date, corrected }
}

/// Keys as a `credential_process` prints them.
#[derive(Debug)]
pub struct Printed {
    /// The id, the secret and the token.
    pub keys: (String, String, Option<String>),
    /// Until when they hold.
    pub expiry: Option<SystemTime>,
}

/// Reads what a `credential_process` printed.
///
/// # Errors
///
/// What is wrong with it.
pub fn printed(output: &[u8]) -> Result<Printed, String> {
    let keys = credentials::process_keys(output)?;
    let token = keys.session_token().map(ToOwned::to_owned);
    let expiry = keys.expiry();
    Ok(Printed {
        keys: (keys.access_key_id().to_owned(), keys.secret_access_key().to_owned(), token),
        expiry,
    })
}

/// The retries of one model.
#[derive(Debug)]
pub struct Budget(RetryBudget);

impl Budget {
    /// Begins with a full budget.
    pub fn new(percent: u32) -> Self {
        Self(RetryBudget::new(percent))
    }

    /// A request begins.
    pub fn pay_in(&self) {
        self.0.pay_in();
    }

    /// Takes a retry out, where there is one.
    pub fn take(&self) -> bool {
        self.0.take()
    }
}

/// What the tries of one request have used up.
#[derive(Debug, Default)]
pub struct Tries(Tried);

impl Tries {
    /// Whether there is another try after a failure that asks for so long a pause.
    pub fn allow_another(&mut self, failed: Failed, asked: Option<Duration>) -> bool {
        self.0.allows_another(failed.verdict(), asked)
    }
}

/// What a failure says about another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// There is none.
    ForGood,
    /// Nothing was done.
    Unheard,
    /// There was too much to do.
    Overloaded,
    /// Something may have been done.
    InDoubt,
}

impl Failed {
    fn verdict(self) -> Verdict {
        match self {
            Self::ForGood => Verdict::Final,
            Self::Unheard => Verdict::Again,
            Self::Overloaded => Verdict::AgainLater,
            Self::InDoubt => Verdict::Once,
        }
    }

    /// How long is waited before it.
    pub fn pause(self, attempt: u32, asked: Option<Duration>) -> Duration {
        retry::pause(self.verdict(), attempt, asked)
    }
}

fn read<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
    translator: &mut EventTranslator,
    told: &mut Vec<Event>,
) -> chat::Result<()> {
    let mut frames = FrameReader::default();
    for piece in pieces {
        frames.push(Bytes::copy_from_slice(piece));
        while let Some(message) = frames.next()? {
            let taken = take(translator, &message);
            told.extend(std::iter::from_fn(|| translator.pop()));
            if let Some(error) = taken? {
                return Err(Error::new(error.kind(), error.message));
            }
        }
    }
    Ok(())
}

/// The frame of a message that is written as a line: an event, or with `!` in front of its type an exception.
fn frame(line: &[u8]) -> Vec<u8> {
    let mut parts = line.splitn(2, |byte| *byte == b' ');
    let name = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let payload = Bytes::copy_from_slice(parts.next().unwrap_or_default());
    let (kind, header, name) = match name.strip_prefix('!') {
        Some(name) => ("exception", ":exception-type", name.to_owned()),
        None => ("event", ":event-type", name),
    };
    let text = |text: String| HeaderValue::String(text.into());
    let message = Message::new(payload)
        .add_header(Header::new(":message-type", text(kind.to_owned())))
        .add_header(Header::new(header, text(name)));
    let mut frame = Vec::new();
    match write_message_to(&message, &mut frame) {
        Ok(()) => frame,
        // Its name is too long for a header.
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
#[path = "../../../../fuzz/checks/converse_events.rs"]
mod checks;

#[cfg(test)]
#[path = "../../../../fuzz/checks/upstream_errors.rs"]
mod errors;

#[cfg(test)]
#[path = "../../../../fuzz/checks/credential_process.rs"]
mod credential_process;

#[cfg(test)]
#[path = "../../../../fuzz/checks/retries.rs"]
mod retries;

#[cfg(test)]
#[path = "../../../../fuzz/checks/retry_after.rs"]
mod retry_after;

#[cfg(test)]
#[path = "../../../../fuzz/checks/steps.rs"]
mod steps;

#[cfg(test)]
mod tests {
    use chat::FinishReason;

    use super::*;

    #[test]
    fn every_stream_of_the_corpus_is_survived() {
        for file in corpus("converse_events", 10) {
            checks::check(|at_once| events(&file, at_once));
        }
    }

    #[test]
    fn every_error_of_the_corpus_is_one_to_the_client() {
        for file in corpus("upstream_errors", 40) {
            errors::check(&refusal(&file));
        }
    }

    #[test]
    fn every_output_of_the_corpus_is_keys_or_refused_without_a_quote() {
        for file in corpus("credential_process", 20) {
            credential_process::check(&file);
        }
    }

    #[test]
    fn every_header_of_the_corpus_asks_for_a_time_or_for_none() {
        for file in corpus("retry_after", 20) {
            retry_after::check(&file);
        }
    }

    #[test]
    fn no_storm_of_the_corpus_is_made_worse() {
        for file in corpus("retries", 7) {
            retries::check(&file);
        }
    }

    fn corpus(name: &str, least: usize) -> Vec<Vec<u8>> {
        let folder = format!("{}/../../fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<_> = files.map(|path| std::fs::read(path).unwrap()).collect();
        assert!(files.len() > least, "the corpus is gone");
        files
    }

    #[test]
    fn lines_are_read_as_the_stream_that_they_describe() {
        let lines = b"drops lifts\nmessageStart {}\nmessageStop {\"stopReason\":\"end_turn\"}\n!throttlingException {}";
        let (told, error) = events(lines, 100);
        assert!(matches!(told[..], [Event::Started, Event::Finished(FinishReason::Stop)]), "{told:?}");
        assert_eq!(error.map(|error| error.kind()), Some(chat::ErrorKind::Throttled));
    }
}
