//! The events of `ConverseStream` into the events of the domain.

use std::borrow::Cow;

use chat::{Error, ErrorKind, Event, Reasoning, Result};
use serde::Deserialize;

use super::answer::{Answer, Slot};
use super::response::metadata;
use super::restore::Restore;
use super::stop_reason::{is_known, stop_reason};
use crate::wire::reply::{About, BlockStopEvent, DeltaEvent, ReasoningDelta, StartEvent, StopEvent};

/// Translates the events of one stream, one at a time, and holds the stream to its order.
#[derive(Debug)]
pub(crate) struct EventTranslator {
    stage: Stage,
    skipped: usize,
    blocks: Blocks,
    answer: Answer,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Waiting,
    Answering,
    /// `messageStop` has been seen: whatever follows, the answer is complete.
    Stopped,
    /// `metadata` has been seen: nothing follows.
    Done,
}

/// The blocks so far by their indices, the latest used last.
#[derive(Debug, Default)]
struct Blocks(Vec<(u64, Block)>);

/// What is known of a block.
#[derive(Debug)]
enum Block {
    Text,
    Reasoning(Thoughts),
    Call {
        slot: Slot,
        has_input: bool,
    },
    /// Of a kind that is not told of.
    Silent,
    Stopped,
}

/// A block of reasoning while it comes in.
#[derive(Debug, Default)]
struct Thoughts {
    text: String,
    signature: Option<String>,
    redacted: String,
}

impl EventTranslator {
    /// Begins a stream.
    pub(crate) fn new(restore: Restore) -> Self {
        Self { stage: Stage::Waiting, skipped: 0, blocks: Blocks::default(), answer: Answer::new(restore) }
    }

    /// Takes one event; [`pop`](Self::pop) gives what it means.
    ///
    /// Events whose type is not known are left out, because Bedrock may add some.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Protocol`] where an event comes out of order or cannot be read.
    pub(crate) fn push(&mut self, event_type: &str, payload: &[u8]) -> Result<()> {
        match event_type {
            "messageStart" => {
                self.advance(Stage::Waiting, Stage::Answering, event_type)?;
                self.answer.push(Event::Started);
            }
            "contentBlockStart" => {
                self.expect(Stage::Answering, event_type)?;
                self.start(parse(event_type, payload)?)?;
            }
            "contentBlockDelta" => {
                self.expect(Stage::Answering, event_type)?;
                self.delta(parse(event_type, payload)?)?;
            }
            "contentBlockStop" => {
                self.expect(Stage::Answering, event_type)?;
                let BlockStopEvent { content_block_index } = parse(event_type, payload)?;
                let block = self.blocks.at(content_block_index, || Block::Stopped);
                let block = std::mem::replace(block, Block::Stopped);
                self.end(block);
            }
            "messageStop" => {
                let event: StopEvent<'_> = parse(event_type, payload)?;
                self.expect(Stage::Answering, event_type)?;
                let reason = stop_reason(&event.stop_reason)?;
                self.skipped = self.skipped.saturating_add(usize::from(!is_known(&event.stop_reason)));
                self.stage = Stage::Stopped;
                for (_, block) in std::mem::take(&mut self.blocks.0) {
                    self.end(block);
                }
                self.answer.finish(reason);
            }
            "metadata" => {
                self.advance(Stage::Stopped, Stage::Done, event_type)?;
                let about: About<'_> = parse(event_type, payload)?;
                self.answer.push(Event::Metadata(Box::new(metadata(about))));
            }
            _ => self.skipped = self.skipped.saturating_add(1),
        }
        Ok(())
    }

    /// Gives the next event of the domain, where one is ready.
    pub(crate) fn pop(&mut self) -> Option<Event> {
        self.answer.pop()
    }

    /// Counts the events, blocks and deltas that were left out because they are not known.
    pub(crate) fn skipped(&self) -> usize {
        self.skipped
    }

