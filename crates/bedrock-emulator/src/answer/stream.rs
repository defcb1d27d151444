//! Answers as events.

use serde_json::{Value, json};

use super::{Outcome, Said, account, text};
use crate::reply::request_id;
use crate::request::Request;
use crate::script::Reply;

/// The characters of a piece of a tool's input.
const FRAGMENT: usize = 12;

/// A whole answer, event by event.
pub(super) fn stream(request: &Request, outcome: &Outcome) -> Reply {
    let whole = Value::Array(outcome.blocks.iter().map(Said::block).collect());
    let mut reply = Reply::events()
        .header("x-amzn-RequestId", &request_id(&whole.to_string()))
        .event("messageStart", &json!({ "role": "assistant" }));
    for (index, block) in outcome.blocks.iter().enumerate() {
        if let Said::Use { id, name, .. } = block {
            let start = json!({ "toolUse": { "name": name, "toolUseId": id } });
            reply = reply.event("contentBlockStart", &json!({ "contentBlockIndex": index, "start": start }));
        }
        for delta in deltas(request, block) {
            reply = reply.event("contentBlockDelta", &json!({ "contentBlockIndex": index, "delta": delta }));
        }
        reply = reply.event("contentBlockStop", &json!({ "contentBlockIndex": index }));
    }
    reply
        .event("messageStop", &json!({ "stopReason": outcome.stop_reason }))
        .event("metadata", &Value::Object(account(request, outcome)))
}

fn deltas(request: &Request, block: &Said) -> Vec<Value> {
    match block {
        Said::Text(text) => text::pieces(text).map(|piece| json!({ "text": piece })).collect(),
        Said::Thought { text, signature } => {
            let texts = text::pieces(text).map(|piece| json!({ "reasoningContent": { "text": piece } }));
            let signature =
                signature.iter().map(|signature| json!({ "reasoningContent": { "signature": signature } }));
            texts.chain(signature).collect()
        }
        Said::Redacted(bytes) => vec![json!({ "reasoningContent": { "redactedContent": bytes } })],
        Said::Use { input, .. } => {
            let fragments = fragments(request, input);
            fragments.into_iter().map(|input| json!({ "toolUse": { "input": input } })).collect()
        }
    }
}

/// Nova sends a tool's input as a whole, others begin with nothing and go on in pieces.
fn fragments(request: &Request, input: &Value) -> Vec<String> {
    let input_text = input.to_string();
    if request.family.is_nova() {
        return vec![input_text];
    }
    let mut fragments = vec![String::new()];
    if input.as_object().is_some_and(|members| !members.is_empty()) {
        let characters: Vec<char> = input_text.chars().collect();
        fragments.extend(characters.chunks(FRAGMENT).map(|chunk| chunk.iter().collect::<String>()));
    }
    fragments
}
