//! Tools, and which of them the model may or must call.

use std::borrow::Cow;
use std::collections::HashSet;

use chat::{Error, ErrorKind, Field, Message, Request, Result, Tool, ToolChoice as Asked};

use super::names::Names;
use super::notes::Notes;
use super::schema::arguments;
use super::structured::OutputTool;
use super::turns::point;
use crate::family::{Choice, Family};
use crate::wire::request::{
    Empty, InputSchema, NamedTool, SystemTool, Tool as Wire, ToolChoice, ToolConfig, ToolSpec,
};

/// What is said of a tool that the request no longer offers, but whose calls the conversation holds.
const UNAVAILABLE: &str = "unavailable";

/// What the tools of a request come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workshop<'a> {
    pub(super) request: &'a Request,
    pub(super) family: &'a Family,
    pub(super) names: &'a Names<'a>,
    /// The tool whose arguments are the answer.
    pub(super) output: Option<&'a OutputTool<'a>>,
    /// Whether the model thinks, and cannot be forced to call.
    pub(super) thinks: bool,
}

/// Translates the tools; `None` where the body holds none.
///
/// # Errors
///
/// [`ErrorKind::InvalidRequest`] at the tool or the choice to blame.
pub(super) fn config<'a>(shop: Workshop<'a>, notes: &mut Notes) -> Result<Option<ToolConfig<'a>>> {
    let Request { tools, tool_choice, messages, .. } = shop.request;
    check(tools, tool_choice.as_ref())?;
    let called = called(messages);
    let offers = !tools.is_empty() && (*tool_choice != Some(Asked::None) || !called.is_empty());
    let mut specs = Vec::new();
    if offers {
        for (index, tool) in tools.iter().enumerate() {
            offer(index, tool, shop, &mut specs, notes)?;
        }
    } else {
        // Bedrock wants the tools of a conversation that holds calls.
        for name in called {
            specs.push(spec(
                shop.names.wire(name),
                Some(UNAVAILABLE),
                arguments(None, true).map(|a| a.json),
                false,
            )?);
        }
    }
    if let Some(output) = shop.output {
        let schema = match output.schema {
            Some(schema) => arguments(Some(schema), shop.family.tools.refs).map(|arguments| arguments.json),
            None => any_object(),
        };
        let schema = schema.map_err(|message| invalid(Field::ResponseFormat, message))?;
        specs.push(spec(&output.name, Some(output.description), Ok(schema), false)?);
    }
    if *tool_choice != Some(Asked::None) {
        let system = shop.request.system_tools.iter();
        specs.extend(system.map(|name| Wire::SystemTool(SystemTool { name })));
    }
    if specs.is_empty() {
        return Ok(None);
    }
    let choice = choice(shop, specs.len(), notes);
    Ok(Some(ToolConfig { tools: specs, tool_choice: choice }))
}

fn any_object() -> Result<Cow<'static, serde_json::value::RawValue>, String> {
    let any = serde_json::json!({ "type": "object" });
    serde_json::value::to_raw_value(&any).map(Cow::Owned).map_err(|error| error.to_string())
}

fn check(tools: &[Tool], choice: Option<&Asked>) -> Result<()> {
    let mut names = HashSet::with_capacity(tools.len());
    for (index, tool) in tools.iter().enumerate() {
        if !names.insert(tool.name.as_str()) {
            return Err(invalid(
                Field::ToolName(index),
                format!("there are two tools called `{}`", tool.name),
            ));
        }
    }
    match choice {
        Some(Asked::Named(name)) if !names.contains(name.as_str()) => {
            Err(invalid(Field::ToolChoice, format!("there is no tool called `{name}`")))
        }
        Some(Asked::Required) if tools.is_empty() => {
            Err(invalid(Field::ToolChoice, "there are no tools to call"))
        }
        Some(Asked::Auto | Asked::None | Asked::Required | Asked::Named(_)) | None => Ok(()),
    }
}

fn invalid(field: Field, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, message).at(field)
}

