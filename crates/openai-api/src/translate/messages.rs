//! The messages of a conversation.

use std::collections::{HashMap, HashSet};

use chat::{Assistant, Cache, Message, Part, Reasoning, ToolCall, ToolResult};

use super::arguments;
use super::parts::parts;
use super::refusal::{filled, invalid, missing, unsupported, unsupported_value};
use crate::error::ApiError;
use crate::text::shorten;
use crate::wire::{self, CalledFunction, Ignored, ThinkingBlock, WireRole};

/// Translates messages in their order, with what later ones need to know of earlier ones.
#[derive(Debug)]
pub(super) struct Conversation<'a> {
    pub(super) messages: Vec<Message>,
    /// The latest call of each name.
    latest: HashMap<String, String>,
    /// The calls that became several because their arguments were several objects, and the ids of the others.
    split: HashMap<String, Vec<String>>,
    ignored: &'a mut Ignored,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(ignored: &'a mut Ignored) -> Self {
        Self { messages: Vec::new(), latest: HashMap::new(), split: HashMap::new(), ignored }
    }

    /// Adds the message at `index` of the request.
    pub(super) fn push(&mut self, index: usize, mut message: wire::Message) -> Result<(), ApiError> {
        let at = |member: &str| format!("messages[{index}].{member}");
        if let Some(name) = message.refused {
            return Err(unsupported(at(name)));
        }
        match message.role {
            WireRole::System | WireRole::Developer => {
                let content = spoken(message, index)?;
                self.messages.push(Message::System(content));
            }
            WireRole::User => {
                let content = spoken(message, index)?;
                self.messages.push(Message::User(content));
            }
            WireRole::Assistant => self.assistant(index, message)?,
            WireRole::Tool => {
                let id = filled(message.tool_call_id.take(), || at("tool_call_id"))?;
                self.result(id, index, message)?;
            }
            WireRole::Function => {
                let name = filled(message.name.take(), || at("name"))?;
                let Some(id) = self.latest.get(&name).cloned() else {
                    let why = format!("no earlier message calls the function `{}`", shorten(&name));
                    return Err(invalid(at("name"), &why));
                };
                self.result(id, index, message)?;
            }
        }
        Ok(())
    }

    fn assistant(&mut self, index: usize, message: wire::Message) -> Result<(), ApiError> {
        let reasoning = message.thinking.into_iter().enumerate();
        let reasoning = reasoning
            .map(|(block, thinking)| {
                thought(thinking, &format!("messages[{index}].thinking_blocks[{block}]"))
            })
            .collect::<Result<_, _>>()?;
        let mut content = parts(message.content, index, message.role)?;
        // An assistant that refused has said so, and as a rule nothing else.
        let says_nothing =
            content.iter().all(|part| part.as_text().is_some_and(|text| text.trim().is_empty()));
        match message.refusal.filter(|refusal| !refusal.trim().is_empty()) {
            Some(refusal) if says_nothing => content = vec![Part::text(refusal)],
            Some(_) => self.ignored.add("messages[].refusal"),
            None => {}
        }
        let mut tool_calls = self.calls(index, message.tool_calls, message.function_call)?;
        if let Some(cache) = message.cache {
            let call = tool_calls.last_mut().map(|call| &mut call.cache);
            match call.or_else(|| content.last_mut().map(|part| &mut part.cache)) {
                Some(place) => *place = place.or(Some(cache)),
                None => self.ignored.add("messages[].cache_control"),
            }
        }
        self.messages.push(Message::Assistant(Assistant { reasoning, content, tool_calls }));
        Ok(())
    }

    /// Translates the calls of an assistant, of which it has tools' or one function's.
    fn calls(
        &mut self,
        index: usize,
        calls: Vec<wire::ToolCall>,
        function: Option<CalledFunction>,
    ) -> Result<Vec<ToolCall>, ApiError> {
        let mut found = Vec::with_capacity(calls.len());
        for id in calls.iter().filter_map(|call| call.id.as_ref()) {
            self.split.remove(id);
        }
        let mut taken: HashSet<String> = calls.iter().filter_map(|call| call.id.clone()).collect();
        if let Some(function) = function {
            let at = format!("messages[{index}].function_call");
            if !calls.is_empty() {
                return Err(invalid(at, "it cannot stand beside 'tool_calls'"));
            }
            let id = format!("call_function_{index}");
            self.call(function, Named { id, at: &at, cache: None }, &mut taken, &mut found)?;
        }
        for (position, call) in calls.into_iter().enumerate() {
            let at = format!("messages[{index}].tool_calls[{position}]");
            if let Some(kind) = call.kind.filter(|kind| kind != "function") {
                let param = format!("{at}.type");
                let what = format!("'{param}' of `{}`", shorten(&kind));
                return Err(unsupported_value(param, &what));
            }
            let id = filled(call.id, || format!("{at}.id"))?;
            let at = format!("{at}.function");
            let function = call.function.ok_or_else(|| missing(at.clone()))?;
            self.call(function, Named { id, at: &at, cache: call.cache }, &mut taken, &mut found)?;
        }
        Ok(found)
    }

    /// Adds a call, or as many as its arguments are.
    fn call(
        &mut self,
        function: CalledFunction,
        Named { id, at, cache }: Named<'_>,
        taken: &mut HashSet<String>,
        found: &mut Vec<ToolCall>,
    ) -> Result<(), ApiError> {
        let name = filled(function.name, || format!("{at}.name"))?;
        let objects =
            arguments::read(function.arguments).map_err(|why| invalid(format!("{at}.arguments"), &why))?;
        self.latest.insert(name.clone(), id.clone());
        let mut number = 1;
        let mut ids = vec![id.clone()];
        while ids.len() < objects.len() {
            number += 1;
            let next = format!("{id}_{number}");
            if taken.insert(next.clone()) {
                ids.push(next);
            }
        }
        let last = objects.len().saturating_sub(1);
        for (position, (id, arguments)) in ids.iter().cloned().zip(objects).enumerate() {
            let cache = cache.filter(|_| position == last);
            found.push(ToolCall { id, name: name.clone(), arguments, cache });
        }
        let others = ids.split_off(1);
        if !others.is_empty() {
            self.split.insert(id, others);
        }
        Ok(())
    }

    /// Adds the result of a call, once more for each call that it became.
    fn result(&mut self, call_id: String, index: usize, message: wire::Message) -> Result<(), ApiError> {
        let mut content = parts(message.content, index, message.role)?;
        // There are no points within a result; the one after it covers all that it holds.
        let within = content.iter_mut().filter_map(|part| part.cache.take()).last();
        let cache = message.cache.or(within);
        // A second result of the same call is the provider's affair.
        let others = self.split.remove(&call_id).unwrap_or_default();
        let mut result = ToolResult { call_id, content, is_error: message.failed, cache: None };
        for call_id in others {
            let next = ToolResult { call_id, ..result.clone() };
            self.messages.push(Message::Tool(std::mem::replace(&mut result, next)));
        }
        self.messages.push(Message::Tool(ToolResult { cache, ..result }));
        Ok(())
    }
}

