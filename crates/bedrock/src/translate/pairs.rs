//! Which result answers which call.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use chat::{Assistant, Content, Error, ErrorKind, Field, Message, Part, Result};

use super::names::{numbered_id, wire_id};

/// A call: the index of its message, and its own index there.
pub(super) type CallAt = (usize, usize);

/// The calls of a conversation with their ids and results.
#[derive(Debug, Default)]
pub(super) struct Pairs<'a> {
    ids: HashMap<CallAt, Cow<'a, str>>,
    /// The messages that hold results for a call: one, unless the client sent more.
    results: HashMap<CallAt, Vec<usize>>,
}

impl<'a> Pairs<'a> {
    /// Pairs the calls of each turn of the model with the results in the turn that follows.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] where a call has no result or a result no call.
    pub(super) fn of(messages: &'a [Message]) -> Result<Self> {
        let mut pairing = Pairing { messages, ..Pairing::default() };
        for (index, message) in messages.iter().enumerate() {
            pairing.push(index, message)?;
        }
        pairing.close()?;
        Ok(pairing.pairs)
    }

    /// The call's id on the wire.
    pub(super) fn id(&self, at: CallAt) -> &str {
        self.ids.get(&at).map_or("", Cow::as_ref)
    }

    /// The messages that hold the call's results.
    pub(super) fn results(&self, at: CallAt) -> &[usize] {
        self.results.get(&at).map_or(&[], Vec::as_slice)
    }
}

#[derive(Default)]
struct Pairing<'a> {
    messages: &'a [Message],
    pairs: Pairs<'a>,
    used: HashSet<String>,
    /// The calls of the model's latest turn.
    open: Vec<CallAt>,
    /// Whether someone else has spoken since.
    answered: bool,
}

impl<'a> Pairing<'a> {
    fn push(&mut self, index: usize, message: &'a Message) -> Result<()> {
        match message {
            Message::System(parts) => self.answered |= has_content(parts),
            Message::User(_) => self.answered = true,
            Message::Assistant(assistant) => {
                if !speaks(assistant) {
                    return Ok(());
                }
                if self.answered {
                    self.close()?;
                    self.open.clear();
                    self.answered = false;
                }
                for (inner, call) in assistant.tool_calls.iter().enumerate() {
                    let id = self.unique(&call.id);
                    self.pairs.ids.insert((index, inner), id);
                    self.open.push((index, inner));
                }
            }
            Message::Tool(result) => {
                self.answered = true;
                let Some(at) = self.call(&result.call_id) else {
                    let message = format!(
                        "the assistant's turn before asks for no call with the id `{}`",
                        result.call_id
                    );
                    return Err(Error::new(ErrorKind::InvalidRequest, message).at(Field::ToolCallId(index)));
                };
                self.pairs.results.entry(at).or_default().push(index);
            }
        }
        Ok(())
    }

    /// Finds the call that a result is for: where the client gave one id twice, the first that has none yet.
    fn call(&self, id: &str) -> Option<CallAt> {
        let of_id = |at: &&CallAt| self.client_id(**at) == Some(id);
        let unanswered = |at: &&CallAt| !self.pairs.results.contains_key(*at);
        let mut calls = self.open.iter().filter(of_id);
        calls.clone().find(unanswered).or_else(|| calls.next_back()).copied()
    }

    fn client_id(&self, (index, inner): CallAt) -> Option<&'a str> {
        match self.messages.get(index)? {
            Message::Assistant(assistant) => Some(assistant.tool_calls.get(inner)?.id.as_str()),
            Message::System(_) | Message::User(_) | Message::Tool(_) => None,
        }
    }

    fn unique(&mut self, id: &'a str) -> Cow<'a, str> {
        let first = wire_id(id);
        let mut unique = first.clone();
        let mut number = 2;
        while !self.used.insert(unique.clone().into_owned()) {
            unique = Cow::Owned(numbered_id(&first, number));
            number += 1;
        }
        unique
    }

    /// Makes sure that every call has its result.
    fn close(&self) -> Result<()> {
        match self.open.iter().find(|at| !self.pairs.results.contains_key(at)) {
            None => Ok(()),
            Some(&(index, inner)) => {
                let id = self.client_id((index, inner)).unwrap_or_default();
                let message = format!("the call `{id}` has no result in the messages that follow it");
                Err(Error::new(ErrorKind::InvalidRequest, message).at(Field::ToolCall(index, inner)))
            }
        }
    }
}

/// Says whether anything of a model's turn can be sent.
pub(super) fn speaks(assistant: &Assistant) -> bool {
    !assistant.tool_calls.is_empty() || has_content(&assistant.content)
}

/// Says whether anything is there that is not blank.
pub(super) fn has_content(parts: &[Part]) -> bool {
    parts.iter().any(|part| match &part.content {
        Content::Text(text) => !is_blank(text),
        Content::Guarded(guarded) => !is_blank(&guarded.text),
        Content::Image(_) | Content::Document(_) | Content::Video(_) => true,
    })
}

pub(super) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}
