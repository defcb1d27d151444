//! The shape of the answer: by `outputConfig` where a model has it, by a tool that it must call, or by words.

use chat::{Error, ErrorKind, Field, RawJson, Request, ResponseFormat, Result, ToolChoice};

use super::names::Names;
use super::notes::Notes;
use super::schema::closed;
use crate::family::{Choice, Family, Structured};
use crate::wire::request::{JsonSchema, OutputConfig, Structure, TextFormat};

/// The name of the tool whose arguments are the answer.
const OUTPUT_TOOL: &str = "json_output";

/// What that tool does, in the model's eyes.
const OUTPUT_DESCRIPTION: &str = "Gives the final answer. Its arguments are the answer.";

/// How the answer gets its shape.
#[derive(Debug)]
pub(super) enum Shape<'a> {
    /// It has none.
    Text,
    /// The model is held to a schema.
    Native(OutputConfig<'a>),
    /// The model calls a tool, and the arguments are the answer.
    Tool(OutputTool<'a>),
    /// The model is told.
    Instruction(String),
}

/// A tool whose arguments are the answer.
#[derive(Debug)]
pub(super) struct OutputTool<'a> {
    pub(super) name: String,
    pub(super) description: &'a str,
    /// The schema; `None` means any object.
    pub(super) schema: Option<&'a RawJson>,
}

impl<'a> Shape<'a> {
    pub(super) fn tool(&self) -> Option<&OutputTool<'a>> {
        match self {
            Self::Tool(tool) => Some(tool),
            Self::Text | Self::Native(_) | Self::Instruction(_) => None,
        }
    }

    pub(super) fn native(&self) -> Option<&OutputConfig<'a>> {
        match self {
            Self::Native(output) => Some(output),
            Self::Text | Self::Tool(_) | Self::Instruction(_) => None,
        }
    }

    pub(super) fn instruction(&self) -> Option<&str> {
        match self {
            Self::Instruction(text) => Some(text),
            Self::Text | Self::Native(_) | Self::Tool(_) => None,
        }
    }
}

/// What the choice of a shape depends on besides the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Means<'a> {
    pub(super) family: &'a Family,
    /// Whether `outputConfig` is worth a try.
    pub(super) native: bool,
    /// Whether the model thinks, and cannot be forced to call.
    pub(super) thinks: bool,
}

/// Chooses how the answer gets its shape.
///
/// # Errors
///
/// [`ErrorKind::InvalidRequest`] where the schema is none.
pub(super) fn shape<'a>(
    request: &'a Request,
    means: Means<'_>,
    names: &Names<'_>,
    notes: &mut Notes,
) -> Result<Shape<'a>> {
    let format = match &request.response_format {
        ResponseFormat::Text => return Ok(Shape::Text),
        ResponseFormat::JsonObject => None,
        ResponseFormat::JsonSchema(format) => Some(format),
    };
    if let Some(format) = format
        && means.native
        && means.family.structured == Structured::Native
        && let Some(output) = native(format)?
    {
        return Ok(Shape::Native(output));
    }
    if matches!(request.tool_choice, Some(ToolChoice::Required | ToolChoice::Named(_))) && is_forceful(means)
    {
        // The answer is calls, and none of it is text.
        return Ok(Shape::Text);
    }
    let has_tools = !request.tools.is_empty();
    if can_be_forced(means) && (format.is_some() || !has_tools) {
        let description = format.and_then(|format| format.description.as_deref());
        return Ok(Shape::Tool(OutputTool {
            name: names.own(OUTPUT_TOOL),
            description: description.filter(|text| !text.trim().is_empty()).unwrap_or(OUTPUT_DESCRIPTION),
            schema: format.map(|format| &format.schema),
        }));
    }
    notes.adjust(Field::ResponseFormat);
    Ok(Shape::Instruction(match format {
        Some(format) => format!(
            "Answer with JSON alone, without any other text and without a code fence. It must follow this JSON schema:\n{}",
            format.schema.get()
        ),
        None => {
            "Answer with one JSON object alone, without any other text and without a code fence.".to_owned()
        }
    }))
}

fn can_be_forced(means: Means<'_>) -> bool {
    is_forceful(means) && means.family.structured != Structured::Instruction
}

/// Says whether a choice that demands a call reaches the model as one.
fn is_forceful(means: Means<'_>) -> bool {
    let has_choice = match means.family.tools.choice {
        Choice::None | Choice::Auto => false,
        Choice::AutoAny | Choice::All => true,
    };
    has_choice && !means.thinks
}

/// Holds the model to a schema; `None` where the schema allows what native output does not.
fn native(format: &chat::JsonSchema) -> Result<Option<OutputConfig<'_>>> {
    let closed = closed(&format.schema)
        .map_err(|message| Error::new(ErrorKind::InvalidRequest, message).at(Field::ResponseFormat))?;
    let Some(schema) = closed else { return Ok(None) };
    let json_schema = JsonSchema {
        schema,
        name: Some(format.name.as_str()).filter(|name| !name.is_empty()),
        description: format.description.as_deref(),
    };
    let structure = Structure::JsonSchema(json_schema);
    Ok(Some(OutputConfig { text_format: TextFormat { r#type: "json_schema", structure } }))
}
