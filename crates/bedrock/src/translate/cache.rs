//! Cache points: where they are placed of our own accord, and how many there may be.

use chat::Field;

use super::notes::Notes;
use super::turns::is_document;
use crate::family::PromptCache;
use crate::wire::request::{Block, Body, CachePoint, Speaker, SystemBlock, Tool};

/// The most points that a request may have.
const MOST: usize = 4;

/// Places points behind the tools, the instructions and the last turn of the user, unless the client placed any.
pub(super) fn place(body: &mut Body<'_>, rule: PromptCache) {
    if count(body) > 0 {
        return;
    }
    let point = CachePoint { r#type: "default", ttl: None };
    if let Some(config) = body.tool_config.as_mut().filter(|_| rule.in_tools) {
        config.tools.push(Tool::CachePoint(point));
    }
    if !body.system.is_empty() {
        body.system.push(SystemBlock::CachePoint(point));
    }
    let last = body.messages.iter_mut().rev().find(|turn| turn.role == Speaker::User);
    if let Some(turn) = last {
        let stands = turn.content.last().is_some_and(|block| rule.behind_documents || !is_document(block));
        if stands {
            turn.content.push(Block::CachePoint(point));
        }
    }
}

/// Takes out the earliest points where there are too many: the later ones cover what they covered.
pub(super) fn limit(body: &mut Body<'_>, notes: &mut Notes) {
    let mut surplus = count(body).saturating_sub(MOST);
    if surplus == 0 {
        return;
    }
    notes.adjust(Field::CacheControl);
    let mut stays = |is_point: bool| {
        let goes = is_point && surplus > 0;
        surplus = surplus.saturating_sub(usize::from(goes));
        !goes
    };
    if let Some(config) = &mut body.tool_config {
        config.tools.retain(|tool| stays(matches!(tool, Tool::CachePoint(_))));
    }
    body.system.retain(|block| stays(matches!(block, SystemBlock::CachePoint(_))));
    for turn in &mut body.messages {
        turn.content.retain(|block| stays(matches!(block, Block::CachePoint(_))));
    }
}

fn count(body: &Body<'_>) -> usize {
    let tools = body.tool_config.iter().flat_map(|config| &config.tools);
    let tools = tools.filter(|tool| matches!(tool, Tool::CachePoint(_))).count();
    let system = body.system.iter().filter(|block| matches!(block, SystemBlock::CachePoint(_))).count();
    let blocks = body.messages.iter().flat_map(|turn| &turn.content);
    let turns = blocks.filter(|block| matches!(block, Block::CachePoint(_))).count();
    tools + system + turns
}
