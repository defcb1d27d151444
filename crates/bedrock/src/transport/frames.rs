//! Bytes into event-stream messages.
//!
//! Source: [event stream encoding](https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html),
//! which all AWS services share.

use aws_smithy_eventstream::frame::read_message_from;
use aws_smithy_types::event_stream::Message;
use bytes::{Bytes, BytesMut};
use chat::{Error, ErrorKind, Result};

/// The two lengths and their checksum.
const PRELUDE: usize = 12;

/// A frame with neither headers nor payload.
const SMALLEST: usize = 16;

/// The largest frame that is taken. Bedrock's own limit for a chunk is 1,000,000 bytes.
const LARGEST: usize = 1024 * 1024 + 64 * 1024;

/// Cuts a stream of bytes into messages, and holds at most one frame more than it was given.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    buffer: BytesMut,
}

impl FrameReader {
    /// Takes bytes as they arrive.
    pub(super) fn push(&mut self, data: Bytes) {
        if self.buffer.is_empty() {
            match data.try_into_mut() {
                Ok(data) => self.buffer = data,
                Err(data) => self.buffer.extend_from_slice(&data),
            }
        } else {
            self.buffer.extend_from_slice(&data);
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
    pub(super) fn next(&mut self) -> Result<Option<Message>> {
        let Some((prelude, _)) = self.buffer.split_first_chunk::<PRELUDE>() else {
            return Ok(None);
        };
        let [a, b, c, d, lengths_rest @ ..] = *prelude;
        let [e, f, g, h, checksum @ ..] = lengths_rest;
        let total = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        let in_range = (SMALLEST..=LARGEST).contains(&total);
        if !in_range || crc32fast::hash(&[a, b, c, d, e, f, g, h]) != u32::from_be_bytes(checksum) {
            return Err(corrupt());
        }
        if self.buffer.len() < total {
            return Ok(None);
        }
        let frame = self.buffer.split_to(total).freeze();
        read_message_from(frame).map(Some).map_err(|_| corrupt())
    }
}

fn corrupt() -> Error {
    Error::new(ErrorKind::Corrupt, "the stream from Amazon Bedrock is damaged")
}

#[cfg(test)]
mod tests {
    use aws_smithy_eventstream::frame::write_message_to;
    use aws_smithy_types::event_stream::{Header, HeaderValue};

    use super::*;

    fn frame(payload: &'static str) -> Vec<u8> {
        let header = Header::new(":event-type", HeaderValue::String("messageStart".into()));
        let mut bytes = Vec::new();
        write_message_to(&Message::new(payload).add_header(header), &mut bytes).unwrap();
        bytes
    }

    fn read_all(chunks: &[&[u8]]) -> Result<Vec<Bytes>> {
        let mut reader = FrameReader::default();
        let mut payloads = Vec::new();
        for chunk in chunks {
            reader.push(Bytes::copy_from_slice(chunk));
            while let Some(message) = reader.next()? {
                payloads.push(message.payload().clone());
            }
        }
        Ok(payloads)
    }

    #[test]
    fn frames_come_out_alike_wherever_the_bytes_are_cut() {
        let bytes = [frame("one"), frame(""), frame("three")].concat();
        for cut in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            assert_eq!(read_all(&[head, tail]).unwrap(), ["one", "", "three"], "cut at {cut}");
        }
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
        for total in [0_u32, 15, 0x7fff_ffff, u32::MAX] {
            let mut prelude = total.to_be_bytes().to_vec();
            prelude.extend(0_u32.to_be_bytes());
            prelude.extend(crc32fast::hash(&prelude).to_be_bytes());
            assert_eq!(read_all(&[&prelude]).unwrap_err().kind(), ErrorKind::Corrupt, "{total}");
        }
    }
}
