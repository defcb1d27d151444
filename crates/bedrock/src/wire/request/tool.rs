//! The tools of a call.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::CachePoint;

/// The tools, and which of them the model may or must call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolConfig<'a> {
    /// Never empty.
    pub(crate) tools: Vec<Tool<'a>>,
    /// The model's own choice where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_choice: Option<ToolChoice<'a>>,
}

/// One entry of the tools.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Tool<'a> {
    /// A tool.
    ToolSpec(ToolSpec<'a>),
    /// A tool that Bedrock runs.
    SystemTool(SystemTool<'a>),
    /// A point up to which the tools are cached.
    CachePoint(CachePoint),
}

/// A tool.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolSpec<'a> {
    /// The name on the wire.
    pub(crate) name: &'a str,
    /// Not blank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<&'a str>,
    /// The schema of its arguments.
    pub(crate) input_schema: InputSchema<'a>,
    /// Whether arguments follow the schema to the letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) strict: Option<bool>,
}

/// A tool that Bedrock runs.
#[derive(Debug, Serialize)]
pub(crate) struct SystemTool<'a> {
    /// The name, of Bedrock's own.
    pub(crate) name: &'a str,
}

/// The union around a schema.
#[derive(Debug, Serialize)]
pub(crate) struct InputSchema<'a> {
    /// An object schema.
    pub(crate) json: Cow<'a, RawValue>,
}

/// Which tools the model may or must call.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ToolChoice<'a> {
    /// The model decides.
    Auto(Empty),
    /// One at least.
    Any(Empty),
    /// This one.
    Tool(NamedTool<'a>),
}

/// `{}`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Empty {}

/// A tool by its name on the wire.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct NamedTool<'a> {
    /// The name.
    pub(crate) name: &'a str,
}
