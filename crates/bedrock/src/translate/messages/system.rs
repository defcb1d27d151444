//! Instructions.

use std::borrow::Cow;

use chat::{Content, Error, ErrorKind, Field, GuardedText, Part, Qualifier, Result};

use super::{Builder, is_blank, point};
use crate::wire::request::{Block, GuardBlock, GuardText, Speaker, SystemBlock};

impl<'a> Builder<'a, '_> {
    /// Takes what the operator says, and what is said about the shape of the answer where a family has no place
    /// for instructions and hears them first.
    pub(super) fn preface(&mut self) {
        let prompt = self.material.system_prompt.filter(|text| !is_blank(text));
        if self.material.family.system {
            self.system.extend(prompt.map(|text| SystemBlock::Text(Cow::Borrowed(text))));
            return;
        }
        for text in prompt.into_iter().chain(self.material.instruction) {
            self.draft(0, Speaker::User).push(Block::Text(Cow::Borrowed(text)));
        }
    }

    /// Takes instructions in front of the conversation.
    pub(super) fn instructions(&mut self, index: usize, parts: &'a [Part]) -> Result<()> {
        for (inner, part) in parts.iter().enumerate() {
            let at = Field::Part(index, inner);
            match &part.content {
                Content::Text(text) if is_blank(text) => self.drop_blank(text, at),
                Content::Text(text) => self.system.push(SystemBlock::Text(Cow::Borrowed(text))),
                Content::Guarded(text) if is_blank(&text.text) => self.drop_blank(&text.text, at),
                Content::Guarded(text) => self.system.push(SystemBlock::GuardContent(guarded(text))),
                Content::Image(_) | Content::Document(_) | Content::Video(_) => {
                    let message = "instructions are text; send media in a message of the user";
                    return Err(Error::new(ErrorKind::InvalidRequest, message).at(at));
                }
            }
            self.mark_system(part);
        }
        Ok(())
    }

    fn mark_system(&mut self, part: &Part) {
        let wish = part.cache.and_then(|cache| point(cache, self.material.family.cache, self.notes));
        let Some(point) = wish else { return };
        match self.system.last() {
            None => self.notes.adjust(Field::CacheControl),
            Some(SystemBlock::CachePoint(_)) => {}
            Some(SystemBlock::Text(_) | SystemBlock::GuardContent(_)) => {
                self.system.push(SystemBlock::CachePoint(point));
            }
        }
    }
}

/// Translates text for the guardrail.
pub(super) fn guarded(guarded: &GuardedText) -> GuardBlock<'_> {
    let word = |qualifier: &Qualifier| match qualifier {
        Qualifier::GroundingSource => "grounding_source",
        Qualifier::Query => "query",
        Qualifier::GuardContent => "guard_content",
    };
    let qualifiers = guarded.qualifiers.iter().map(word).collect();
    GuardBlock { text: GuardText { text: Cow::Borrowed(&guarded.text), qualifiers } }
}
