//! Messages into turns: `Converse` wants alternating turns that begin with the user and hold no blank text.

use std::borrow::Cow;

use chat::{Assistant, Cache, Content, Error, ErrorKind, Field, Message, Part, Reasoning, Result};

use super::media::Shelf;
use super::names::Names;
use super::notes::Notes;
use super::pairs::{CallAt, Pairs, has_content, is_blank, speaks};
use super::turns::{Draft, point};
use crate::family::{Beside, Family, Prefill, Replay};
use crate::wire::request::{Block, ReasoningBlock, ReasoningText, Speaker, SystemBlock, ToolUseBlock, Turn};

mod ending;
mod results;
mod system;

/// What stands in for a turn that would otherwise be missing or blank.
pub(super) const PLACEHOLDER: &str = ".";

/// What makes a model go on where it may not continue its own turn.
const CONTINUE: &str = "Continue.";

/// A conversation in the shape of `Converse`.
#[derive(Debug)]
pub(super) struct Conversation<'a> {
    pub(super) system: Vec<SystemBlock<'a>>,
    pub(super) turns: Vec<Turn<'a>>,
}

/// What a conversation is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Material<'a> {
    pub(super) system_prompt: Option<&'a str>,
    pub(super) messages: &'a [Message],
    pub(super) names: &'a Names<'a>,
    pub(super) pairs: &'a Pairs<'a>,
    pub(super) family: &'a Family,
    /// What is said to the model about the shape of its answer.
    pub(super) instruction: Option<&'a str>,
    /// Whether a guardrail is to assess the last turn of the user alone.
    pub(super) guard_last_turn: bool,
    /// Whether the model thinks, and cannot continue its own turn.
    pub(super) thinks: bool,
}

/// Translates the messages of a request.
///
/// # Errors
///
/// [`ErrorKind::InvalidRequest`] where nothing but instructions is left, and what a part is to blame for.
pub(super) fn conversation<'a>(material: Material<'a>, notes: &mut Notes) -> Result<Conversation<'a>> {
    let mut builder = Builder {
        material,
        notes,
        shelf: Shelf::new(material.family.media),
        system: Vec::new(),
        drafts: Vec::new(),
        pending: Vec::new(),
        begun: false,
    };
    builder.preface();
    for (index, message) in material.messages.iter().enumerate() {
        builder.push(index, message)?;
    }
    builder.finish()
}

struct Builder<'a, 'n> {
    material: Material<'a>,
    notes: &'n mut Notes,
    shelf: Shelf,
    system: Vec<SystemBlock<'a>>,
    drafts: Vec<Draft<'a>>,
    /// The calls of the model's latest turn, whose results come next.
    pending: Vec<CallAt>,
    /// Whether anyone but the operator has spoken yet.
    begun: bool,
}

