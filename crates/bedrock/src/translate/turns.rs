//! One turn while it is put together.

use std::borrow::Cow;

use chat::{Cache, Field};

use super::notes::Notes;
use crate::family::PromptCache;
use crate::wire::request::{Block, CachePoint, Speaker, Turn};

/// A turn whose blocks are kept apart by kind, because their order is fixed: what a model thought comes before
/// what it said, and what it said before its calls.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    /// The message that began it.
    pub(super) index: usize,
    pub(super) role: Speaker,
    pub(super) reasoning: Vec<Block<'a>>,
    pub(super) content: Vec<Block<'a>>,
    pub(super) calls: Vec<Block<'a>>,
    /// Whether it brings results of calls.
    pub(super) has_results: bool,
    /// A cache point that may not stand behind a document, and waits for a text.
    waiting: Option<CachePoint>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(index: usize, role: Speaker) -> Self {
        Self {
            index,
            role,
            reasoning: Vec::new(),
            content: Vec::new(),
            calls: Vec::new(),
            has_results: false,
            waiting: None,
        }
    }

    /// Builds a turn of one text.
    pub(super) fn of_text(index: usize, role: Speaker, text: &'a str) -> Self {
        Self { content: vec![Block::Text(Cow::Borrowed(text))], ..Self::new(index, role) }
    }

    /// Adds a block, and the cache point that waited for it.
    pub(super) fn push(&mut self, block: Block<'a>) {
        let ends_wait = !is_document(&block);
        self.content.push(block);
        if let Some(point) = self.waiting.take_if(|_| ends_wait) {
            self.content.push(Block::CachePoint(point));
        }
    }

    /// Adds a cache point behind the content.
    pub(super) fn mark(&mut self, point: CachePoint, rule: PromptCache, notes: &mut Notes) {
        match self.content.last() {
            // There is nothing to cache.
            None => notes.adjust(Field::CacheControl),
            Some(Block::CachePoint(_)) => {}
            Some(last) if is_document(last) && !rule.behind_documents => self.waiting = Some(point),
            Some(_) => self.content.push(Block::CachePoint(point)),
        }
    }

    /// Adds a cache point behind the calls.
    pub(super) fn mark_calls(&mut self, point: CachePoint) {
        if !matches!(self.calls.last(), Some(Block::CachePoint(_))) {
            self.calls.push(Block::CachePoint(point));
        }
    }

    /// Adds a call. A cache point in front of it moves behind it, since calls stay together.
    pub(super) fn call(&mut self, block: Block<'a>) {
        let point = self.calls.pop_if(|last| matches!(last, Block::CachePoint(_)));
        self.calls.push(block);
        self.calls.extend(point);
    }

    /// Says whether the content holds a text.
    pub(super) fn has_text(&self) -> bool {
        self.content.iter().any(|block| matches!(block, Block::Text(_) | Block::GuardContent(_)))
    }

    /// Says whether the content holds a document.
    pub(super) fn has_document(&self) -> bool {
        self.content.iter().any(|block| matches!(block, Block::Document(_)))
    }

    /// Gives the turn as it is sent.
    pub(super) fn into_turn(self, notes: &mut Notes) -> Turn<'a> {
        if self.waiting.is_some() {
            notes.adjust(Field::CacheControl);
        }
        let mut content = self.reasoning;
        if content.is_empty() {
            content = self.content;
        } else {
            content.extend(self.content);
        }
        content.extend(self.calls);
        Turn { role: self.role, content }
    }
}

/// Says whether a block is one that some families let no cache point follow.
pub(super) fn is_document(block: &Block<'_>) -> bool {
    matches!(block, Block::Document(_) | Block::Video(_))
}

/// Translates a wish for a cache point; `None` where the family caches nothing.
pub(super) fn point(cache: Cache, rule: Option<PromptCache>, notes: &mut Notes) -> Option<CachePoint> {
    let Some(rule) = rule else {
        notes.ignore(Field::CacheControl);
        return None;
    };
    let ttl = match cache {
        Cache::Default => None,
        Cache::OneHour if rule.one_hour => Some("1h"),
        Cache::OneHour => {
            notes.adjust(Field::CacheControl);
            None
        }
    };
    Some(CachePoint { r#type: "default", ttl })
}
