//! A streamed answer as server-sent events, each with one chunk.

use std::fmt;

use chat::{Event, FinishReason, Metadata, Reasoning};
use serde::Serialize;

use crate::error::ApiError;
use crate::json::Compactor;
use crate::response::{Extension, Identity, IndexedBlock, WireUsage, finish_reason};
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
    service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<WireUsage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bedrock: Option<Extension<'a>>,
}

/// A call whose arguments arrive in pieces.
#[derive(Debug, Default)]
struct Call {
    compactor: Compactor,
    /// Whether any of its arguments were written.
    begun: bool,
}

/// Writes the events of one answer. What all chunks share is written once and copied.
#[derive(Debug)]
pub struct ChunkEncoder {
    /// `data: {…,` up to `choices`.
    prefix: Vec<u8>,
    include_usage: bool,
    legacy_functions: bool,
    calls: Vec<Call>,
    /// How many blocks of reasoning were written. Official clients join lists by the index of their entries.
    thoughts: usize,
    /// Whether a part of the current block of reasoning was written.
    thinking: bool,
    finished: bool,
}

/// What follows the `delta` of every chunk but the last.
const GOES_ON: &[u8] = b",\"logprobs\":null,\"finish_reason\":null}]";

impl ChunkEncoder {
    /// Begins an answer. With `include_usage` every chunk has a `usage`, and the last one a value in it. With
    /// `legacy_functions` the first call is written for clients that know no tools, and the others are not.
    pub fn new(identity: &Identity, include_usage: bool, legacy_functions: bool) -> Self {
        let mut prefix = Vec::with_capacity(128 + identity.id.len() + identity.model.len());
        prefix.extend_from_slice(b"data: {\"id\":");
        text::write_string(&mut prefix, &identity.id);
        prefix.extend_from_slice(b",\"object\":\"chat.completion.chunk\",\"created\":");
        prefix.extend_from_slice(itoa::Buffer::new().format(identity.created).as_bytes());
        prefix.extend_from_slice(b",\"model\":");
        text::write_string(&mut prefix, &identity.model);
        prefix.extend_from_slice(b",\"choices\":");
        Self {
            prefix,
            include_usage,
            legacy_functions,
            calls: Vec::new(),
            thoughts: 0,
            thinking: false,
            finished: false,
        }
    }

    /// Appends what an event is to the client: nothing, one chunk, or several.
    pub fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Started => self.delta(out, |out| {
                out.extend_from_slice(b"{\"role\":\"assistant\",\"content\":\"\"}");
            }),
            Event::Text(piece) => self.text("content", piece, out),
            Event::ReasoningText(piece) => {
                self.thinking |= !piece.is_empty();
                self.text("reasoning_content", piece, out);
            }
            Event::Reasoning(block) => self.reasoning(block, out),
            Event::ToolCall { id, name, .. } => self.call(id, name, out),
            Event::ToolArguments { index, piece } => self.arguments(*index, piece, out),
            Event::Finished(reason) => self.finished(*reason, out),
            Event::Metadata(metadata) => self.metadata(metadata, out),
        }
    }

    /// Writes a piece of a text.
    fn text(&self, member: &str, piece: &str, out: &mut Vec<u8>) {
        if piece.is_empty() {
            return;
        }
        self.delta(out, |out| {
            out.extend_from_slice(b"{\"");
            out.extend_from_slice(member.as_bytes());
            out.extend_from_slice(b"\":");
            text::write_string(out, piece);
            out.push(b'}');
        });
    }

    /// Writes a whole block of reasoning, for clients that bring it back.
    fn reasoning(&mut self, block: &Reasoning, out: &mut Vec<u8>) {
        if let Reasoning::Thinking { text, .. } = block {
            if !self.thinking {
                self.text("reasoning_content", text, out);
            }
            self.thinking = false;
        }
        let index = self.thoughts;
        self.thoughts = self.thoughts.saturating_add(1);
        self.delta(out, |out| {
            out.extend_from_slice(b"{\"thinking_blocks\":[");
            text::write_json(out, &IndexedBlock { index, block: block.into() });
            out.extend_from_slice(b"]}");
        });
    }

    /// Writes the head of a call. Clients join what they are told twice, so its id and name come once.
    fn call(&mut self, id: &str, name: &str, out: &mut Vec<u8>) {
        let index = self.calls.len();
        self.calls.push(Call::default());
        if self.legacy_functions && index > 0 {
            return;
        }
        let legacy = self.legacy_functions;
        self.delta(out, |out| {
            if legacy {
                out.extend_from_slice(b"{\"function_call\":{\"name\":");
            } else {
                write_index(index, out);
                out.extend_from_slice(b",\"id\":");
                text::write_string(out, id);
                out.extend_from_slice(b",\"type\":\"function\",\"function\":{\"name\":");
            }
            text::write_string(out, name);
            out.extend_from_slice(b",\"arguments\":\"\"");
            out.extend_from_slice(call_end(legacy));
        });
    }

    /// Writes a piece of a call's arguments, where there is such a call.
    fn arguments(&mut self, index: usize, piece: &str, out: &mut Vec<u8>) {
        let Some(call) = self.calls.get_mut(index) else { return };
        let mut short = String::with_capacity(piece.len());
        call.compactor.push(piece, &mut short);
        if short.is_empty() || (self.legacy_functions && index > 0) {
            return;
        }
        call.begun = true;
        let legacy = self.legacy_functions;
        self.delta(out, |out| {
            if legacy {
                out.extend_from_slice(b"{\"function_call\":{\"arguments\":");
            } else {
                write_index(index, out);
                out.extend_from_slice(b",\"function\":{\"arguments\":");
            }
            text::write_string(out, &short);
            out.extend_from_slice(call_end(legacy));
        });
    }

    fn finished(&mut self, reason: FinishReason, out: &mut Vec<u8>) {
        // An answer ends once.
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        // A call without arguments has an empty object for them.
        for index in 0..self.calls.len() {
            if self.calls.get(index).is_some_and(|call| !call.begun) {
                self.arguments(index, "{}", out);
            }
        }
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(b"[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"");
        out.extend_from_slice(finish_reason(reason, self.legacy_functions).as_bytes());
        out.extend_from_slice(b"\"}]");
        self.end(out);
    }

    /// Writes a chunk with one choice, of which `write` writes the `delta`.
    fn delta(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(b"[{\"index\":0,\"delta\":");
        write(out);
        out.extend_from_slice(GOES_ON);
        self.end(out);
    }

    fn end(&self, out: &mut Vec<u8>) {
        let end: &[u8] = if self.include_usage { b",\"usage\":null}\n\n" } else { b"}\n\n" };
        out.extend_from_slice(end);
    }

    fn metadata(&self, metadata: &Metadata, out: &mut Vec<u8>) {
        // Without either the client expects no chunk without choices; tier and latency alone are worth none.
        if !self.include_usage && metadata.guardrail_trace.is_none() {
            return;
        }
        let last = Last {
            service_tier: metadata.service_tier.as_deref(),
            usage: metadata.usage.filter(|_| self.include_usage).map(WireUsage::from),
            bedrock: Extension::new(metadata),
        };
        if last.service_tier.is_some() || last.usage.is_some() || last.bedrock.is_some() {
            self.last(&last, out);
        }
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

/// Writes a delta of calls up to a call's index.
fn write_index(index: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"tool_calls\":[{\"index\":");
    out.extend_from_slice(itoa::Buffer::new().format(index).as_bytes());
}

/// What ends a delta of a call, from its function on.
fn call_end(legacy: bool) -> &'static [u8] {
    if legacy { b"}}" } else { b"}}]}" }
}
