//! The end of a conversation, and what else only shows when all of it is there.

use std::borrow::Cow;

use chat::{Error, ErrorKind, Field, Result};

use super::{Builder, CONTINUE, Conversation, PLACEHOLDER, Prefill};
use crate::translate::turns::Draft;
use crate::wire::request::{Block, GuardBlock, GuardText, Speaker, SystemBlock};

impl<'a> Builder<'a, '_> {
    pub(super) fn finish(mut self) -> Result<Conversation<'a>> {
        if !self.begun || self.drafts.is_empty() {
            let message = "the conversation has instructions only; add a message with the role `user`";
            return Err(Error::new(ErrorKind::InvalidRequest, message).at(Field::Messages));
        }
        if self.material.family.system
            && let Some(text) = self.material.instruction
        {
            self.system.push(SystemBlock::Text(Cow::Borrowed(text)));
        }
        if self.material.guard_last_turn {
            self.guard();
        }
        self.fill();
        if let Some(first) = self.drafts.first()
            && first.role == Speaker::Assistant
            && !self.material.family.leading_assistant
        {
            self.notes.adjust(Field::Message(first.index));
            self.drafts.insert(0, Draft::of_text(0, Speaker::User, PLACEHOLDER));
        }
        self.close();
        let turns = self.drafts.into_iter().map(|draft| draft.into_turn(self.notes)).collect();
        Ok(Conversation { system: self.system, turns })
    }

    /// Hands the last text of the user to the guardrail, unless the client chose itself what it assesses.
    fn guard(&mut self) {
        let is_guarded =
            |draft: &Draft<'_>| draft.content.iter().any(|block| matches!(block, Block::GuardContent(_)));
        let in_system = self.system.iter().any(|block| matches!(block, SystemBlock::GuardContent(_)));
        if in_system || self.drafts.iter().any(is_guarded) {
            return;
        }
        let of_user = |draft: &&mut Draft<'_>| draft.role == Speaker::User && draft.has_text();
        let Some(last) = self.drafts.iter_mut().rev().find(of_user) else { return };
        for block in &mut last.content {
            if let Block::Text(text) = block {
                let text = std::mem::take(text);
                *block = Block::GuardContent(GuardBlock { text: GuardText { text, qualifiers: Vec::new() } });
            }
        }
    }

    /// Puts a text where Bedrock wants one.
    fn fill(&mut self) {
        for draft in &mut self.drafts {
            let lacks_text = draft.has_document() && !draft.has_text();
            if draft.role == Speaker::User && (draft.content.is_empty() || lacks_text) {
                draft.push(Block::Text(Cow::Borrowed(PLACEHOLDER)));
                self.notes.adjust(Field::Message(draft.index));
            }
        }
    }

    /// Makes the last turn one that the family accepts.
    fn close(&mut self) {
        let count = self.material.messages.len();
        let last_message = Field::Message(count.saturating_sub(1));
        let Some(last) = self.drafts.last_mut() else {
            return;
        };
        if last.role == Speaker::User {
            return;
        }
        let prefill = if self.material.thinks { Prefill::Refused } else { self.material.family.prefill };
        match prefill {
            Prefill::Continues => {}
            Prefill::ContinuesTrimmed => {
                let text = last.content.iter_mut().rev().find_map(|block| match block {
                    Block::Text(text) => Some(text),
                    Block::Image(_)
                    | Block::Document(_)
                    | Block::Video(_)
                    | Block::ToolUse(_)
                    | Block::ToolResult(_)
                    | Block::GuardContent(_)
                    | Block::CachePoint(_)
                    | Block::ReasoningContent(_) => None,
                });
                if let Some(text) = text {
                    let trimmed = text.trim_end();
                    if trimmed.len() < text.len() {
                        *text = Cow::Owned(trimmed.to_owned());
                        self.notes.adjust(last_message);
                    }
                }
            }
            Prefill::Refused => {
                self.drafts.push(Draft::of_text(count, Speaker::User, CONTINUE));
                self.notes.adjust(last_message);
            }
        }
    }
}
