//! The tools of a request.

use serde_json::Value;

use super::structured::is_data;
use super::{malformed, of_model, unsupported};
use crate::family::{Maker, Tools};
use crate::reply::Refusal;
use crate::request::{Block, Choice, Message, Request, Tool};
use crate::service::Call;

/// Checks the list of tools, the choice among them, and what the conversation has of them.
pub(super) fn check(call: &Call, request: &Request, body: &Value) -> Result<(), Refusal> {
    for (index, message) in request.messages.iter().enumerate() {
        for (position, block) in message.of_kind("toolResult").map(|block| (position(message, block), block))
        {
            result(&format!("messages.{index}.content.{position}.toolResult"), block)?;
        }
    }
    if body.get("toolConfig").is_none_or(Value::is_null) {
        let mut blocks = request.messages.iter().flat_map(|message| &message.content);
        if blocks.any(|block| matches!(block.kind.as_str(), "toolUse" | "toolResult")) {
            return Err(Refusal::validation(
                "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
            ));
        }
        return Ok(());
    }
    match request.family.tools {
        Tools::Nowhere => return Err(Refusal::validation("This model doesn't support tool use.")),
        Tools::Converse if call.stream => {
            return Err(Refusal::validation("This model doesn't support tool use in streaming mode."));
        }
        Tools::Converse | Tools::Everywhere => {}
    }
    let mut names: Vec<&str> = Vec::new();
    for tool in request.tools() {
        definition(request, &tool)?;
        if names.contains(&tool.name) {
            let index = tool.index;
            return Err(Refusal::validation(format!(
                "The tool name {} at toolConfig.tools.{index}.toolSpec.name is used twice. Give every tool a name \
                 of its own and try again.",
                tool.name
            )));
        }
        names.push(tool.name);
    }
    choice(request, &names)
}

fn position(message: &Message, block: &Block) -> usize {
    message.content.iter().position(|other| std::ptr::eq(other, block)).unwrap_or_default()
}

/// What a tool brought back.
fn result(place: &str, block: &Block) -> Result<(), Refusal> {
    let inside = block.inside();
    if inside.is_empty() && block.member("status") == Some("error") {
        return Err(Refusal::validation(format!(
            "The content field at {place} cannot be empty when status value is error."
        )));
    }
    let blank =
        inside.iter().position(|block| block.text.as_deref().is_some_and(|text| text.trim().is_empty()));
    if let Some(index) = blank {
        return Err(Refusal::validation(format!(
            "The text field in the ToolResultContentBlock object at {place}.content.{index} is blank. Add text to \
             the text field, and try again."
        )));
    }
    if let Some(json) = inside.iter().find(|block| block.kind == "json" && !block.value.is_object()) {
        return Err(Refusal::validation(format!(
            "The json field at {place}.content has to be an object, and not {}.",
            json.value
        )));
    }
    Ok(())
}

fn definition(request: &Request, tool: &Tool<'_>) -> Result<(), Refusal> {
    let place = format!("toolConfig.tools.{}.toolSpec", tool.index);
    if tool.schema.get("type").and_then(Value::as_str) != Some("object") {
        return Err(Refusal::validation(format!(
            "The value at {place}.inputSchema.json.type must be one of the following: object."
        )));
    }
    if !request.family.references && refers(tool.schema) {
        let pointer = format!("#/{}/inputSchema/json", place.replace('.', "/"));
        let key = ["$defs", "definitions"].into_iter().find(|key| tool.schema.get(*key).is_some());
        let key = key.unwrap_or("$ref");
        return Err(malformed(&pointer, &format!("extraneous key [{key}] is not permitted")));
    }
    Ok(())
}

/// Whether a schema refers to others; data that looks like a reference is none.
fn refers(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            members.get("$ref").is_some_and(Value::is_string)
                || members.iter().any(|(key, value)| match (key.as_str(), value) {
                    (
                        "properties" | "patternProperties" | "$defs" | "definitions",
                        Value::Object(schemas),
                    ) => schemas.values().any(refers),
                    (key, value) => !is_data(key) && refers(value),
                })
        }
        Value::Array(items) => items.iter().any(refers),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn choice(request: &Request, names: &[&str]) -> Result<(), Refusal> {
    match &request.choice {
        Choice::Any if !request.family.any => Err(unsupported("toolConfig.toolChoice.any")),
        Choice::Named(_) if !request.family.named => Err(unsupported("toolConfig.toolChoice.tool")),
        Choice::Named(name) if !names.contains(&name.as_str()) => match request.family.maker {
            Maker::Claude(..) => Err(of_model(&format!("Tool '{name}' not found in provided tools"))),
            Maker::Nova | Maker::Nova2 | Maker::Moonshot | Maker::Other => Err(Refusal::validation(format!(
                "The tool {name} of toolConfig.toolChoice.tool.name is not among toolConfig.tools."
            ))),
        },
        Choice::Auto | Choice::Any | Choice::Named(_) => Ok(()),
    }
}
