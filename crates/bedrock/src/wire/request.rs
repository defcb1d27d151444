//! The request body of both operations, in the order in which it is sent.
//!
//! Source: [Converse](https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).

use std::borrow::Cow;

use chat::JsonObject;
use serde::Serialize;

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
    /// The guardrail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) guardrail_config: Option<GuardrailConfig<'a>>,
    /// What the model takes beyond `inferenceConfig`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) additional_model_request_fields: Option<Cow<'a, JsonObject>>,
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

/// One block of a turn.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Block<'a> {
    /// Text that is not blank.
    Text(&'a str),
}

/// One block of the instructions.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum SystemBlock<'a> {
    /// Text that is not blank.
    Text(&'a str),
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
