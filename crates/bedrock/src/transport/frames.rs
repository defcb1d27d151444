//! Bytes into event-stream messages.
//!
//! A stream is mostly small messages, of which three headers and a payload are read. They are read where they lie: a
//! message that is put together of owned parts costs more than translating it. Tests hold the outcome to
//! `aws-smithy-eventstream`. Source: [event stream
//! encoding](https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html), which all AWS services
//! share, and the [types of headers](https://smithy.io/2.0/aws/amazon-eventstream.html).

use bytes::{Buf as _, Bytes, BytesMut};
use chat::{Error, ErrorKind, Result};

/// The two lengths and their checksum.
const PRELUDE: usize = 12;

/// The checksum of the whole.
const CHECKSUM: usize = 4;

/// A frame with neither headers nor payload.
const SMALLEST: usize = PRELUDE + CHECKSUM;

/// The largest frame that is taken. Bedrock's own limit for a chunk is 1,000,000 bytes.
const LARGEST: usize = 1024 * 1024 + 64 * 1024;

/// One message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    headers: &'a [u8],
    /// What it says.
    pub(super) payload: &'a [u8],
}

/// Cuts a stream of bytes into messages, and holds at most one frame more than it was given.
///
/// Frames are read where they arrived. Only one that arrives in several pieces is put together.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    /// The beginning of a frame whose end is still to come, or the whole of it once it was.
    partial: BytesMut,
    /// What follows it. Let go of once it is read: it keeps the connection's read buffer from being used again.
    chunk: Bytes,
    /// The length of the frame that was given last, and is still there.
    given: usize,
}

impl FrameReader {
    /// Takes bytes as they arrive.
    pub(super) fn push(&mut self, data: Bytes) {
        self.advance();
        if self.chunk.is_empty() {
            self.chunk = data;
        } else {
            let mut joined = BytesMut::from(std::mem::take(&mut self.chunk));
            joined.extend_from_slice(&data);
            self.chunk = joined.freeze();
        }
    }

    /// Lets go of the frame that was given last.
    fn advance(&mut self) {
        let given = std::mem::take(&mut self.given);
        if given == 0 {
            return;
        }
        if self.partial.is_empty() {
            self.chunk.advance(given);
        } else {
            self.partial = BytesMut::new();
        }
        if self.chunk.is_empty() {
            self.chunk = Bytes::new();
        }
    }

    /// Where the next frame begins.
    fn front(&self) -> &[u8] {
        if self.partial.is_empty() { &self.chunk } else { &self.partial }
    }

    /// Makes the frame that arrives in pieces this long, as far as more of it has arrived.
    fn fill(&mut self, length: usize) {
        let missing = length.saturating_sub(self.partial.len()).min(self.chunk.len());
        self.partial.extend_from_slice(&self.chunk.split_to(missing));
        if self.chunk.is_empty() {
            self.chunk = Bytes::new();
        }
    }

    /// Gives the next complete message.
    ///
    /// The length is judged before the frame is there: a damaged length must not make the gateway wait for, and
    /// hold, gigabytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Corrupt`] where a length or a checksum is wrong.
    pub(super) fn next(&mut self) -> Result<Option<Message<'_>>> {
        self.advance();
        if !self.partial.is_empty() {
            self.fill(PRELUDE);
            if let Some(lengths) = Lengths::of(&self.partial)? {
                self.fill(lengths.total);
            }
        }
        let lengths = Lengths::of(self.front())?;
        let Some(lengths) = lengths.filter(|lengths| lengths.total <= self.front().len()) else {
            self.fill(usize::MAX);
            return Ok(None);
        };
        self.given = lengths.total;
        Message::of(self.front(), lengths).map(Some)
    }
}

/// What a frame says of its size.
#[derive(Clone, Copy)]
struct Lengths {
    total: usize,
    headers: usize,
}

impl Lengths {
    /// Reads the prelude; `None` where not all of it is there.
    fn of(front: &[u8]) -> Result<Option<Self>> {
        let Some((prelude, _)) = front.split_first_chunk::<PRELUDE>() else {
            return Ok(None);
        };
        let [a, b, c, d, e, f, g, h, checksum @ ..] = *prelude;
        let total = length([a, b, c, d]);
        let headers = length([e, f, g, h]);
        let in_range = (SMALLEST..=LARGEST).contains(&total) && headers <= total.saturating_sub(SMALLEST);
        if !in_range || crc32fast::hash(&[a, b, c, d, e, f, g, h]) != u32::from_be_bytes(checksum) {
            return Err(corrupt());
        }
        Ok(Some(Self { total, headers }))
    }
}