    /// Says whether the answer is complete, so that nothing that happens now can spoil it.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.stage, Stage::Stopped | Stage::Done)
    }

    /// Says whether nothing more is to come.
    pub(crate) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    fn start(&mut self, event: StartEvent<'_>) -> Result<()> {
        let StartEvent { content_block_index: index, start } = event;
        if self.blocks.knows(index) {
            return Err(out_of_order("a block begins twice"));
        }
        self.end_thoughts();
        let block = match start.tool_use {
            Some(call) if call.is_made_by_server() => Block::Silent,
            Some(call) => {
                Block::Call { slot: self.answer.call(call.tool_use_id, &call.name), has_input: false }
            }
            None => {
                let is_known = start.tool_result.is_some();
                self.skipped = self.skipped.saturating_add(usize::from(!is_known));
                Block::Silent
            }
        };
        self.blocks.0.push((index, block));
        Ok(())
    }

    fn delta(&mut self, event: DeltaEvent<'_>) -> Result<()> {
        let DeltaEvent { content_block_index: index, delta } = event;
        if !self.blocks.knows(index) {
            self.end_thoughts();
        }
        if let Some(text) = delta.text {
            match self.blocks.at(index, || Block::Text) {
                Block::Text => self.answer.text(text),
                Block::Silent => {}
                Block::Reasoning(_) | Block::Call { .. } | Block::Stopped => {
                    return Err(out_of_order("text in a block of another kind"));
                }
            }
        } else if let Some(reasoning) = delta.reasoning_content {
            match self.blocks.at(index, || Block::Reasoning(Thoughts::default())) {
                Block::Reasoning(thoughts) => {
                    let piece = thoughts.push(reasoning);
                    self.answer.thought(piece);
                }
                Block::Silent => {}
                Block::Text | Block::Call { .. } | Block::Stopped => {
                    return Err(out_of_order("reasoning in a block of another kind"));
                }
            }
        } else if let Some(arguments) = delta.tool_use {
            match self.blocks.at(index, || Block::Stopped) {
                Block::Call { slot, has_input } => {
                    let piece = arguments.input.unwrap_or_default();
                    let slot = *slot;
                    *has_input |= !piece.is_empty();
                    if !piece.is_empty() {
                        self.answer.arguments(slot, piece);
                    }
                }
                Block::Silent => {}
                Block::Text | Block::Reasoning(_) | Block::Stopped => {
                    return Err(out_of_order("arguments without a call"));
                }
            }
        } else if !self.blocks.is_silent(index) {
            // It may come before what is known of its block, so it begins none.
            self.skipped = self.skipped.saturating_add(1);
        }
        Ok(())
    }

    /// Tells of thoughts whose stop did not come, before another block begins.
    fn end_thoughts(&mut self) {
        for (_, block) in &mut self.blocks.0 {
            if let Block::Reasoning(thoughts) = block {
                // Should more of it come, that is a block of its own.
                let thoughts = std::mem::take(thoughts);
                thoughts.tell(&mut self.answer);
            }
        }
    }

    fn end(&mut self, block: Block) {
        match block {
            Block::Reasoning(thoughts) => thoughts.tell(&mut self.answer),
            Block::Call { slot, has_input: false } => self.answer.arguments(slot, Cow::Borrowed("{}")),
            Block::Call { has_input: true, .. } | Block::Text | Block::Silent | Block::Stopped => {}
        }
    }

    fn advance(&mut self, from: Stage, to: Stage, event_type: &str) -> Result<()> {
        self.expect(from, event_type)?;
        self.stage = to;
        Ok(())
    }

    fn expect(&self, stage: Stage, event_type: &str) -> Result<()> {
        if self.stage == stage { Ok(()) } else { Err(out_of_order(&format!("unexpected {event_type}"))) }
    }
}

impl Blocks {
    fn knows(&self, index: u64) -> bool {
        self.0.iter().any(|(known, _)| *known == index)
    }

    fn is_silent(&self, index: u64) -> bool {
        self.0.iter().any(|(known, block)| *known == index && matches!(block, Block::Silent))
    }

    /// The block at an index; one of its deltas may be all that tells of its beginning.
    fn at(&mut self, index: u64, begin: impl FnOnce() -> Block) -> &mut Block {
        // The latest block is nearly always the one, and then nothing moves.
        let known = self.0.iter().rposition(|(known, _)| *known == index).map(|at| self.0.remove(at));
        &mut self.0.push_mut(known.unwrap_or_else(|| (index, begin()))).1
    }
}

impl Thoughts {
    /// Takes a piece, and gives what of it may be read.
    fn push<'a>(&mut self, piece: ReasoningDelta<'a>) -> Cow<'a, str> {
        if let Some(signature) = piece.signature {
            self.signature.get_or_insert_default().push_str(&signature);
        }
        if let Some(data) = piece.redacted_content {
            self.redacted.push_str(&data);
        }
        let text = piece.text.unwrap_or_default();
        self.text.push_str(&text);
        text
    }

    fn tell(self, answer: &mut Answer) {
        let Self { text, signature, redacted } = self;
        answer.reasoning(Reasoning::Thinking { text, signature });
        answer.reasoning(Reasoning::Redacted(redacted));
    }
}

fn out_of_order(what: &str) -> Error {
    Error::new(ErrorKind::Protocol, format!("the stream from Amazon Bedrock is out of order: {what}"))
}

fn parse<'a, T: Deserialize<'a>>(event_type: &str, payload: &'a [u8]) -> Result<T> {
    // The parser's own message may quote the answer, so it stays out of ours.
    serde_json::from_slice(payload).map_err(|_| {
        let message = format!("an event of the stream from Amazon Bedrock cannot be read ({event_type})");
        Error::new(ErrorKind::Protocol, message)
    })
}
