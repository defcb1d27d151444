//! What stands in `additionalModelRequestFields` and `requestMetadata`.

use std::borrow::Cow;

use chat::{Field, JsonObject, Request};
use serde_json::{Value, json};

use super::notes::Notes;
use super::reasoning::Plan;
use crate::family::{Family, TopK};

/// The previews that Bedrock takes for Claude. An unknown one is refused, and the request with it.
const BETAS: &[&str] = &[
    "computer-use-2024-10-22",
    "computer-use-2025-01-24",
    "computer-use-2025-11-24",
    "context-1m-2025-08-07",
    "context-management-2025-06-27",
    "dev-full-thinking-2025-05-14",
    "effort-2025-11-24",
    "fine-grained-tool-streaming-2025-05-14",
    "interleaved-thinking-2025-05-14",
    "output-128k-2025-02-19",
    "token-efficient-tools-2025-02-19",
    "tool-examples-2025-10-29",
    "tool-search-tool-2025-10-19",
];

/// The most pairs that the invocation log takes with a call.
const MOST_METADATA: usize = 16;

/// The longest key and value.
const LONGEST_METADATA: usize = 256;

/// What the tools of a request come to, as far as these fields depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offered {
    /// None, or none that may be called.
    Nothing,
    /// Tools, with the choice left out.
    WithoutChoice,
    /// Tools and a choice.
    WithChoice,
}

/// Puts our own fields among the client's; ours win over fields of the same name.
pub(super) fn additional<'a>(
    request: &'a Request,
    top_k: Option<(TopK, u32)>,
    thinking: &Plan,
    others: JsonObject,
) -> Option<Cow<'a, JsonObject>> {
    let mut ours = thinking.fields.clone();
    ours.extend(others);
    match top_k {
        None | Some((TopK::None, _)) => {}
        Some((TopK::TopK, value)) => drop(ours.insert("top_k".into(), value.into())),
        Some((TopK::K, value)) => drop(ours.insert("k".into(), value.into())),
        Some((TopK::InferenceConfig, value)) => {
            ours.insert("inferenceConfig".into(), json!({ "topK": value }));
        }
    }
    let fields = request.additional_fields.as_ref();
    if ours.is_empty() && !thinking.drops_own {
        return fields.map(Cow::Borrowed);
    }
    let mut merged = fields.cloned().unwrap_or_default();
    if thinking.drops_own {
        merged.shift_remove(THINKING);
    }
    merge(&mut merged, ours);
    (!merged.is_empty()).then_some(Cow::Owned(merged))
}

/// Claude's own field for thinking.
const THINKING: &str = "thinking";

/// Fields whose members make sense together only: ours replace the client's as a whole.
const WHOLE: &[&str] = &[THINKING, "tool_choice", "reasoningConfig"];

fn merge(into: &mut JsonObject, from: JsonObject) {
    for (key, value) in from {
        let is_whole = WHOLE.contains(&key.as_str());
        match (into.get_mut(&key), value) {
            (Some(Value::Object(into)), Value::Object(from)) if !is_whole => merge(into, from),
            (_, value) => drop(into.insert(key, value)),
        }
    }
}

/// The fields that only Claude knows: its own choice of tools, and the previews that the client asks for.
pub(super) fn anthropic(
    request: &Request,
    family: &Family,
    offered: Offered,
    notes: &mut Notes,
) -> JsonObject {
    let mut fields = JsonObject::new();
    if request.parallel_tool_calls == Some(false) {
        match (family.anthropic, offered) {
            (_, Offered::Nothing) => {}
            (false, Offered::WithoutChoice | Offered::WithChoice) => notes.ignore(Field::ParallelToolCalls),
            // The type is wanted where Converse gives no choice, and refused where it does.
            (true, Offered::WithoutChoice) => {
                let choice = json!({ "type": "auto", "disable_parallel_tool_use": true });
                fields.insert("tool_choice".into(), choice);
            }
            (true, Offered::WithChoice) => {
                fields.insert("tool_choice".into(), json!({ "disable_parallel_tool_use": true }));
            }
        }
    }
    let known = |beta: &&String| family.anthropic && BETAS.contains(&beta.as_str());
    let mut betas: Vec<&str> = request.betas.iter().filter(known).map(String::as_str).collect();
    if request.betas.iter().any(|beta| !known(&beta)) {
        notes.ignore(Field::Betas);
    }
    if !betas.is_empty() {
        let own = request.additional_fields.as_ref().and_then(|fields| fields.get("anthropic_beta"));
        let own = own.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        betas.splice(0..0, own);
        let mut unique: Vec<&str> = Vec::with_capacity(betas.len());
        for beta in betas {
            if !unique.contains(&beta) {
                unique.push(beta);
            }
        }
        fields.insert("anthropic_beta".into(), unique.into());
    }
    fields
}

/// The pairs that the invocation log takes.
pub(super) fn metadata<'a>(request: &'a Request, notes: &mut Notes) -> Vec<(&'a str, &'a str)> {
    let mut pairs: Vec<(&str, &str)> = Vec::with_capacity(request.metadata.len());
    for (key, value) in &request.metadata {
        let fits = !key.is_empty() && is_loggable(key) && is_loggable(value);
        let is_new = pairs.iter().all(|(other, _)| other != key);
        if fits && is_new && pairs.len() < MOST_METADATA {
            pairs.push((key, value));
        } else {
            notes.ignore(Field::Metadata(key.clone()));
        }
    }
    pairs
}

fn is_loggable(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || ":_@$#=/+,-.".contains(c);
    text.chars().count() <= LONGEST_METADATA && text.chars().all(allowed)
}