impl<'a> Builder<'a, '_> {
    fn push(&mut self, index: usize, message: &'a Message) -> Result<()> {
        match message {
            Message::System(parts) if !self.begun && self.material.family.system => {
                self.instructions(index, parts)?;
            }
            // Instructions in the middle stay where they are: hoisting them would change the order of the
            // conversation and every cached prefix with it.
            Message::System(parts) => {
                if has_content(parts) {
                    self.notes.adjust(Field::Message(index));
                    self.results()?;
                    self.user(index, parts)?;
                }
            }
            Message::User(parts) => {
                self.begun = true;
                self.results()?;
                self.user(index, parts)?;
            }
            Message::Assistant(assistant) => {
                self.begun = true;
                // A turn without content is refused, and says nothing: its neighbours close ranks.
                if speaks(assistant) {
                    self.assistant(index, assistant)?;
                } else if !assistant.reasoning.is_empty() {
                    self.notes.ignore(Field::Reasoning(index));
                }
            }
            Message::Tool(_) => {
                self.begun = true;
                self.results()?;
            }
        }
        Ok(())
    }

    /// The turn that is open for a speaker; a new one where someone else spoke last.
    fn draft(&mut self, index: usize, role: Speaker) -> &mut Draft<'a> {
        let last = self.drafts.pop_if(|last| last.role == role);
        self.drafts.push_mut(last.unwrap_or_else(|| Draft::new(index, role)))
    }

    fn user(&mut self, index: usize, parts: &'a [Part]) -> Result<()> {
        self.make_room(index, parts);
        self.draft(index, Speaker::User);
        for (inner, part) in parts.iter().enumerate() {
            let at = Field::Part(index, inner);
            if let Some(block) = self.block(&part.content, at)? {
                self.draft(index, Speaker::User).push(block);
            }
            self.mark(index, Speaker::User, part.cache);
        }
        Ok(())
    }

    /// Ends a turn of results where nothing of what comes may stand beside them.
    fn make_room(&mut self, index: usize, parts: &[Part]) {
        let fits = match self.material.family.tools.beside_results {
            Beside::Anything => true,
            Beside::NoDocuments => {
                let is_document =
                    |part: &Part| matches!(part.content, Content::Document(_) | Content::Video(_));
                !parts.iter().any(is_document)
            }
            Beside::Nothing => !has_content(parts),
        };
        if !fits && self.drafts.last().is_some_and(|last| last.role == Speaker::User && last.has_results) {
            self.drafts.push(Draft::of_text(index, Speaker::Assistant, PLACEHOLDER));
            self.notes.adjust(Field::Message(index));
        }
    }

    /// Translates one part; `None` where it is blank.
    fn block(&mut self, content: &'a Content, at: Field) -> Result<Option<Block<'a>>> {
        Ok(Some(match content {
            Content::Text(text) => {
                if is_blank(text) {
                    self.drop_blank(text, at);
                    return Ok(None);
                }
                Block::Text(Cow::Borrowed(text))
            }
            Content::Guarded(guarded) => {
                if is_blank(&guarded.text) {
                    self.drop_blank(&guarded.text, at);
                    return Ok(None);
                }
                Block::GuardContent(system::guarded(guarded))
            }
            Content::Image(image) => Block::Image(self.shelf.image(image, &at)?),
            Content::Document(document) => Block::Document(self.shelf.document(document, &at)?),
            Content::Video(video) => Block::Video(self.shelf.video(video, &at)?),
        }))
    }

    /// Nothing is lost with an empty text, and so nothing is said of it.
    fn drop_blank(&mut self, text: &str, at: Field) {
        if !text.is_empty() {
            self.notes.adjust(at);
        }
    }

    fn mark(&mut self, index: usize, role: Speaker, cache: Option<Cache>) {
        let rule = self.material.family.cache;
        let Some(cache) = cache else { return };
        if let (Some(point), Some(rule)) = (point(cache, rule, self.notes), rule) {
            let last = self.drafts.pop_if(|last| last.role == role);
            let mut draft = last.unwrap_or_else(|| Draft::new(index, role));
            draft.mark(point, rule, self.notes);
            self.drafts.push(draft);
        }
    }

    fn assistant(&mut self, index: usize, assistant: &'a Assistant) -> Result<()> {
        let Assistant { reasoning, content, tool_calls } = assistant;
        let Material { names, pairs, family, .. } = self.material;
        for block in reasoning {
            match replayed(block, family.replay) {
                Some(block) => self.draft(index, Speaker::Assistant).reasoning.push(block),
                None => self.notes.ignore(Field::Reasoning(index)),
            }
        }
        for (inner, part) in content.iter().enumerate() {
            let at = Field::Part(index, inner);
            if let Some(text) = self.said(&part.content, at)? {
                self.draft(index, Speaker::Assistant).push(Block::Text(Cow::Borrowed(text)));
            }
            self.mark(index, Speaker::Assistant, part.cache);
        }
        for (inner, call) in tool_calls.iter().enumerate() {
            let at = (index, inner);
            self.pending.push(at);
            let block = ToolUseBlock {
                tool_use_id: pairs.id(at),
                name: names.wire(&call.name),
                input: call.arguments.as_raw(),
            };
            self.draft(index, Speaker::Assistant).call(Block::ToolUse(block));
            if let Some(point) = call.cache.and_then(|cache| point(cache, family.cache, self.notes)) {
                self.draft(index, Speaker::Assistant).mark_calls(point);
            }
        }
        Ok(())
    }

    /// The text of a part of what the model said.
    fn said(&mut self, content: &'a Content, at: Field) -> Result<Option<&'a str>> {
        let text = match content {
            Content::Text(text) => text,
            // A guardrail assesses what the model says anyway.
            Content::Guarded(guarded) => {
                self.notes.adjust(at.clone());
                &guarded.text
            }
            Content::Image(_) | Content::Document(_) | Content::Video(_) => {
                let message = "what the model said is text";
                return Err(Error::new(ErrorKind::InvalidRequest, message).at(at));
            }
        };
        if is_blank(text) {
            self.drop_blank(text, at);
            return Ok(None);
        }
        Ok(Some(text))
    }
}

/// Translates reasoning of an earlier turn; `None` where the family does not take it back.
fn replayed(block: &Reasoning, replay: Replay) -> Option<Block<'_>> {
    let block = match (block, replay) {
        (Reasoning::Thinking { text, signature: Some(signature) }, Replay::Signed) => {
            ReasoningBlock::ReasoningText(ReasoningText { text, signature })
        }
        (Reasoning::Redacted(data), Replay::Signed | Replay::Redacted) => {
            ReasoningBlock::RedactedContent(data)
        }
        (Reasoning::Thinking { .. }, _) | (Reasoning::Redacted(_), Replay::None) => return None,
    };
    Some(Block::ReasoningContent(block))
}
