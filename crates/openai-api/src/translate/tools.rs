//! Tools, and which of them may or must be called.

use std::collections::HashSet;

use chat::{Tool, ToolChoice};

use super::refusal::{empty, filled, invalid, missing, unsupported_value};
use crate::error::{ApiError, Code};
use crate::text::shorten;
use crate::wire::{self, ChatCompletionRequest, Choice, Function, LegacyFunction};

/// The longest name of a tool, in characters. Providers map the names that they cannot take.
const LONGEST_NAME: usize = 128;

/// What a model may call.
#[derive(Debug, Default)]
pub(super) struct Offer {
    pub(super) tools: Vec<Tool>,
    /// The tools that the provider itself runs.
    pub(super) system: Vec<String>,
    pub(super) choice: Option<ToolChoice>,
    pub(super) parallel: Option<bool>,
    /// Whether the client speaks of functions, and does not know tools.
    pub(super) legacy: bool,
}

/// Takes the tools out of a request.
pub(super) fn offer(wire: &mut ChatCompletionRequest) -> Result<Offer, ApiError> {
    let tools = std::mem::take(&mut wire.tools);
    let functions = std::mem::take(&mut wire.functions);
    let legacy = !functions.is_empty();
    if legacy && !tools.is_empty() {
        return Err(invalid("functions", "it cannot stand beside 'tools'; name every function there"));
    }
    let mut system = Vec::new();
    let tools: Vec<Tool> = if legacy {
        let path = |index| format!("functions[{index}]");
        let named = |(index, function): (usize, LegacyFunction)| tool(function.0, &path(index));
        functions.into_iter().enumerate().map(named).collect::<Result<_, _>>()?
    } else {
        let own = |(index, tool)| wrapped(index, tool, &mut system).transpose();
        tools.into_iter().enumerate().filter_map(own).collect::<Result<_, _>>()?
    };
    each_name_once(&tools, legacy)?;
    let choice = choice(wire, &tools)?;
    // Without tools it asks for nothing.
    let parallel = wire.parallel_tool_calls.filter(|_| !tools.is_empty());
    Ok(Offer { tools, system, choice, parallel, legacy })
}

/// Takes a function, or puts a tool that the provider runs among the others of its kind.
fn wrapped(index: usize, wire: wire::Tool, system: &mut Vec<String>) -> Result<Option<Tool>, ApiError> {
    let at = format!("tools[{index}]");
    let kind = wire.kind.ok_or_else(|| missing(format!("{at}.type")))?;
    if kind == "system_tool" {
        let at = format!("{at}.system_tool");
        let tool = wire.system.ok_or_else(|| missing(at.clone()))?;
        system.push(filled(tool.name, || format!("{at}.name"))?);
        return Ok(None);
    }
    if kind != "function" {
        let param = format!("{at}.type");
        let what = format!("'{param}' of `{}`", shorten(&kind));
        return Err(unsupported_value(param, &what));
    }
    let at = format!("{at}.function");
    let function = wire.function.ok_or_else(|| missing(at.clone()))?;
    let tool = tool(function, &at)?;
    Ok(Some(Tool { cache: wire.cache.or(tool.cache), ..tool }))
}

fn tool(function: Function, at: &str) -> Result<Tool, ApiError> {
    let name = filled(function.name, || format!("{at}.name"))?;
    let length = name.chars().count();
    if length > LONGEST_NAME {
        let why = format!(
            "string too long. Expected a string with maximum length {LONGEST_NAME}, but got a string with length {length} instead"
        );
        return Err(invalid(format!("{at}.name"), &why).code(Code::StringAboveMaxLength));
    }
    Ok(Tool {
        name,
        description: function.description.filter(|description| !description.is_empty()),
        parameters: function.parameters.map(|parameters| parameters.0),
        strict: function.strict,
        cache: function.cache,
    })
}

fn each_name_once(tools: &[Tool], legacy: bool) -> Result<(), ApiError> {
    let mut names = HashSet::with_capacity(tools.len());
    for (index, tool) in tools.iter().enumerate() {
        if !names.insert(tool.name.as_str()) {
            let list = if legacy { "functions" } else { "tools" };
            let member = if legacy { "name" } else { "function.name" };
            let why = format!("there is a tool `{}` already; each name may stand once", shorten(&tool.name));
            return Err(invalid(format!("{list}[{index}].{member}"), &why));
        }
    }
    Ok(())
}

/// The choice of either member, which is judged by its own name.
fn choice(wire: &mut ChatCompletionRequest, tools: &[Tool]) -> Result<Option<ToolChoice>, ApiError> {
    let (choice, legacy) = (wire.tool_choice.take(), wire.function_call.take());
    if !tools.is_empty() && choice.is_some() && legacy.is_some() && choice != legacy {
        return Err(invalid("function_call", "it asks for something else than 'tool_choice'"));
    }
    let choice = choice.map(|choice| judged(choice, "tool_choice", tools)).transpose()?;
    let legacy = legacy.map(|choice| judged(choice, "function_call", tools)).transpose()?;
    // Without tools there is nothing to decide, but earlier calls may still invite more.
    Ok(choice.or(legacy).filter(|choice| !tools.is_empty() || *choice == ToolChoice::None))
}

fn judged(choice: Choice, param: &str, tools: &[Tool]) -> Result<ToolChoice, ApiError> {
    let forced = match choice {
        Choice::Auto => return Ok(ToolChoice::Auto),
        Choice::None => return Ok(ToolChoice::None),
        Choice::Required => ToolChoice::Required,
        Choice::Named(name) if name.is_empty() => return Err(empty(param)),
        Choice::Named(name) => ToolChoice::Named(name),
        Choice::Other(kind) => {
            return Err(unsupported_value(param, &format!("'{param}' of type `{kind}`")));
        }
    };
    if tools.is_empty() {
        return Err(invalid(param, "it demands a call, but there are no tools"));
    }
    match &forced {
        ToolChoice::Named(name) if !tools.iter().any(|tool| tool.name == *name) => {
            Err(invalid(param, &format!("there is no tool `{}`", shorten(name))))
        }
        ToolChoice::Named(_) | ToolChoice::Auto | ToolChoice::None | ToolChoice::Required => Ok(forced),
    }
}
