//! What the emulated model thinks before it answers.

use serde_json::Value;

use super::Said;
use crate::family::{Maker, Thinks};
use crate::request::Request;
use crate::seal;

/// The word of a prompt by which a thought is hidden.
const HIDING: &str = "redact";

/// What Nova shows of its thoughts.
const NOVA: &str = "[REDACTED]";

/// The most characters of a prompt that are thought of.
const CONSIDERED: usize = 60;

/// The thought of an answer, where the model thinks.
pub(super) fn of(request: &Request, uses: &[Said]) -> Option<Said> {
    if !thinks(request) {
        return None;
    }
    let prompt = request.last_text();
    if request.family.maker == Maker::Nova2 {
        return Some(Said::Thought { text: NOVA.to_owned(), signature: None });
    }
    let considered: String = prompt.chars().take(CONSIDERED).collect();
    let plan = match names(uses) {
        names if names.is_empty() => "I answer at once.".to_owned(),
        names => format!("I call {}.", names.join(" and ")),
    };
    let text = format!("The user says: {considered} {plan}");
    if !request.family.is_claude() {
        return Some(Said::Thought { text, signature: None });
    }
    if prompt.to_lowercase().contains(HIDING) {
        return Some(Said::Redacted(seal::redacted(&prompt)));
    }
    let signature = Some(seal::signature(&text));
    Some(Said::Thought { text, signature })
}

/// What Nova says before it calls tools.
pub(super) fn aloud(uses: &[Said]) -> String {
    format!("<thinking> I need the result of {}.</thinking>\n", names(uses).join(" and "))
}

fn names(uses: &[Said]) -> Vec<&str> {
    let mut names = Vec::new();
    for said in uses {
        if let Said::Use { name, .. } = said
            && !names.contains(&name.as_str())
        {
            names.push(name.as_str());
        }
    }
    names
}

fn thinks(request: &Request) -> bool {
    match request.family.thinks {
        Thinks::Never => false,
        Thinks::Always => true,
        Thinks::WhenAsked => is_asked(request),
    }
}

fn is_asked(request: &Request) -> bool {
    let kind = |name: &str| request.fields.get(name)?.get("type")?.as_str();
    match request.family.maker {
        Maker::Claude(..) => matches!(kind("thinking"), Some("enabled" | "adaptive")),
        Maker::Nova | Maker::Nova2 => kind("reasoningConfig") == Some("enabled"),
        Maker::Moonshot | Maker::Other => {
            let field = |name: &str| {
                request.fields.get(name).is_some_and(|value| value != "none" && *value != Value::Null)
            };
            request.effort.is_some() || field("reasoning_effort") || field("reasoning_config")
        }
    }
}
