//! The events of an answer, whichever way it came: whole, or in pieces.

use std::borrow::Cow;
use std::collections::VecDeque;

use chat::{Event, FinishReason, Reasoning};

use super::lift::{Lift, Lifted};
use super::restore::Restore;

/// Turns blocks and pieces into events, and gives back to the client what the request changed.
#[derive(Debug)]
pub(super) struct Answer {
    restore: Restore,
    lift: Option<Lift>,
    /// How many calls the client has been told of.
    calls: usize,
    /// Text beside the tool whose arguments are the answer: told only where that tool is not called.
    held: String,
    /// Whether that tool is called.
    has_output: bool,
    /// What is to be told. It keeps its room, so that a piece of text costs no allocation here.
    queue: VecDeque<Event>,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// The client is told of it.
    Call(usize),
    /// Its arguments are the answer.
    Output,
    /// Nothing.
    Dropped,
}

impl Answer {
    pub(super) fn new(restore: Restore) -> Self {
        let lift = restore.lifts_thinking.then(Lift::default);
        Self { restore, lift, calls: 0, held: String::new(), has_output: false, queue: VecDeque::new() }
    }

    /// Takes the next event out.
    pub(super) fn pop(&mut self) -> Option<Event> {
        self.queue.pop_front()
    }

    pub(super) fn into_events(self) -> VecDeque<Event> {
        self.queue
    }

    pub(super) fn push(&mut self, event: Event) {
        self.queue.push_back(event);
    }

    pub(super) fn text(&mut self, piece: Cow<'_, str>) {
        match &mut self.lift {
            None => self.tell(piece),
            Some(lift) => {
                let lifted = lift.push(&piece);
                self.lifted(lifted);
            }
        }
    }

    fn lifted(&mut self, lifted: Lifted) {
        let Lifted { thought, whole, text } = lifted;
        if let Some(piece) = thought {
            self.thought(piece.into());
        }
        if let Some(text) = whole {
            self.reasoning(Reasoning::Thinking { text, signature: None });
        }
        if let Some(text) = text {
            self.tell(text.into());
        }
    }

    fn tell(&mut self, piece: Cow<'_, str>) {
        if self.restore.output_tool.is_none() {
            self.push(Event::Text(piece.into_owned()));
        } else if !self.has_output {
            self.held.push_str(&piece);
        }
    }

    pub(super) fn thought(&mut self, piece: Cow<'_, str>) {
        if !piece.is_empty() {
            self.push(Event::ReasoningText(piece.into_owned()));
        }
    }

    pub(super) fn reasoning(&mut self, block: Reasoning) {
        let says_nothing = match &block {
            Reasoning::Thinking { text, signature } => text.is_empty() && signature.is_none(),
            Reasoning::Redacted(data) => data.is_empty(),
        };
        if !says_nothing {
            self.push(Event::Reasoning(block));
        }
    }

    /// Begins a call.
    pub(super) fn call(&mut self, id: Cow<'_, str>, name: &str) -> Slot {
        self.end_lift();
        if self.restore.output_tool.as_deref() == Some(name) {
            if self.has_output {
                return Slot::Dropped;
            }
            self.has_output = true;
            self.held.clear();
            return Slot::Output;
        }
        if self.restore.drops_calls {
            return Slot::Dropped;
        }
        let index = self.calls;
        self.calls = self.calls.saturating_add(1);
        let name = self.restore.name(name);
        self.push(Event::ToolCall { index, id: id.into_owned(), name });
        Slot::Call(index)
    }

    pub(super) fn arguments(&mut self, slot: Slot, piece: Cow<'_, str>) {
        match slot {
            Slot::Call(index) => self.push(Event::ToolArguments { index, piece: piece.into_owned() }),
            Slot::Output => self.push(Event::Text(piece.into_owned())),
            Slot::Dropped => {}
        }
    }

    /// Ends the answer. What it ended with counts more than why the model says that it did.
    pub(super) fn finish(&mut self, reason: FinishReason) {
        self.end_lift();
        if !self.held.is_empty() {
            let held = std::mem::take(&mut self.held);
            self.push(Event::Text(held));
        }
        let reason = match reason {
            FinishReason::Stop | FinishReason::ToolCalls if self.calls > 0 => FinishReason::ToolCalls,
            FinishReason::Stop | FinishReason::ToolCalls => FinishReason::Stop,
            FinishReason::Length => FinishReason::Length,
            FinishReason::ContentFilter => FinishReason::ContentFilter,
        };
        self.push(Event::Finished(reason));
    }

    fn end_lift(&mut self) {
        if let Some(lift) = &mut self.lift {
            let lifted = lift.end();
            self.lifted(lifted);
        }
    }
}
