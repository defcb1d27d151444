//! Names of tools and ids of calls, as the wire takes them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use chat::{Message, Request, ToolChoice};

use crate::family::ToolNames;

/// The longest name and the longest id.
const LONGEST: usize = 64;

/// The names of one request's tools. Nothing outlives the request: one client's names are no other's business.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    /// What could not stay as it is, and what stands for it.
    changed: HashMap<&'a str, String>,
    /// Every name on the wire.
    taken: HashSet<String>,
}

impl<'a> Names<'a> {
    /// Gathers the names of the tools and of the calls in the conversation.
    pub(super) fn of(request: &'a Request, rule: ToolNames) -> Self {
        let mut names = Self::default();
        let all = || {
            let tools = request.tools.iter().map(|tool| tool.name.as_str());
            let calls = request.messages.iter().flat_map(calls_of);
            let named = request.tool_choice.iter().filter_map(|choice| match choice {
                ToolChoice::Named(name) => Some(name.as_str()),
                ToolChoice::Auto | ToolChoice::None | ToolChoice::Required => None,
            });
            tools.chain(calls).chain(named)
        };
        // What is right as it is keeps its name, wherever it stands.
        names.taken.extend(all().filter(|name| is_right(name, rule)).map(ToOwned::to_owned));
        for name in all().filter(|name| !is_right(name, rule)) {
            if !names.changed.contains_key(name) {
                let wire = names.unique(&repaired(name, rule), name);
                names.taken.insert(wire.clone());
                names.changed.insert(name, wire);
            }
        }
        names
    }

    /// Gives the name on the wire.
    pub(super) fn wire<'s>(&'s self, name: &'s str) -> &'s str {
        self.changed.get(name).map_or(name, String::as_str)
    }

    /// Takes a name for a tool of our own.
    pub(super) fn own(&self, name: &str) -> String {
        self.unique(name, name)
    }

    /// Gives the way back, where there is any to go.
    pub(super) fn restored(&self) -> HashMap<String, String> {
        self.changed.iter().map(|(name, wire)| (wire.clone(), (*name).to_owned())).collect()
    }

    fn unique(&self, candidate: &str, origin: &str) -> String {
        let mut unique = candidate.to_owned();
        let mut salt = 0_u32;
        while self.taken.contains(&unique) {
            unique = with_hash(candidate, &format!("{salt}{origin}"));
            salt = salt.saturating_add(1);
        }
        unique
    }
}

fn calls_of(message: &Message) -> impl Iterator<Item = &str> {
    let calls = match message {
        Message::Assistant(assistant) => assistant.tool_calls.as_slice(),
        Message::System(_) | Message::User(_) | Message::Tool(_) => &[],
    };
    calls.iter().map(|call| call.name.as_str())
}

fn is_right(name: &str, rule: ToolNames) -> bool {
    let first = name.chars().next();
    let begins_right = match rule {
        ToolNames::Any => first.is_some(),
        ToolNames::Identifier => first.is_some_and(|c| c.is_ascii_alphabetic()),
    };
    begins_right && name.len() <= LONGEST && name.chars().all(|c| may_stand(c, rule))
}

fn may_stand(c: char, rule: ToolNames) -> bool {
    match rule {
        ToolNames::Any => c.is_ascii_alphanumeric() || c == '_' || c == '-',
        ToolNames::Identifier => c.is_ascii_alphanumeric() || c == '_',
    }
}

fn repaired(name: &str, rule: ToolNames) -> String {
    let mut repaired: String = name.chars().map(|c| if may_stand(c, rule) { c } else { '_' }).collect();
    let begins_right = repaired.starts_with(|c: char| c.is_ascii_alphabetic());
    if repaired.is_empty() || rule == ToolNames::Identifier && !begins_right {
        repaired.insert_str(0, "t_");
    }
    if repaired.len() > LONGEST { with_hash(&repaired, name) } else { repaired }
}

/// Gives an id that the wire takes: the same for a call and its result.
pub(super) fn wire_id(id: &str) -> Cow<'_, str> {
    let may_stand = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-');
    if !id.is_empty() && id.len() <= LONGEST && id.chars().all(may_stand) {
        return Cow::Borrowed(id);
    }
    let repaired: String = id.chars().map(|c| if may_stand(c) { c } else { '_' }).collect();
    Cow::Owned(with_hash(&repaired, id))
}

/// Numbers an id that was seen before; what gets too long keeps its end apart by a hash.
pub(super) fn numbered_id(id: &str, number: usize) -> String {
    let numbered = format!("{id}_{number}");
    if numbered.len() <= LONGEST { numbered } else { with_hash(id, &numbered) }
}

/// Cuts a text of plain letters and puts the hash of another behind it.
fn with_hash(text: &str, origin: &str) -> String {
    let hash = format!("_{:08x}", fnv(origin));
    let head: String = text.chars().take(LONGEST.saturating_sub(hash.len())).collect();
    head + &hash
}

/// FNV-1a: the standard library's hasher may change from release to release, and these names may not.
fn fnv(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_the_wire_refuses_get_a_hash() {
        assert_eq!(wire_id("call_1.a:b-c"), "call_1.a:b-c");
        let odd = wire_id("call|1").into_owned();
        assert!(odd.starts_with("call_1_") && odd.len() == "call_1_".len() + 8, "{odd}");
        assert_ne!(wire_id("call|1"), wire_id("call/1"));
        assert_eq!(wire_id(&"x".repeat(65)).len(), LONGEST);
        assert_eq!(wire_id("").len(), 9);
        assert!(numbered_id(&"x".repeat(63), 2).len() <= LONGEST);
    }

    #[test]
    fn names_are_repaired_by_the_rule_of_the_family() {
        assert_eq!(repaired("get-weather", ToolNames::Identifier), "get_weather");
        assert_eq!(repaired("2fa", ToolNames::Identifier), "t_2fa");
        assert_eq!(repaired("a.b/c", ToolNames::Any), "a_b_c");
        assert_eq!(repaired(&"n".repeat(80), ToolNames::Any).len(), LONGEST);
        assert!(is_right("get-weather", ToolNames::Any) && !is_right("get-weather", ToolNames::Identifier));
    }
}
