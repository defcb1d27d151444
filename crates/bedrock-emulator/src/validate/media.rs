//! Pictures, documents and films.

use std::collections::HashSet;

use serde_json::Value;

use super::of_model;
use crate::reply::Refusal;
use crate::request::{Block, Request, Role};
use crate::seal;

/// The most pictures of a request; Nova takes more.
const IMAGES: usize = 20;

/// The most documents of a request.
const DOCUMENTS: usize = 5;

/// Checks all media of a request, those in results of tools too.
pub(super) fn check(request: &Request) -> Result<(), Refusal> {
    let mut found: Vec<(String, Block)> = Vec::new();
    for (index, message) in request.messages.iter().enumerate() {
        for (position, block) in message.content.iter().enumerate() {
            let place = format!("messages.{index}.content.{position}");
            let inside = if block.kind == "toolResult" { block.inside() } else { Vec::new() };
            for (position, block) in inside.into_iter().enumerate() {
                found.push((format!("{place}.toolResult.content.{position}"), block));
            }
            if is_media(&block.kind) {
                if message.role == Role::Assistant {
                    return Err(refused(&block.kind, "assistant"));
                }
                found.push((place, block.clone()));
            }
        }
    }
    found.retain(|(_, block)| is_media(&block.kind));
    for (place, block) in &found {
        supported(request, block)?;
        let bytes = bytes(place, block)?;
        match (block.kind.as_str(), bytes) {
            ("image", Some(bytes)) => image(place, block, &bytes)?,
            ("document", bytes) => document(place, block, bytes.is_some())?,
            _ => {}
        }
    }
    names(&found)?;
    let count = |kind: &str| found.iter().filter(|(_, block)| block.kind == kind).count();
    limit("images", count("image"), if request.family.is_nova() { usize::MAX } else { IMAGES })?;
    limit("documents", count("document"), DOCUMENTS)
}

fn is_media(kind: &str) -> bool {
    matches!(kind, "image" | "document" | "video" | "audio")
}

fn supported(request: &Request, block: &Block) -> Result<(), Refusal> {
    let family = &request.family;
    let supported = match block.kind.as_str() {
        "image" => family.images,
        "document" => family.documents,
        "video" => family.video,
        _ => !family.is_nova() && !family.is_claude(),
    };
    if supported {
        return Ok(());
    }
    Err(refused(&block.kind, "user"))
}

fn refused(kind: &str, role: &str) -> Refusal {
    Refusal::validation(format!(
        "This model doesn't support the {kind} field for {role} messages. Remove {kind} and try again."
    ))
}

/// The bytes of a block, where it has them itself.
fn bytes(place: &str, block: &Block) -> Result<Option<Vec<u8>>, Refusal> {
    let Some(encoded) = block.value.pointer("/source/bytes").and_then(Value::as_str) else { return Ok(None) };
    let bytes = seal::decode(encoded);
    bytes.map(Some).ok_or_else(|| {
        let message = format!("The bytes at {place}.{}.source.bytes are not valid base64.", block.kind);
        Refusal::new(400, "SerializationException", message)
    })
}

fn image(place: &str, block: &Block, bytes: &[u8]) -> Result<(), Refusal> {
    let declared = block.member("format").unwrap_or_default();
    let place = format!("{place}.image.source.base64");
    let Some(format) = format_of(bytes) else {
        return Err(of_model(&format!("{place}: Could not process image")));
    };
    if format == declared {
        return Ok(());
    }
    Err(of_model(&format!(
        "{place}: The image was specified using the image/{declared} media type, but the image appears to be a \
         image/{format} image"
    )))
}

/// The format that the first bytes of a picture tell.
fn format_of(bytes: &[u8]) -> Option<&'static str> {
    let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    match bytes {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some("png"),
        [0xff, 0xd8, 0xff, ..] => Some("jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("gif"),
        _ => is_webp.then_some("webp"),
    }
}

fn document(place: &str, block: &Block, has_bytes: bool) -> Result<(), Refusal> {
    let name = block.member("name").unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || " -()[]".contains(c);
    if !name.chars().all(allowed) || name.contains("  ") {
        return Err(Refusal::validation(
            "The document file name can only contain alphanumeric characters, whitespace characters, hyphens, \
             parentheses, and square brackets. The name can't contain more than one consecutive whitespace \
             character. Check that the file name conforms to these restrictions and retry your request.",
        ));
    }
    if has_bytes && block.member("format").is_none() {
        return Err(Refusal::validation(format!(
            "The format field at {place}.document must be set when a document has bytes."
        )));
    }
    Ok(())
}

fn names(found: &[(String, Block)]) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    let documents = found.iter().filter(|(_, block)| block.kind == "document");
    let twice = documents.filter_map(|(_, block)| block.member("name")).find(|name| !seen.insert(*name));
    twice.map_or(Ok(()), |name| {
        Err(Refusal::validation(format!(
            "The messages contain duplicate document names: {name}. Give every document a name of its own and try \
             again."
        )))
    })
}

fn limit(what: &str, found: usize, most: usize) -> Result<(), Refusal> {
    if found <= most {
        return Ok(());
    }
    Err(Refusal::validation(format!(
        "The messages contain {found} {what}, and at most {most} are allowed. Remove some and try again."
    )))
}