/// The names of the tools that the conversation calls, in the order of their first calls.
fn called(messages: &[Message]) -> Vec<&str> {
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    for message in messages {
        match message {
            Message::Assistant(assistant) => {
                let called = assistant.tool_calls.iter().map(|call| call.name.as_str());
                names.extend(called.filter(|name| seen.insert(*name)));
            }
            Message::System(_) | Message::User(_) | Message::Tool(_) => {}
        }
    }
    names
}

fn offer<'a>(
    index: usize,
    tool: &'a Tool,
    shop: Workshop<'a>,
    specs: &mut Vec<Wire<'a>>,
    notes: &mut Notes,
) -> Result<()> {
    let rules = shop.family.tools;
    let Tool { name, description, parameters, strict, cache } = tool;
    let schema = arguments(parameters.as_ref(), rules.refs)
        .map_err(|message| invalid(Field::ToolParameters(index), message))?;
    if schema.cut {
        notes.adjust(Field::ToolParameters(index));
    }
    let wants_strict = *strict == Some(true);
    if wants_strict && !rules.strict {
        notes.ignore(Field::ToolStrict(index));
    }
    let strict = wants_strict && rules.strict;
    specs.push(spec(shop.names.wire(name), description.as_deref(), Ok(schema.json), strict)?);
    if let Some(cache) = cache {
        let rule = shop.family.cache.filter(|rule| rule.in_tools);
        specs.extend(point(*cache, rule, notes).map(Wire::CachePoint));
    }
    Ok(())
}

fn spec<'a>(
    name: &'a str,
    description: Option<&'a str>,
    schema: Result<Cow<'a, serde_json::value::RawValue>, String>,
    strict: bool,
) -> Result<Wire<'a>> {
    let json = schema.map_err(|message| invalid(Field::Tools, message))?;
    Ok(Wire::ToolSpec(ToolSpec {
        name,
        description: description.filter(|text| !text.trim().is_empty()),
        input_schema: InputSchema { json },
        strict: strict.then_some(true),
    }))
}

/// What is wanted of the model.
enum Want<'a> {
    Nothing,
    Auto,
    Any,
    Named(&'a str),
}

/// Translates the choice into the nearest that the family takes.
fn choice<'a>(shop: Workshop<'a>, count: usize, notes: &mut Notes) -> Option<ToolChoice<'a>> {
    let auto = Some(ToolChoice::Auto(Empty {}));
    let none_or_auto = match shop.family.tools.choice {
        Choice::None => None,
        Choice::Auto | Choice::AutoAny | Choice::All => auto,
    };
    let want = want(shop);
    let forces = match want {
        Want::Nothing => return None,
        Want::Auto => return none_or_auto,
        Want::Any | Want::Named(_) => true,
    };
    if forces && shop.thinks {
        notes.adjust(Field::ToolChoice);
        return none_or_auto;
    }
    match (want, shop.family.tools.choice) {
        (Want::Named(name), Choice::All) => Some(ToolChoice::Tool(NamedTool { name })),
        (Want::Named(_), Choice::AutoAny) => {
            if count > 1 {
                notes.adjust(Field::ToolChoice);
            }
            Some(ToolChoice::Any(Empty {}))
        }
        (Want::Any, Choice::AutoAny | Choice::All) => Some(ToolChoice::Any(Empty {})),
        (Want::Nothing | Want::Auto | Want::Any | Want::Named(_), _) => {
            notes.adjust(Field::ToolChoice);
            none_or_auto
        }
    }
}

fn want<'a>(shop: Workshop<'a>) -> Want<'a> {
    let Request { tools, tool_choice, .. } = shop.request;
    if let Some(output) = shop.output {
        let others = !tools.is_empty() && *tool_choice != Some(Asked::None);
        return if others { Want::Any } else { Want::Named(&output.name) };
    }
    match tool_choice {
        None | Some(Asked::None) => Want::Nothing,
        Some(Asked::Auto) => Want::Auto,
        Some(Asked::Required) => Want::Any,
        Some(Asked::Named(name)) => Want::Named(shop.names.wire(name)),
    }
}
