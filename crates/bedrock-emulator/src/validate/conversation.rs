//! The rules of a conversation.

use super::model_fields::may_start_as_assistant;
use crate::reply::Refusal;
use crate::request::{Message, Request, Role};
use crate::service::Call;

const STARTS_WITH_USER: &str = "A conversation must start with a user message. Try again with a conversation that \
                                starts with a user message.";
const ALTERNATES: &str = "A conversation must alternate between user and assistant roles. Make sure the conversation \
                          alternates between user and assistant roles and try again.";

/// Checks who speaks when, and that everybody says something.
pub(super) fn check(call: &Call, base: &str, request: &Request) -> Result<(), Refusal> {
    for (index, block) in request.system.iter().enumerate() {
        if is_blank(block.text.as_deref()) {
            return Err(blank("SystemContentBlock", &format!("system.{index}")));
        }
    }
    for (index, message) in request.messages.iter().enumerate() {
        content(request, index, message)?;
    }
    match request.messages.first() {
        Some(first) if first.role == Role::Assistant && !may_start_as_assistant(base) => {
            return Err(Refusal::validation(STARTS_WITH_USER));
        }
        // A managed prompt brings its own messages.
        None if !call.model_id.contains(":prompt/") => return Err(Refusal::validation(STARTS_WITH_USER)),
        Some(_) | None => {}
    }
    let neighbours = request.messages.iter().zip(request.messages.iter().skip(1));
    if neighbours.into_iter().any(|(message, next)| message.role == next.role) {
        return Err(Refusal::validation(ALTERNATES));
    }
    Ok(())
}

fn content(request: &Request, index: usize, message: &Message) -> Result<(), Refusal> {
    if message.content.is_empty() {
        return Err(Refusal::validation(format!(
            "The content field in the Message object at messages.{index} is empty. Add a ContentBlock object to the \
             content field and try again."
        )));
    }
    let mut before = "";
    for (position, block) in message.content.iter().enumerate() {
        // Claude takes a line's end after a document.
        let allowed = request.family.is_claude() && before == "document" && block.text.as_deref() != Some("");
        before = &block.kind;
        if is_blank(block.text.as_deref()) && !allowed {
            return Err(blank("ContentBlock", &format!("messages.{index}.content.{position}")));
        }
    }
    let has = |kind: &str| message.content.iter().any(|block| block.kind == kind);
    if message.role == Role::User && has("document") && !has("text") {
        return Err(Refusal::validation("A text block must be included when using documents."));
    }
    Ok(())
}

fn is_blank(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.trim().is_empty())
}

fn blank(union: &str, path: &str) -> Refusal {
    Refusal::validation(format!(
        "The text field in the {union} object at {path} is blank. Add text to the text field, and try again."
    ))
}
