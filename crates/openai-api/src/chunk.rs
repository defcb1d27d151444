//! A streamed answer as server-sent events, each with one chunk.

use std::fmt;

use chat::{Event, FinishReason};
use serde::Serialize;

use crate::error::ApiError;
use crate::response::{Extension, Identity, WireUsage, finish_reason};
use crate::text;

/// A comment that keeps a silent connection open; clients skip it.
pub const KEEP_ALIVE: &[u8] = b": ping\n\n";

/// A stream ended before the answer did, so it must not end as if it were whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotFinished;

impl fmt::Display for NotFinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer has not ended")
    }
}

impl std::error::Error for NotFinished {}

/// What is known only once an answer has ended.
#[derive(Serialize)]
struct Last<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<WireUsage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bedrock: Option<Extension<'a>>,
}

/// Writes the events of one answer. What all chunks share is written once and copied.
#[derive(Debug)]
pub struct ChunkEncoder {
    /// `data: {…,` up to `choices`.
    prefix: Vec<u8>,
    include_usage: bool,
    finished: bool,
}

impl ChunkEncoder {
    /// Begins an answer. With `include_usage` every chunk has a `usage`, and the last one a value in it.
    pub fn new(identity: &Identity, include_usage: bool) -> Self {
        let mut prefix = Vec::with_capacity(128 + identity.id.len() + identity.model.len());
        prefix.extend_from_slice(b"data: {\"id\":");
        text::write_string(&mut prefix, &identity.id);
        prefix.extend_from_slice(b",\"object\":\"chat.completion.chunk\",\"created\":");
        prefix.extend_from_slice(itoa::Buffer::new().format(identity.created).as_bytes());
        prefix.extend_from_slice(b",\"model\":");
        text::write_string(&mut prefix, &identity.model);
        prefix.extend_from_slice(b",\"choices\":");
        Self { prefix, include_usage, finished: false }
    }

    /// Appends what an event is to the client: nothing, one chunk, or two.
    pub fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Started => self.delta(out, |out| {
                out.extend_from_slice(
                    b"{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":null}]",
                );
            }),
            Event::Text(piece) if piece.is_empty() => {}
            Event::Text(piece) => self.delta(out, |out| {
                out.extend_from_slice(b"{\"content\":");
                text::write_string(out, piece);
                out.extend_from_slice(b"},\"logprobs\":null,\"finish_reason\":null}]");
            }),
            Event::Finished(reason) => self.finished(*reason, out),
            Event::Metadata(metadata) => {
                let usage = metadata.usage.filter(|_| self.include_usage).map(WireUsage::from);
                let bedrock = metadata.guardrail_trace.as_deref().map(Extension::new);
                if usage.is_some() || bedrock.is_some() {
                    self.last(&Last { usage, bedrock }, out);
                }
            }
        }
    }

    fn finished(&mut self, reason: FinishReason, out: &mut Vec<u8>) {
        self.finished = true;
        self.delta(out, |out| {
            out.extend_from_slice(b"{},\"logprobs\":null,\"finish_reason\":\"");
            out.extend_from_slice(finish_reason(reason).as_bytes());
            out.extend_from_slice(b"\"}]");
        });
    }

    /// Writes a chunk with one choice, from its `delta` on.
    fn delta(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(b"[{\"index\":0,\"delta\":");
        write(out);
        let end: &[u8] = if self.include_usage { b",\"usage\":null}\n\n" } else { b"}\n\n" };
        out.extend_from_slice(end);
    }

    /// Writes the chunk without choices. One for both members: clients keep the `usage` of the last chunk.
    fn last(&self, last: &Last<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(b"[],");
        let members = out.len();
        text::write_json(out, last);
        // What was written is an object, of which the members alone are wanted.
        out.remove(members);
        out.extend_from_slice(b"\n\n");
    }

    /// Ends a whole answer.
    ///
    /// # Errors
    ///
    /// [`NotFinished`], and nothing is written, where no [`Event::Finished`] was pushed.
    pub fn done(&self, out: &mut Vec<u8>) -> Result<(), NotFinished> {
        if !self.finished {
            return Err(NotFinished);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
        Ok(())
    }

    /// Ends an answer that failed; no `[DONE]` follows.
    pub fn error(&self, error: &ApiError, out: &mut Vec<u8>) {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&error.to_json());
        out.extend_from_slice(b"\n\n");
    }
}
