//! What prompts were seen before, up to their cache points.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use crate::answer::tokens;
use crate::request::{Block, Request};
use crate::seal;

/// The fewest tokens that are kept.
const SMALLEST: usize = 1000;

/// The most prompts that are remembered.
const MOST: usize = 1000;

/// The prompts so far; the oldest go first.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    seen: HashMap<[u8; 32], usize>,
    order: VecDeque<[u8; 32]>,
}

/// Claude finds a prompt that was kept so many blocks before a cache point, too. Source: AWS's guide to
/// [prompt caching](https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html).
const LOOK_BACK: usize = 20;

/// How the tokens of a prompt are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) input: usize,
    pub(crate) read: usize,
    pub(crate) written: usize,
    /// Whether there is any cache point.
    pub(crate) asked: bool,
}

impl Cache {
    fn remember(&mut self, key: [u8; 32], tokens: usize) {
        if self.seen.insert(key, tokens).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > MOST {
            if let Some(oldest) = self.order.pop_front() {
                self.seen.remove(&oldest);
            }
        }
    }

    /// Counts a prompt, and remembers it up to each of its cache points.
    pub(crate) fn count(&mut self, model_id: &str, request: &Request) -> Counted {
        let mut prefix = Prefix::new(model_id);
        for tool in &request.tool_list {
            match tool.get("toolSpec") {
                Some(_) => prefix.add(&tool.to_string(), tokens(&tool.to_string())),
                None => prefix.point_or(tool),
            }
        }
        for block in &request.system {
            prefix.block(block);
        }
        for message in &request.messages {
            prefix.add(&format!("{:?}", message.role), 3);
            for block in &message.content {
                prefix.block(block);
            }
        }
        let reach = if model_id.contains("anthropic.") { LOOK_BACK } else { 1 };
        let worth: Vec<&[Step]> = prefix
            .points
            .iter()
            .filter_map(|point| prefix.steps.get(..*point))
            .filter(|steps| steps.last().is_some_and(|(_, tokens)| *tokens >= SMALLEST))
            .collect();
        let known =
            |steps: &&[Step]| steps.iter().rev().take(reach).find_map(|(key, _)| self.seen.get(key).copied());
        let read = worth.iter().rev().find_map(known).unwrap_or(0);
        let kept: Vec<Step> = worth.iter().filter_map(|steps| steps.last().copied()).collect();
        let last = kept.last().map_or(0, |(_, tokens)| *tokens);
        for (key, tokens) in kept {
            self.remember(key, tokens);
        }
        let written = last.saturating_sub(read);
        Counted {
            input: prefix.tokens.saturating_sub(read + written),
            read,
            written,
            asked: !prefix.points.is_empty(),
        }
    }
}

/// A prompt up to some block, by its fingerprint, and its tokens.
type Step = ([u8; 32], usize);

/// A prompt up to some block.
struct Prefix {
    key: [u8; 32],
    tokens: usize,
    /// The prompt up to each of its blocks.
    steps: Vec<Step>,
    /// How many steps come before each cache point.
    points: Vec<usize>,
}

impl Prefix {
    fn new(model_id: &str) -> Self {
        Self { key: seal::fingerprint(model_id), tokens: 0, steps: Vec::new(), points: Vec::new() }
    }

    fn add(&mut self, text: &str, tokens: usize) {
        self.key = seal::fingerprint(&format!("{:?} {text}", self.key));
        self.tokens += tokens;
        self.steps.push((self.key, self.tokens));
    }

    fn point_or(&mut self, tool: &Value) {
        if tool.get("cachePoint").is_some_and(|point| !point.is_null()) {
            self.points.push(self.steps.len());
        } else {
            self.add(&tool.to_string(), 0);
        }
    }

    fn block(&mut self, block: &Block) {
        if block.kind == "cachePoint" {
            self.points.push(self.steps.len());
            return;
        }
        let tokens = match (block.kind.as_str(), &block.text) {
            (_, Some(text)) => tokens(text),
            ("toolUse" | "toolResult" | "reasoningContent", None) => tokens(&block.value.to_string()),
            // About what a picture costs.
            ("image" | "document" | "video" | "audio", None) => 230,
            _ => 0,
        };
        self.add(&format!("{} {}", block.kind, block.value), tokens);
    }
}
