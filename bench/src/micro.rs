//! The steps of a request, one at a time and without a socket.

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use bedrock::ModelId;
use bedrock::benchmarks::{Reading, Steps, response};
use bytes::Bytes;
use chat::{Event, Request};
use openai_api::{ChatCompletionRequest, ChunkEncoder, Identity};

use crate::scenario::{self, LITE};
use crate::{BoxError, replies};

/// The pieces of the streams.
const PIECES: usize = 100;

/// What a step gives: the bytes that it wrote, or 0 where it makes values.
type Step = Box<dyn Fn() -> Result<usize, BoxError>>;

/// One step.
pub struct Case {
    /// Its name on command lines and in tables.
    pub name: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    step: Step,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Case {
    fn new(
        name: &'static str,
        title: &'static str,
        step: impl Fn() -> Result<usize, BoxError> + 'static,
    ) -> Self {
        Self { name, title, step: Box::new(step) }
    }

    /// Takes the step once, and drops what it makes.
    ///
    /// # Errors
    ///
    /// Where it fails, and then there is nothing to measure.
    pub fn run(&self) -> Result<usize, BoxError> {
        (self.step)()
    }
}

/// Every step, in the order in which a request takes them.
///
/// # Errors
///
/// Where one of them fails, which is tried out.
pub fn cases() -> Result<Vec<Case>, BoxError> {
    let mut cases = requests()?;
    cases.extend(answers()?);
    for case in &cases {
        case.run().map_err(|error| format!("{}: {error}", case.name))?;
    }
    Ok(cases)
}

/// The way in: OpenAI's bytes, the domain, Bedrock's bytes, a signature.
fn requests() -> Result<Vec<Case>, BoxError> {
    let (short, agent) = (scenario::short("lite").to_string(), scenario::agent().to_string());
    let (short_request, agent_request) = (read(&short)?, read(&agent)?);
    let steps = || Steps::new(&ModelId::parse(LITE)?).map_err(BoxError::from);
    let (to_short, to_agent, signer) = (steps()?, steps()?, steps()?);
    let body = Bytes::from(to_short.body(&short_request)?);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    Ok(vec![
        Case::new("read-short", "short prompt: OpenAI's bytes to the domain", move || {
            read(&short).map(|request| black_box(request).messages.len())
        }),
        Case::new("read-agent", "80 KB agent prompt, 30 tools: OpenAI's bytes to the domain", move || {
            read(&agent).map(|request| black_box(request).messages.len())
        }),
        Case::new("write-short", "short prompt: the domain to a Converse body", move || {
            Ok(black_box(to_short.body(&short_request)?).len())
        }),
        Case::new("write-agent", "80 KB agent prompt, 30 tools: the domain to a Converse body", move || {
            Ok(black_box(to_agent.body(&agent_request)?).len())
        }),
        Case::new("sign-short", "short prompt: the request with its signature", move || {
            Ok(black_box(signer.signed(&body, time)?).headers().len())
        }),
    ])
}

/// The way back: Bedrock's bytes, the domain, OpenAI's bytes.
fn answers() -> Result<Vec<Case>, BoxError> {
    let pieces = replies::stream(PIECES);
    let whole = Bytes::from(pieces.concat());
    let mut events = Vec::new();
    Reading::default().push(whole.clone(), |event| events.push(event))?;
    let burst = whole.clone();
    Ok(vec![
        Case::new("completion", "whole reply: Converse's bytes to a completion", || {
            let response = response(replies::WHOLE.as_bytes())?;
            Ok(black_box(openai_api::completion(&identity(), &response, false)).len())
        }),
        Case::new("decode-100", "100 events at once: event stream to the domain", move || {
            let mut count = 0;
            Reading::default().push(burst.clone(), |event| {
                black_box(event);
                count += 1;
            })?;
            Ok(count)
        }),
        Case::new("encode-100", "100 events at once: the domain to server-sent events", move || {
            encode(&events)
        }),
        Case::new("stream-100", "100 events at once: event stream to server-sent events", move || {
            translate(std::slice::from_ref(&whole))
        }),
        Case::new(
            "stream-live-100",
            "100 events one by one: event stream to server-sent events",
            move || translate(&pieces),
        ),
    ])
}

fn read(body: &str) -> Result<Request, BoxError> {
    let failed = |error: openai_api::ApiError| String::from_utf8_lossy(&error.to_json()).into_owned();
    let wire = ChatCompletionRequest::from_slice(black_box(body.as_bytes())).map_err(failed)?;
    Ok(openai_api::translate(wire).map_err(failed)?.request)
}

fn identity() -> Identity {
    Identity {
        id: "chatcmpl-974cb438b3a0f6580817ae9b11960e17".to_owned(),
        created: 1_800_000_000,
        model: "lite".to_owned(),
    }
}

fn encode(events: &[Event]) -> Result<usize, BoxError> {
    let mut encoder = ChunkEncoder::new(&identity(), true, false);
    let mut out = Vec::new();
    for event in events {
        encoder.push(event, &mut out);
    }
    encoder.done(&mut out)?;
    Ok(black_box(out).len())
}

/// Writes once for each piece that arrives, as the gateway does.
fn translate(pieces: &[Bytes]) -> Result<usize, BoxError> {
    let mut reading = Reading::default();
    let mut encoder = ChunkEncoder::new(&identity(), true, false);
    let (mut written, mut last) = (0, 0);
    for piece in pieces {
        let mut out = Vec::with_capacity(last);
        reading.push(piece.clone(), |event| encoder.push(&event, &mut out))?;
        last = out.len();
        written += black_box(out).len();
    }
    let mut end = Vec::new();
    encoder.done(&mut end)?;
    Ok(written + black_box(end).len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(name: &str) -> usize {
        let cases = cases().unwrap();
        cases.iter().find(|case| case.name == name).unwrap().run().unwrap()
    }

    #[test]
    fn names_are_told_apart() {
        let mut names: Vec<&str> = cases().unwrap().iter().map(|case| case.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn what_is_measured_is_what_its_name_says() {
        // The agent's prompt without what only OpenAI's form needs around it.
        assert!((70_000..90_000).contains(&size("write-agent")), "{}", size("write-agent"));
        // Begun, a hundred pieces, finished, and what is known besides.
        assert_eq!(size("decode-100"), 103);
        // Three headers of every call, the signature, and those of the session token and the date.
        assert_eq!(size("sign-short"), 6);
    }

    #[test]
    fn a_stream_is_the_same_bytes_however_it_arrives() {
        assert_eq!(size("stream-100"), size("encode-100"));
        assert_eq!(size("stream-100"), size("stream-live-100"));
    }
}
