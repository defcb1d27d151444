//! The events of `ConverseStream` into the events of the domain.

use chat::{Error, ErrorKind, Event, Metadata, Result};
use serde::Deserialize;

use super::stop_reason::stop_reason;
use super::usage::usage;
use crate::wire::reply::{DeltaEvent, MetadataEvent, StopEvent};

/// Translates the events of one stream, one at a time, and holds the stream to its order.
#[derive(Debug, Default)]
pub(crate) struct EventTranslator {
    stage: Stage,
    skipped: usize,
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

impl EventTranslator {
    /// Takes one event; `None` where there is nothing to tell the client.
    ///
    /// Events whose type is not known are left out, because Bedrock may add some.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Protocol`] where an event comes out of order or cannot be read.
    pub(crate) fn push(&mut self, event_type: &str, payload: &[u8]) -> Result<Option<Event>> {
        match event_type {
            "messageStart" => {
                self.advance(Stage::Waiting, Stage::Answering, event_type)?;
                Ok(Some(Event::Started))
            }
            "contentBlockStart" | "contentBlockStop" => {
                self.expect(Stage::Answering, event_type).map(|()| None)
            }
            "contentBlockDelta" => {
                self.expect(Stage::Answering, event_type)?;
                let event: DeltaEvent<'_> = parse(event_type, payload)?;
                let Some(text) = event.delta.text else {
                    self.skipped = self.skipped.saturating_add(1);
                    return Ok(None);
                };
                Ok(Some(Event::Text(text.into_owned())))
            }
            "messageStop" => {
                let event: StopEvent<'_> = parse(event_type, payload)?;
                self.advance(Stage::Answering, Stage::Stopped, event_type)?;
                Ok(Some(Event::Finished(stop_reason(&event.stop_reason)?)))
            }
            "metadata" => {
                self.advance(Stage::Stopped, Stage::Done, event_type)?;
                let event: MetadataEvent<'_> = parse(event_type, payload)?;
                Ok(Some(Event::Metadata(Box::new(Metadata {
                    usage: event.usage.as_ref().map(usage),
                    guardrail_trace: event.trace.and_then(|trace| trace.guardrail).map(ToOwned::to_owned),
                }))))
            }
            _ => {
                self.skipped = self.skipped.saturating_add(1);
                Ok(None)
            }
        }
    }

    /// Counts the events and deltas that were left out because they are not known.
    pub(crate) fn skipped(&self) -> usize {
        self.skipped
    }

    /// Says whether the answer is complete, so that nothing that happens now can spoil it.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.stage, Stage::Stopped | Stage::Done)
    }

    fn advance(&mut self, from: Stage, to: Stage, event_type: &str) -> Result<()> {
        self.expect(from, event_type)?;
        self.stage = to;
        Ok(())
    }

    fn expect(&self, stage: Stage, event_type: &str) -> Result<()> {
        if self.stage == stage {
            return Ok(());
        }
        let message = format!("the stream from Amazon Bedrock is out of order: unexpected {event_type}");
        Err(Error::new(ErrorKind::Protocol, message))
    }
}

fn parse<'a, T: Deserialize<'a>>(event_type: &str, payload: &'a [u8]) -> Result<T> {
    // The parser's own message may quote the answer, so it stays out of ours.
    serde_json::from_slice(payload).map_err(|_| {
        let message = format!("an event of the stream from Amazon Bedrock cannot be read ({event_type})");
        Error::new(ErrorKind::Protocol, message)
    })
}
