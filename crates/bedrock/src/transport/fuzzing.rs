//! A way in for fuzzers: bytes as they could arrive, and the events that they are.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use chat::{Error, Event};

use super::events::take;
use super::frames::FrameReader;
use crate::translate::{EventTranslator, Restore};

/// How many bytes arrive at once.
const AT_ONCE: usize = 100;

/// Reads a stream.
///
/// What begins with a zero is the bytes of a stream. Anything else is text, because no fuzzer finds a checksum: the
/// first line names what the request was (`output`, `drops`, `lifts`), and every other line is a message, of its
/// type and its payload.
pub fn events(bytes: &[u8]) -> (Vec<Event>, Option<Error>) {
    let is_raw = bytes.first().is_none_or(|first| *first == 0);
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let request = if is_raw { &[] } else { lines.next().unwrap_or_default() };
    let request = String::from_utf8_lossy(request);
    let output_tool = request.contains("output").then(|| "json_output".to_owned());
    let restore = Restore::of_switches(output_tool, request.contains("drops"), request.contains("lifts"));
    let framed = if is_raw { bytes.to_vec() } else { lines.flat_map(frame).collect() };
    let mut translator = EventTranslator::new(restore);
    let mut told = Vec::new();
    let error = read(&framed, &mut translator, &mut told).err();
    (told, error)
}

fn read(bytes: &[u8], translator: &mut EventTranslator, told: &mut Vec<Event>) -> chat::Result<()> {
    let mut frames = FrameReader::default();
    for piece in bytes.chunks(AT_ONCE) {
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
mod tests {
    use chat::FinishReason;

    use super::*;

    #[test]
    fn every_stream_of_the_corpus_is_survived() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/converse_events");
        let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(files.len() > 10, "the corpus is gone");
        for file in files {
            let (told, error) = events(&std::fs::read(&file).unwrap());
            checks::check(&told, error.as_ref());
        }
    }

    #[test]
    fn lines_are_read_as_the_stream_that_they_describe() {
        let lines = b"drops lifts\nmessageStart {}\nmessageStop {\"stopReason\":\"end_turn\"}\n!throttlingException {}";
        let (told, error) = events(lines);
        assert!(matches!(told[..], [Event::Started, Event::Finished(FinishReason::Stop)]), "{told:?}");
        assert_eq!(error.map(|error| error.kind()), Some(chat::ErrorKind::Throttled));
    }
}
