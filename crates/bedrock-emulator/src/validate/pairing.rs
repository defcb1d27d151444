//! Uses of tools and their results, which go together.

use std::collections::HashSet;

use crate::reply::Refusal;
use crate::request::{Block, Message, Request, Role};

/// Checks that every use of a tool has its result in the next turn, and every result its use in the one before.
pub(super) fn check(request: &Request) -> Result<(), Refusal> {
    let mut before: Vec<&str> = Vec::new();
    for (index, message) in request.messages.iter().enumerate() {
        sides(index, message)?;
        let results = if message.role == Role::User { ids(message, "toolResult") } else { Vec::new() };
        let place = format!("messages.{index}.content");
        if message.role == Role::User {
            results_of(&place, &before, &results)?;
            if !results.is_empty() && !request.family.beside_results {
                alone(message)?;
            }
        }
        before = ids(message, "toolUse");
        unique(&place, "toolUse", &before)?;
    }
    if before.is_empty() {
        return Ok(());
    }
    Err(missing(&format!("messages.{}.content", request.messages.len()), &before))
}

/// Uses are the assistant's, and results the user's; but what the service runs is both the assistant's.
fn sides(index: usize, message: &Message) -> Result<(), Refusal> {
    let wrong = match message.role {
        Role::User => message.of_kind("toolUse").next().map(|_| ("toolUse", "user")),
        Role::Assistant => {
            let results = message.of_kind("toolResult").filter_map(|block| block.member("toolUseId"));
            let served: Vec<&str> = served(message).collect();
            let strange = results.into_iter().find(|id| !served.contains(id));
            strange.map(|_| ("toolResult", "assistant"))
        }
    };
    wrong.map_or(Ok(()), |(kind, role)| {
        Err(Refusal::validation(format!(
            "The content of messages.{index} has a {kind} block, which the role {role} can't have. Remove the \
             {kind} block and try again."
        )))
    })
}

/// The ids of the uses that the service itself ran.
fn served(message: &Message) -> impl Iterator<Item = &str> {
    let served = |block: &&Block| block.member("type") == Some("server_tool_use");
    message.of_kind("toolUse").filter(served).filter_map(|block| block.member("toolUseId"))
}

fn ids<'a>(message: &'a Message, kind: &'static str) -> Vec<&'a str> {
    let served: Vec<&str> = served(message).collect();
    let ids = message.of_kind(kind).filter_map(|block| block.member("toolUseId"));
    ids.filter(|id| !served.contains(id)).collect()
}

fn results_of(place: &str, uses: &[&str], results: &[&str]) -> Result<(), Refusal> {
    if results.len() > uses.len() {
        return Err(Refusal::validation(format!(
            "The number of toolResult blocks at {place} exceeds the number of toolUse blocks of previous turn."
        )));
    }
    unique(place, "toolResult", results)?;
    let missed: Vec<&str> = uses.iter().copied().filter(|id| !results.contains(id)).collect();
    if missed.is_empty() { Ok(()) } else { Err(missing(place, &missed)) }
}

fn missing(place: &str, ids: &[&str]) -> Refusal {
    let ids = ids.join(", ");
    Refusal::validation(format!("Expected toolResult blocks at {place} for the following Ids: {ids}"))
}

fn unique(place: &str, kind: &str, ids: &[&str]) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    let twice: Vec<&str> = ids.iter().copied().filter(|id| !seen.insert(*id)).collect();
    if twice.is_empty() {
        return Ok(());
    }
    let ids = twice.join(", ");
    Err(Refusal::validation(format!("The {kind} blocks at {place} contain duplicate Ids: {ids}")))
}

/// Some families take nothing beside results.
fn alone(message: &Message) -> Result<(), Refusal> {
    let beside = |block: &Block| !matches!(block.kind.as_str(), "toolResult" | "cachePoint");
    if message.content.iter().any(beside) {
        return Err(Refusal::validation(
            "Conversation blocks and tool result blocks cannot be provided in the same turn.",
        ));
    }
    Ok(())
}
