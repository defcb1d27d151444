//! What a message says.

use chat::{Content, GuardedText, Part};

use super::media;
use super::refusal::unsupported_value;
use crate::error::ApiError;
use crate::wire::{self, PartKind, WireRole};

/// Translates the content of the message at `index`.
pub(super) fn parts(
    content: Option<wire::Content>,
    index: usize,
    role: WireRole,
) -> Result<Vec<Part>, ApiError> {
    match content {
        Some(wire::Content::Text(text)) => Ok(vec![Part::text(text)]),
        Some(wire::Content::Parts(parts)) => {
            let place = |part| format!("messages[{index}].content[{part}]");
            parts.into_iter().enumerate().map(|(at, part)| translate(part, &place(at), role)).collect()
        }
        None => Ok(Vec::new()),
    }
}

fn translate(part: wire::Part, at: &str, role: WireRole) -> Result<Part, ApiError> {
    let refused = |kind: &str| {
        let role = role.name();
        Err(unsupported_value(at, &format!("'{at}' of type `{kind}` in a message of the role `{role}`")))
    };
    let content = match part.kind {
        PartKind::Text(text) => Content::Text(text),
        PartKind::Guarded(..) if !role.takes_guarded() => return refused("guarded_text"),
        PartKind::Image(_) if !role.takes_media() => return refused("image_url"),
        PartKind::Video(_) if !role.takes_media() => return refused("video_url"),
        PartKind::File(_) if !role.takes_media() => return refused("file"),
        PartKind::Guarded(text, qualifiers) => Content::Guarded(GuardedText { text, qualifiers }),
        PartKind::Image(link) => media::image(link, at)?,
        PartKind::Video(link) => media::video(link, at)?,
        PartKind::File(file) => media::file(file, at)?,
        PartKind::Other(kind) => {
            return Err(unsupported_value(at, &format!("'{at}' of type `{kind}`")));
        }
    };
    Ok(Part { content, cache: part.cache })
}

impl WireRole {
    fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
            Self::Function => "function",
        }
    }

    fn takes_media(self) -> bool {
        match self {
            Self::User | Self::Tool | Self::Function => true,
            Self::System | Self::Developer | Self::Assistant => false,
        }
    }

    fn takes_guarded(self) -> bool {
        match self {
            Self::System | Self::Developer | Self::User => true,
            Self::Assistant | Self::Tool | Self::Function => false,
        }
    }
}
