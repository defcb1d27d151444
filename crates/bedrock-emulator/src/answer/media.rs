//! What the emulated model sees of pictures, documents and films.

use crate::request::{Block, Message};

/// Says what a turn brings beside its words, such as `one png image`; results of tools are looked into.
pub(super) fn seen(message: &Message) -> Vec<String> {
    let mut kinds: Vec<(String, usize)> = Vec::new();
    let mut note = |what: String| match kinds.iter_mut().find(|(kind, _)| *kind == what) {
        Some((_, count)) => *count += 1,
        None => kinds.push((what, 1)),
    };
    for block in &message.content {
        if block.kind == "toolResult" {
            block.inside().iter().filter_map(what).for_each(&mut note);
        } else {
            what(block).into_iter().for_each(&mut note);
        }
    }
    kinds.into_iter().map(|(kind, count)| counted(&kind, count)).collect()
}

fn what(block: &Block) -> Option<String> {
    let format = block.member("format").unwrap_or("plain");
    match block.kind.as_str() {
        "image" | "video" | "audio" => Some(format!("{format} {}", block.kind)),
        "document" => Some(format!("{format} document named {}", block.member("name").unwrap_or_default())),
        _ => None,
    }
}

fn counted(kind: &str, count: usize) -> String {
    match count {
        1 if kind.contains(" document named ") => format!("a {kind}"),
        1 => format!("one {kind}"),
        _ if kind.ends_with(" image") => format!("{count} {kind}s"),
        _ => format!("{count} times {kind}"),
    }
}
