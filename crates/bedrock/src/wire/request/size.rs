//! How long a body will be, about: memory that grows while it is written is copied again and again.

use super::{Block, Body, GuardBlock, MediaBlock, ReasoningBlock, ResultBlock, Source, SystemBlock, Tool};

/// What stands around the text of a block or a tool.
const AROUND: usize = 96;

/// The rest of a body.
const REST: usize = 512;

impl Body<'_> {
    /// Guesses the length in bytes, with some room for escapes.
    pub(crate) fn size_hint(&self) -> usize {
        let blocks = self.messages.iter().flat_map(|turn| &turn.content).map(of_block);
        let system = self.system.iter().map(|block| match block {
            SystemBlock::Text(text) => text.len(),
            SystemBlock::GuardContent(guard) => of_guard(guard),
            SystemBlock::CachePoint(_) => 0,
        });
        let tools = self.tool_config.iter().flat_map(|config| &config.tools).map(|tool| match tool {
            Tool::ToolSpec(tool) => {
                tool.input_schema.json.get().len().saturating_add(tool.description.map_or(0, str::len))
            }
            Tool::SystemTool(_) | Tool::CachePoint(_) => 0,
        });
        let parts = blocks.chain(system).chain(tools).map(|part| part.saturating_add(AROUND));
        let sum = parts.fold(REST, usize::saturating_add);
        sum.saturating_add(sum / 16)
    }
}

fn of_block(block: &Block<'_>) -> usize {
    match block {
        Block::Text(text) => text.len(),
        Block::Image(media) | Block::Video(media) => of_media(media),
        Block::Document(document) => of_source(&document.source),
        Block::ToolUse(call) => call.input.get().len().saturating_add(AROUND),
        Block::ToolResult(result) => result.content.iter().map(of_result).fold(AROUND, usize::saturating_add),
        Block::GuardContent(guard) => of_guard(guard),
        Block::CachePoint(_) => 0,
        Block::ReasoningContent(ReasoningBlock::ReasoningText(text)) => {
            text.text.len().saturating_add(text.signature.len())
        }
        Block::ReasoningContent(ReasoningBlock::RedactedContent(data)) => data.len(),
    }
}

fn of_result(block: &ResultBlock<'_>) -> usize {
    match block {
        ResultBlock::Text(text) => text.len(),
        ResultBlock::Image(media) | ResultBlock::Video(media) => of_media(media),
        ResultBlock::Document(document) => of_source(&document.source),
    }
}

fn of_guard(guard: &GuardBlock<'_>) -> usize {
    guard.text.text.len()
}

fn of_media(media: &MediaBlock<'_>) -> usize {
    of_source(&media.source)
}

fn of_source(source: &Source<'_>) -> usize {
    match source {
        Source::Bytes(data) => data.len(),
        Source::S3Location(location) => location.uri.len(),
    }
}
