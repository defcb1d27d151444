//! The request body of both operations, in the order in which it is sent.
//!
//! Source: [Converse](https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).

use std::borrow::Cow;

use chat::JsonObject;
use serde::{Serialize, Serializer};

mod block;
mod size;
mod tool;

pub(crate) use block::{
    Block, CachePoint, DocumentBlock, GuardBlock, GuardText, MediaBlock, ReasoningBlock, ReasoningText,
    ResultBlock, S3Location, Source, ToolResultBlock, ToolUseBlock,
};
pub(crate) use tool::{Empty, InputSchema, NamedTool, SystemTool, Tool, ToolChoice, ToolConfig, ToolSpec};

/// The body of a call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body<'a> {
    /// The conversation.
    pub(crate) messages: Vec<Turn<'a>>,
    /// The instructions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) system: Vec<SystemBlock<'a>>,
    /// Sampling and limits.
    #[serde(skip_serializing_if = "InferenceConfig::is_empty")]
    pub(crate) inference_config: InferenceConfig<'a>,
    /// The tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_config: Option<ToolConfig<'a>>,
    /// The guardrail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) guardrail_config: Option<GuardrailConfig<'a>>,
    /// What the model takes beyond `inferenceConfig`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) additional_model_request_fields: Option<Cow<'a, JsonObject>>,
    /// What the invocation log says of the call; in the client's order.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_map")]
    pub(crate) request_metadata: Vec<(&'a str, &'a str)>,
    /// The latency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) performance_config: Option<PerformanceConfig>,
    /// The tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service_tier: Option<ServiceTier>,
    /// The shape of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output_config: Option<&'a OutputConfig<'a>>,
}

fn as_map<S: Serializer>(pairs: &[(&str, &str)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().copied())
}

/// Who speaks in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Speaker {
    /// The client.
    User,
    /// The model.
    Assistant,
}

/// One turn of the conversation.
#[derive(Debug, Serialize)]
pub(crate) struct Turn<'a> {
    /// Who speaks.
    pub(crate) role: Speaker,
    /// What is said.
    pub(crate) content: Vec<Block<'a>>,
}

/// One block of the instructions.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum SystemBlock<'a> {
    /// Text that is not blank.
    Text(Cow<'a, str>),
    /// Text for the guardrail.
    GuardContent(GuardBlock<'a>),
    /// A point up to which the prompt is cached.
    CachePoint(CachePoint),
}

/// Sampling and limits.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InferenceConfig<'a> {
    /// At least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_tokens: Option<u32>,
    /// 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) temperature: Option<f64>,
    /// 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) top_p: Option<f64>,
    /// Up to 2,500, none empty.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(crate) stop_sequences: &'a [String],
}

impl InferenceConfig<'_> {
    fn is_empty(&self) -> bool {
        self.max_tokens.is_none()
            && self.temperature.is_none()
            && self.top_p.is_none()
            && self.stop_sequences.is_empty()
    }
}

/// The guardrail of a call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GuardrailConfig<'a> {
    /// Id or ARN.
    pub(crate) guardrail_identifier: &'a str,
    /// Number or `DRAFT`.
    pub(crate) guardrail_version: &'a str,
    /// `enabled` or `enabled_full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trace: Option<&'static str>,
    /// `async`, and only in a stream; `sync` is the default and not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stream_processing_mode: Option<&'static str>,
}

/// The latency of a call.
#[derive(Debug, Serialize)]
pub(crate) struct PerformanceConfig {
    /// `standard` or `optimized`.
    pub(crate) latency: &'static str,
}

/// The tier of a call.
#[derive(Debug, Serialize)]
pub(crate) struct ServiceTier {
    /// `default`, `flex` or `priority`.
    pub(crate) r#type: &'static str,
}

/// The shape of an answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OutputConfig<'a> {
    /// The only shape there is: JSON by a schema.
    pub(crate) text_format: TextFormat<'a>,
}

/// JSON by a schema.
#[derive(Debug, Serialize)]
pub(crate) struct TextFormat<'a> {
    /// `json_schema`.
    pub(crate) r#type: &'static str,
    /// The schema.
    pub(crate) structure: Structure<'a>,
}

/// The union around a schema.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Structure<'a> {
    /// A JSON schema.
    JsonSchema(JsonSchema<'a>),
}

/// A schema for an answer.
#[derive(Debug, Serialize)]
pub(crate) struct JsonSchema<'a> {
    /// The schema as a text, not as an object.
    pub(crate) schema: Cow<'a, str>,
    /// The client's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<&'a str>,
    /// What the answer is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<&'a str>,
}