impl<'a> Message<'a> {
    /// Reads the frame that begins here, all of which is there.
    fn of(front: &'a [u8], lengths: Lengths) -> Result<Self> {
        let frame = front.get(..lengths.total).ok_or_else(corrupt)?;
        let (summed, checksum) = frame.split_last_chunk::<CHECKSUM>().ok_or_else(corrupt)?;
        if crc32fast::hash(summed) != u32::from_be_bytes(*checksum) {
            return Err(corrupt());
        }
        let rest = summed.get(PRELUDE..).ok_or_else(corrupt)?;
        let (headers, payload) = rest.split_at_checked(lengths.headers).ok_or_else(corrupt)?;
        Ok(Self { headers, payload })
    }

    /// Goes through the headers that are texts, by name and value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Corrupt`] where the headers are not as they must be.
    pub(super) fn texts(&self, mut each: impl FnMut(&'a str, &'a str)) -> Result<()> {
        let mut rest = self.headers;
        while !rest.is_empty() {
            let (name, value) = header(&mut rest).ok_or_else(corrupt)?;
            if let Some(text) = value {
                each(name, text);
            }
        }
        Ok(())
    }
}

/// Reads one header: its name, and its value where that is a text. `None` where it is none.
fn header<'a>(rest: &mut &'a [u8]) -> Option<(&'a str, Option<&'a str>)> {
    let name_length = usize::from(byte(rest)?);
    let name = std::str::from_utf8(bytes(rest, name_length)?).ok()?;
    let kind = byte(rest)?;
    let length = match kind {
        // Two truths, which the type tells already; numbers, a time and a UUID.
        0 | 1 => 0,
        2 => 1,
        3 => 2,
        4 => 4,
        5 | 8 => 8,
        9 => 16,
        // Bytes and texts have a length in front.
        6 | 7 => usize::from(u16::from_be_bytes([byte(rest)?, byte(rest)?])),
        _ => return None,
    };
    let value = bytes(rest, length)?;
    let text = if kind == 7 { Some(std::str::from_utf8(value).ok()?) } else { None };
    Some((name, text))
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, behind) = rest.split_first()?;
    *rest = behind;
    Some(*first)
}

fn bytes<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(taken)
}

fn length(bytes: [u8; 4]) -> usize {
    usize::try_from(u32::from_be_bytes(bytes)).unwrap_or(usize::MAX)
}

fn corrupt() -> Error {
    Error::new(ErrorKind::Corrupt, "the stream from Amazon Bedrock is damaged")
}

#[cfg(test)]
mod tests {
    use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
    use aws_smithy_types::DateTime;
    use aws_smithy_types::event_stream::{Header, HeaderValue, Message as LibraryMessage};
    use proptest::prelude::*;

    use super::*;

    fn frame(payload: &'static str) -> Vec<u8> {
        let header = Header::new(":event-type", HeaderValue::String("messageStart".into()));
        let mut bytes = Vec::new();
        write_message_to(&LibraryMessage::new(payload).add_header(header), &mut bytes).unwrap();
        bytes
    }

    /// A message: its headers that are texts, and its payload.
    type Read = (Vec<(String, String)>, Vec<u8>);

    fn read_all(chunks: &[&[u8]]) -> Result<Vec<Read>> {
        let mut reader = FrameReader::default();
        let mut messages = Vec::new();
        for chunk in chunks {
            reader.push(Bytes::copy_from_slice(chunk));
            while let Some(message) = reader.next()? {
                let mut texts = Vec::new();
                message.texts(|name, text| texts.push((name.to_owned(), text.to_owned())))?;
                messages.push((texts, message.payload.to_vec()));
            }
        }
        Ok(messages)
    }

    fn by_library(mut bytes: &[u8]) -> Option<Read> {
        let message = read_message_from(&mut bytes).ok()?;
        let texts = message.headers().iter().filter_map(|header| {
            Some((header.name().as_str().to_owned(), header.value().as_string().ok()?.as_str().to_owned()))
        });
        Some((texts.collect(), message.payload().to_vec()))
    }

