//! Results of calls: all of one turn's together, in the order of the calls, in front of anything else.

use std::borrow::Cow;

use chat::{Content, Field, Message, Result, ToolResult};

use super::{Builder, is_blank};
use crate::translate::media::is_text;
use crate::translate::pairs::CallAt;
use crate::translate::turns::point;
use crate::wire::request::{Block, CachePoint, ResultBlock, Speaker, ToolResultBlock};

/// What stands for a result that says nothing.
const EMPTY: &str = "(empty)";

/// What stands in front of documents that had to leave their result.
const HOISTED: &str = "Documents that the results above brought:";

/// What stands in a result that held nothing but such a document.
const SEE_BELOW: &str = "See the documents below.";

impl<'a> Builder<'a, '_> {
    /// Puts the results of the latest calls into the user's turn.
    pub(super) fn results(&mut self) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        let mut hoisted = Vec::new();
        for at in pending {
            self.result(at, &mut hoisted)?;
        }
        let index = self.drafts.last().map_or(0, |last| last.index);
        if !hoisted.is_empty() {
            let draft = self.draft(index, Speaker::User);
            draft.push(Block::Text(Cow::Borrowed(HOISTED)));
            for block in hoisted {
                draft.push(block);
            }
        }
        Ok(())
    }

    fn result(&mut self, at: CallAt, hoisted: &mut Vec<Block<'a>>) -> Result<()> {
        let pairs = self.material.pairs;
        let mut content = Vec::new();
        let mut failed = false;
        let mut cached = None;
        let mut first = None;
        let outside = hoisted.len();
        for &index in pairs.results(at) {
            let Some(Message::Tool(result)) = self.material.messages.get(index) else { continue };
            first = first.or(Some(index));
            failed |= self.failed(index, result);
            self.result_content(index, result, &mut content, hoisted)?;
            let wishes = result.content.iter().filter_map(|part| part.cache).chain(result.cache);
            for wish in wishes {
                // Inside a result no point may stand; behind it covers all the same.
                cached = point(wish, self.material.family.cache, self.notes).or(cached);
            }
        }
        if content.is_empty() {
            let text = if hoisted.len() > outside { SEE_BELOW } else { EMPTY };
            content.push(ResultBlock::Text(Cow::Borrowed(text)));
        }
        let status = failed.then_some("error");
        let block = ToolResultBlock { tool_use_id: pairs.id(at), content, status };
        self.push_result(first.unwrap_or_default(), block, cached);
        Ok(())
    }

    fn push_result(&mut self, index: usize, block: ToolResultBlock<'a>, cached: Option<CachePoint>) {
        let draft = self.draft(index, Speaker::User);
        draft.has_results = true;
        draft.push(Block::ToolResult(block));
        if let Some(point) = cached {
            draft.push(Block::CachePoint(point));
        }
    }

    fn failed(&mut self, index: usize, result: &ToolResult) -> bool {
        if result.is_error && !self.material.family.tools.status {
            self.notes.adjust(Field::Message(index));
            return false;
        }
        result.is_error
    }

    fn result_content(
        &mut self,
        index: usize,
        result: &'a ToolResult,
        content: &mut Vec<ResultBlock<'a>>,
        hoisted: &mut Vec<Block<'a>>,
    ) -> Result<()> {
        for (inner, part) in result.content.iter().enumerate() {
            let at = Field::Part(index, inner);
            match &part.content {
                Content::Text(text) if is_blank(text) => self.drop_blank(text, at),
                Content::Text(text) => content.push(ResultBlock::Text(Cow::Borrowed(text))),
                // A result has no place for text that only the guardrail judges.
                Content::Guarded(guarded) => {
                    self.notes.adjust(at);
                    if !is_blank(&guarded.text) {
                        content.push(ResultBlock::Text(Cow::Borrowed(&guarded.text)));
                    }
                }
                Content::Image(image) => content.push(ResultBlock::Image(self.shelf.image(image, &at)?)),
                Content::Video(video) => content.push(ResultBlock::Video(self.shelf.video(video, &at)?)),
                Content::Document(document) => {
                    let block = self.shelf.document(document, &at)?;
                    if self.material.family.tools.documents_in_results || is_text(document) {
                        content.push(ResultBlock::Document(block));
                    } else {
                        self.notes.adjust(at);
                        hoisted.push(Block::Document(block));
                    }
                }
            }
        }
        Ok(())
    }
}
