//! Event-stream frames, right or wrong in each of their parts.
//!
//! Source: [event stream encoding](https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html).

use bytes::{BufMut as _, Bytes, BytesMut};

/// A frame whose parts a test may get wrong. Checksums fit the parts unless they are set.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    headers: BytesMut,
    payload: Bytes,
    total_length: Option<u32>,
    headers_length: Option<u32>,
    prelude_checksum: Option<u32>,
    message_checksum: Option<u32>,
}

impl Frame {
    /// A frame with the headers of an event, and a payload.
    pub fn event(kind: &str, payload: impl Into<Bytes>) -> Self {
        let frame = Self { payload: payload.into(), ..Self::default() };
        frame
            .text(":event-type", kind)
            .text(":content-type", "application/json")
            .text(":message-type", "event")
    }

    /// Adds a header of type text.
    #[must_use]
    pub fn text(mut self, name: &str, value: &str) -> Self {
        self.headers.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
        self.headers.put_slice(name.as_bytes());
        self.headers.put_u8(7);
        self.headers.put_u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        self.headers.put_slice(value.as_bytes());
        self
    }

    /// Adds bytes to the block of headers, as they are.
    #[must_use]
    pub fn header_bytes(mut self, bytes: &[u8]) -> Self {
        self.headers.put_slice(bytes);
        self
    }

    /// States another length of the whole frame.
    #[must_use]
    pub fn total_length(mut self, length: u32) -> Self {
        self.total_length = Some(length);
        self
    }

    /// States another length of the headers.
    #[must_use]
    pub fn headers_length(mut self, length: u32) -> Self {
        self.headers_length = Some(length);
        self
    }

    /// States another checksum of the two lengths.
    #[must_use]
    pub fn prelude_checksum(mut self, checksum: u32) -> Self {
        self.prelude_checksum = Some(checksum);
        self
    }

    /// States another checksum of the whole frame.
    #[must_use]
    pub fn message_checksum(mut self, checksum: u32) -> Self {
        self.message_checksum = Some(checksum);
        self
    }

    /// The frame as bytes.
    pub fn bytes(&self) -> Bytes {
        let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        let size = 16_usize.saturating_add(self.headers.len()).saturating_add(self.payload.len());
        let mut frame = BytesMut::with_capacity(size);
        frame.put_u32(self.total_length.unwrap_or_else(|| length(size)));
        frame.put_u32(self.headers_length.unwrap_or_else(|| length(self.headers.len())));
        let prelude = crc32fast::hash(&frame);
        frame.put_u32(self.prelude_checksum.unwrap_or(prelude));
        frame.put_slice(&self.headers);
        frame.put_slice(&self.payload);
        let message = crc32fast::hash(&frame);
        frame.put_u32(self.message_checksum.unwrap_or(message));
        frame.freeze()
    }
}