    fn value() -> impl Strategy<Value = HeaderValue> {
        prop_oneof![
            any::<bool>().prop_map(HeaderValue::Bool),
            any::<i8>().prop_map(HeaderValue::Byte),
            any::<i16>().prop_map(HeaderValue::Int16),
            any::<i32>().prop_map(HeaderValue::Int32),
            any::<i64>().prop_map(HeaderValue::Int64),
            any::<u128>().prop_map(HeaderValue::Uuid),
            any::<u32>().prop_map(|at| HeaderValue::Timestamp(DateTime::from_secs(at.into()))),
            proptest::collection::vec(any::<u8>(), 0..20)
                .prop_map(|data| HeaderValue::ByteArray(data.into())),
            ".{0,20}".prop_map(|text| HeaderValue::String(text.into())),
        ]
    }

    /// Puts right checksums on a frame whose inside was changed, so that it is the inside that is judged.
    fn summed(mut frame: Vec<u8>) -> Vec<u8> {
        let prelude = crc32fast::hash(&frame[..8]).to_be_bytes();
        frame[8..12].copy_from_slice(&prelude);
        let end = frame.len() - 4;
        let whole = crc32fast::hash(&frame[..end]).to_be_bytes();
        frame[end..].copy_from_slice(&whole);
        frame
    }

    proptest! {
        #[test]
        fn messages_are_the_librarys(
            headers in proptest::collection::vec(("[a-z:é-]{1,12}", value()), 0..5),
            payload in proptest::collection::vec(any::<u8>(), 0..200),
            change in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
        ) {
            let message = headers.into_iter().fold(LibraryMessage::new(payload), |message, (name, value)| {
                message.add_header(Header::new(name, value))
            });
            let mut bytes = Vec::new();
            write_message_to(&message, &mut bytes).unwrap();
            if let Some((index, byte)) = change {
                // Not in the total length: what follows a frame is no part of it.
                let at = 4 + index.index(bytes.len() - 4);
                bytes[at] = byte;
                bytes = summed(bytes);
            }
            let ours = read_all(&[&bytes]).ok().and_then(|mut messages| messages.pop());
            prop_assert_eq!(ours, by_library(&bytes));
        }
    }

    #[test]
    fn frames_come_out_alike_wherever_the_bytes_are_cut() {
        let bytes = [frame("one"), frame(""), frame("three")].concat();
        for cut in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            let read = read_all(&[head, tail]).unwrap();
            let payloads: Vec<&[u8]> = read.iter().map(|(_, payload)| &**payload).collect();
            assert_eq!(payloads, [&b"one"[..], b"", b"three"], "cut at {cut}");
        }
    }

    #[test]
    fn frames_come_out_alike_however_small_the_pieces_are() {
        let bytes = [frame("one"), frame(""), frame("three"), frame("4")].concat();
        for size in 1..=bytes.len() {
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            let read = read_all(&pieces).unwrap();
            let payloads: Vec<&[u8]> = read.iter().map(|(_, payload)| &**payload).collect();
            assert_eq!(payloads, [&b"one"[..], b"", b"three", b"4"], "pieces of {size}");
        }
    }

    #[test]
    fn pieces_that_arrive_before_the_last_ones_are_read_are_kept() {
        let bytes = [frame("one"), frame("two"), frame("three")].concat();
        let mut reader = FrameReader::default();
        for piece in bytes.chunks(7) {
            reader.push(Bytes::copy_from_slice(piece));
        }
        let mut payloads = Vec::new();
        while let Some(message) = reader.next().unwrap() {
            payloads.push(message.payload.to_vec());
        }
        assert_eq!(payloads, [&b"one"[..], b"two", b"three"]);
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let bytes = frame("payload");
        for index in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[index] ^= 1 << bit;
                let read = read_all(&[&damaged]);
                assert!(read.is_err() || read.unwrap().is_empty(), "byte {index}, bit {bit}");
            }
        }
    }

    #[test]
    fn an_impossible_length_is_an_error_at_once() {
        for (total, headers) in
            [(0_u32, 0_u32), (15, 0), (0x7fff_ffff, 0), (u32::MAX, 0), (16, 1), (1_000, u32::MAX)]
        {
            let mut prelude = total.to_be_bytes().to_vec();
            prelude.extend(headers.to_be_bytes());
            prelude.extend(crc32fast::hash(&prelude).to_be_bytes());
            assert_eq!(read_all(&[&prelude]).unwrap_err().kind(), ErrorKind::Corrupt, "{total} {headers}");
        }
    }
}