/// A call's id, the path of its function, and whether it is worth caching.
struct Named<'a> {
    id: String,
    at: &'a str,
    cache: Option<Cache>,
}

/// The content of a message that must have some.
fn spoken(message: wire::Message, index: usize) -> Result<Vec<Part>, ApiError> {
    let mut content = parts(message.content, index, message.role)?;
    let Some(last) = content.last_mut() else {
        let param = format!("messages[{index}].content");
        return Err(invalid(param, "expected a string or a non-empty array of content parts"));
    };
    last.cache = last.cache.or(message.cache);
    Ok(content)
}

fn thought(block: ThinkingBlock, at: &str) -> Result<Reasoning, ApiError> {
    match block.kind.as_deref() {
        Some("thinking") if block.thinking.is_none() && block.signature.is_none() => {
            Err(missing(format!("{at}.thinking")))
        }
        Some("thinking") => Ok(Reasoning::Thinking {
            text: block.thinking.unwrap_or_default(),
            signature: block.signature.filter(|signature| !signature.is_empty()),
        }),
        Some("redacted_thinking") => Ok(Reasoning::Redacted(filled(block.data, || format!("{at}.data"))?)),
        Some(kind) => {
            let param = format!("{at}.type");
            let what = format!("'{param}' of `{}`", shorten(kind));
            Err(unsupported_value(param, &what))
        }
        None => Err(missing(format!("{at}.type"))),
    }
}
