//! Messages into turns: `Converse` wants alternating turns that begin with the user and hold no blank text.

use chat::{Error, ErrorKind, Field, Message, Part, Result, Role};

use crate::family::{Family, Prefill};
use crate::wire::request::{Block, Speaker, SystemBlock, Turn};

/// What stands in for a user's turn that would otherwise be missing or blank.
const PLACEHOLDER: &str = ".";

/// What makes a model go on where it may not continue its own turn.
const CONTINUE: &str = "Continue.";

/// A conversation in the shape of `Converse`.
#[derive(Debug)]
pub(super) struct Conversation<'a> {
    pub(super) system: Vec<SystemBlock<'a>>,
    pub(super) turns: Vec<Turn<'a>>,
    /// The messages that could not be sent as they are.
    pub(super) adjusted: Vec<Field>,
}

/// Translates the messages of a request.
///
/// # Errors
///
/// [`ErrorKind::InvalidRequest`] where nothing but instructions is left.
pub(super) fn conversation<'a>(
    system_prompt: Option<&'a str>,
    messages: &'a [Message],
    family: &Family,
) -> Result<Conversation<'a>> {
    let mut builder = Builder::default();
    if let Some(text) = system_prompt.filter(|text| !is_blank(text)) {
        builder.instruct(text, family);
    }
    for (index, message) in messages.iter().enumerate() {
        builder.push(index, message, family);
    }
    builder.finish(messages.len(), family)
}

#[derive(Default)]
struct Builder<'a> {
    system: Vec<SystemBlock<'a>>,
    /// Each turn with the index of the message that began it.
    turns: Vec<(usize, Turn<'a>)>,
    adjusted: Vec<Field>,
    /// Whether anyone but the operator has spoken yet.
    begun: bool,
}

impl<'a> Builder<'a> {
    /// Takes the operator's own instructions: in front of the conversation where the family has no place for them.
    fn instruct(&mut self, text: &'a str, family: &Family) {
        if family.system {
            self.system.push(SystemBlock::Text(text));
        } else {
            self.turns.push((0, Turn { role: Speaker::User, content: vec![Block::Text(text)] }));
        }
    }

    fn push(&mut self, index: usize, message: &'a Message, family: &Family) {
        match message.role {
            Role::System if !self.begun && family.system => {
                self.system.extend(texts(message).map(SystemBlock::Text));
            }
            // Instructions in the middle stay where they are: hoisting them would change the order of the
            // conversation and every cached prefix with it.
            Role::System => {
                if texts(message).next().is_some() {
                    self.adjusted.push(Field::Message(index));
                    self.append(index, Speaker::User, message);
                }
            }
            Role::User => {
                self.begun = true;
                self.append(index, Speaker::User, message);
            }
            Role::Assistant => {
                self.begun = true;
                // A turn without content is refused, and says nothing: its neighbours close ranks.
                if texts(message).next().is_some() {
                    self.append(index, Speaker::Assistant, message);
                }
            }
        }
    }

    fn append(&mut self, index: usize, role: Speaker, message: &'a Message) {
        let content = texts(message).map(Block::Text);
        match self.turns.last_mut() {
            Some((_, last)) if last.role == role => last.content.extend(content),
            _ => self.turns.push((index, Turn { role, content: content.collect() })),
        }
    }

    fn finish(mut self, count: usize, family: &Family) -> Result<Conversation<'a>> {
        if !self.begun || self.turns.is_empty() {
            let message = "the conversation has instructions only; add a message with the role `user`";
            return Err(Error::new(ErrorKind::InvalidRequest, message).at(Field::Messages));
        }
        for (index, turn) in &mut self.turns {
            if turn.content.is_empty() {
                turn.content.push(Block::Text(PLACEHOLDER));
                self.adjusted.push(Field::Message(*index));
            }
        }
        if let Some((index, first)) = self.turns.first()
            && first.role == Speaker::Assistant
            && !family.leading_assistant
        {
            self.adjusted.push(Field::Message(*index));
            self.turns.insert(0, (0, user(PLACEHOLDER)));
        }
        self.close(count, family.prefill);
        let turns = self.turns.into_iter().map(|(_, turn)| turn).collect();
        Ok(Conversation { system: self.system, turns, adjusted: self.adjusted })
    }

    /// Makes the last turn one that the family accepts.
    fn close(&mut self, count: usize, prefill: Prefill) {
        let last_message = Field::Message(count.saturating_sub(1));
        let Some((_, last)) = self.turns.last_mut() else {
            return;
        };
        if last.role == Speaker::User {
            return;
        }
        match prefill {
            Prefill::Continues => {}
            Prefill::ContinuesTrimmed => {
                if let Some(Block::Text(text)) = last.content.last_mut() {
                    let trimmed = text.trim_end();
                    if trimmed.len() < text.len() {
                        *text = trimmed;
                        self.adjusted.push(last_message);
                    }
                }
            }
            Prefill::Refused => {
                self.turns.push((count, user(CONTINUE)));
                self.adjusted.push(last_message);
            }
        }
    }
}

fn user(text: &'static str) -> Turn<'static> {
    Turn { role: Speaker::User, content: vec![Block::Text(text)] }
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// The texts of a message that are not blank, which are all that Bedrock takes.
fn texts(message: &Message) -> impl Iterator<Item = &str> {
    message.content.iter().filter_map(|part| match part {
        Part::Text(text) => (!is_blank(text)).then_some(text.as_str()),
    })
}
