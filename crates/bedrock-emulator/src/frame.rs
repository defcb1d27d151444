//! Event-stream frames.
//!
//! Source: [event stream encoding](https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html).

use bytes::{BufMut, Bytes, BytesMut};

/// The characters that events are padded with.
const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Encodes a frame of text headers and a payload.
pub(crate) fn encode(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let mut block = BytesMut::new();
    for (name, value) in headers {
        block.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
        block.put_slice(name.as_bytes());
        // A value of type string.
        block.put_u8(7);
        block.put_u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        block.put_slice(value.as_bytes());
    }
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    let mut frame = BytesMut::with_capacity(16 + block.len() + payload.len());
    frame.put_u32(length(16 + block.len() + payload.len()));
    frame.put_u32(length(block.len()));
    let prelude = crc32fast::hash(&frame);
    frame.put_u32(prelude);
    frame.put_slice(&block);
    frame.put_slice(payload);
    let message = crc32fast::hash(&frame);
    frame.put_u32(message);
    frame.freeze()
}

/// Padding of 2 to 61 characters that depends on the payload alone, so that two runs are alike.
pub(crate) fn padding(payload: &str) -> &'static str {
    let length = 2 + crc32fast::hash(payload.as_bytes()) % 60;
    PADDING.get(..usize::try_from(length).unwrap_or(2)).unwrap_or(PADDING)
}
