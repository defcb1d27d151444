//! What Claude refuses.

use serde_json::Value;

use super::of_model;
use crate::family::Maker;
use crate::reply::Refusal;
use crate::request::{Block, Choice, Message, Request, Role};
use crate::seal;

/// The smallest budget of thoughts, in tokens.
const SMALLEST_BUDGET: u64 = 1024;

/// The first version that thinks.
const THINKS: (u32, u32) = (3, 7);

/// The first version that decides by itself how much to think.
const ADAPTS: (u32, u32) = (4, 6);

/// The first version that is told no budget any more.
const WITHOUT_BUDGET: (u32, u32) = (4, 7);

/// Where the rules of thinking are described.
const GUIDE: &str =
    "Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking";

/// Checks a request for Claude.
pub(super) fn check(request: &Request, body: &Value) -> Result<(), Refusal> {
    let Maker::Claude(major, minor) = request.family.maker else { return Ok(()) };
    let version = (major, minor);
    if let Some(message) = request.prefill() {
        prefill(version, message)?;
    }
    sampling(version, request, body)?;
    for (index, message) in request.messages.iter().enumerate() {
        thoughts(index, message)?;
    }
    let Some(thinking) = request.fields.get("thinking").filter(|thinking| !thinking.is_null()) else {
        return Ok(());
    };
    let kind = thinking.get("type").and_then(Value::as_str).unwrap_or_default();
    match kind {
        "disabled" => return Ok(()),
        _ if version < THINKS => return Err(of_model("thinking: Extra inputs are not permitted")),
        "adaptive" if version < ADAPTS => {
            return Err(of_model("adaptive thinking is not supported on this model"));
        }
        "enabled" if version >= WITHOUT_BUDGET => {
            return Err(of_model(
                "\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and \
                 \"output_config.effort\" to control thinking behavior.",
            ));
        }
        "enabled" => budget(request, thinking)?,
        "adaptive" => {}
        other => {
            return Err(of_model(&format!(
                "thinking: Input tag '{other}' found using 'type' does not match any of the expected tags: \
                 'adaptive', 'disabled', 'enabled'"
            )));
        }
    }
    while_thinking(request, body)?;
    if kind == "enabled" { begins_with_thought(request) } else { Ok(()) }
}

fn prefill(version: (u32, u32), message: &Message) -> Result<(), Refusal> {
    if version >= (4, 6) {
        return Err(of_model(
            "This model does not support assistant message prefill. The conversation must end with a user message.",
        ));
    }
    let last = message.content.last().and_then(|block| block.text.as_deref());
    if last.is_some_and(|text| text.ends_with(char::is_whitespace)) {
        return Err(of_model("messages: final assistant content cannot end with trailing whitespace"));
    }
    Ok(())
}

fn inference<'a>(body: &'a Value, name: &str) -> Option<&'a Value> {
    body.pointer(&format!("/inferenceConfig/{name}")).filter(|value| !value.is_null())
}

fn sampling(version: (u32, u32), request: &Request, body: &Value) -> Result<(), Refusal> {
    let field = |name: &str| request.fields.contains_key(name);
    let given = [
        ("temperature", inference(body, "temperature").is_some()),
        ("top_p", inference(body, "topP").is_some() || field("top_p")),
        ("top_k", field("top_k")),
    ];
    if version >= (4, 7)
        && let Some((name, _)) = given.iter().find(|(_, given)| *given)
    {
        return Err(of_model(&format!("`{name}` is deprecated for this model.")));
    }
    if version >= (4, 1) && given.iter().take(2).all(|(_, given)| *given) {
        return Err(of_model(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
        ));
    }
    Ok(())
}

/// Thoughts come back as they were given.
fn thoughts(index: usize, message: &Message) -> Result<(), Refusal> {
    let place = |position: usize| format!("messages.{index}.content.{position}");
    for (position, block) in message.content.iter().enumerate() {
        if block.kind != "reasoningContent" {
            continue;
        }
        let member = |pointer: &str| block.value.pointer(pointer).and_then(Value::as_str);
        if let Some(bytes) = member("/redactedContent") {
            if !seal::is_redacted(bytes) {
                let place = place(position);
                return Err(of_model(&format!("{place}: Invalid `data` in `redacted_thinking` block")));
            }
            continue;
        }
        let place = place(position);
        match member("/reasoningText/signature") {
            None => return Err(of_model(&format!("{place}.thinking.signature: Field required"))),
            Some(signature)
                if signature == seal::signature(member("/reasoningText/text").unwrap_or_default()) => {}
            Some(_) => return Err(of_model(&format!("{place}: Invalid `signature` in `thinking` block"))),
        }
    }
    Ok(())
}

fn budget(request: &Request, thinking: &Value) -> Result<(), Refusal> {
    let Some(budget) = thinking.get("budget_tokens").and_then(Value::as_u64) else {
        return Err(of_model("thinking.enabled.budget_tokens: Field required"));
    };
    if budget < SMALLEST_BUDGET {
        return Err(of_model(&format!(
            "thinking.enabled.budget_tokens: Input should be greater than or equal to {SMALLEST_BUDGET}"
        )));
    }
    let most = request.max_tokens.and_then(|most| u64::try_from(most).ok());
    if most.is_some_and(|most| most <= budget) {
        return Err(of_model(&format!(
            "`max_tokens` must be greater than `thinking.budget_tokens`. {GUIDE}#max-tokens-and-context-window-size"
        )));
    }
    Ok(())
}

/// What may not be set while Claude thinks.
fn while_thinking(request: &Request, body: &Value) -> Result<(), Refusal> {
    let guide = format!("{GUIDE}#important-considerations-when-using-extended-thinking");
    let number = |value: Option<&Value>| value.and_then(Value::as_f64);
    let temperature = number(inference(body, "temperature"));
    if temperature.is_some_and(|temperature| temperature < 1.0) {
        return Err(of_model(&format!(
            "`temperature` may only be set to 1 when thinking is enabled. {guide}"
        )));
    }
    if request.fields.contains_key("top_k") {
        return Err(of_model(&format!("`top_k` must be unset when thinking is enabled. {guide}")));
    }
    let top_p = number(inference(body, "topP")).or_else(|| number(request.fields.get("top_p")));
    if top_p.is_some_and(|top_p| top_p < 0.95) {
        return Err(of_model(&format!(
            "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled. {guide}"
        )));
    }
    if request.choice != Choice::Auto {
        return Err(of_model("Thinking may not be enabled when tool_choice forces tool use."));
    }
    Ok(())
}

/// While tools are being used, the assistant's last turn begins with what it thought.
fn begins_with_thought(request: &Request) -> Result<(), Refusal> {
    let last = request.messages.iter().enumerate().rfind(|(_, message)| message.role == Role::Assistant);
    let Some((index, message)) = last else { return Ok(()) };
    let Some(first) = message.content.iter().find(|block| block.kind != "cachePoint") else { return Ok(()) };
    if message.of_kind("toolUse").next().is_none() || first.kind == "reasoningContent" {
        return Ok(());
    }
    Err(of_model(&format!(
        "messages.{index}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{}`. When \
         `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the \
         lastmost set of `tool_use` and `tool_result` blocks). We recommend you include thinking blocks from \
         previous turns. To avoid this requirement, disable `thinking`. {GUIDE}",
        claudes_name(first)
    )))
}

/// What Claude calls a block.
fn claudes_name(block: &Block) -> &str {
    match block.kind.as_str() {
        "toolUse" => "tool_use",
        "toolResult" => "tool_result",
        other => other,
    }
}
