//! The request as a whole.

use std::fmt;

use chat::{Effort, JsonObject};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::free::StrictValue;
use super::guardrail::Guardrail;
use super::members::{Ignored, Seen};
use super::message::{Message, MessagesSeed};
use super::options::{Performance, Reasoning, ResponseFormat, Tier};
use super::pairs::Pairs;
use super::record::{ListSeed, Nullable, optional};
use super::rules;
use super::scalar::{Decimal, Integer, Texts};
use super::tools::{Choice, ChoiceSeed, LegacyFunction, Tool};
use super::word::Word;

/// A request for a chat completion, as written and not yet judged as a whole.
#[derive(Debug, Default)]
pub struct ChatCompletionRequest {
    pub(crate) model: Option<String>,
    pub(crate) messages: Option<Vec<Message>>,
    pub(crate) max_tokens: Option<Integer>,
    pub(crate) max_completion_tokens: Option<Integer>,
    pub(crate) temperature: Option<Decimal>,
    pub(crate) top_p: Option<Decimal>,
    pub(crate) top_k: Option<Integer>,
    pub(crate) stop: Option<Texts>,
    pub(crate) stream: Option<bool>,
    pub(crate) include_usage: bool,
    pub(crate) tools: Vec<Tool>,
    pub(crate) functions: Vec<LegacyFunction>,
    pub(crate) tool_choice: Option<Choice>,
    pub(crate) function_call: Option<Choice>,
    pub(crate) parallel_tool_calls: Option<bool>,
    pub(crate) response_format: Option<ResponseFormat>,
    pub(crate) reasoning_effort: Option<Word<Effort>>,
    pub(crate) reasoning: Option<Reasoning>,
    pub(crate) service_tier: Option<Tier>,
    pub(crate) performance: Option<Performance>,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) additional_fields: Option<JsonObject>,
    pub(crate) guardrail: Option<Guardrail>,
    pub(crate) prompt_cache_key: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) refused: Option<Refused>,
    pub(crate) ignored: Ignored,
}

/// A member of the request that this version does not serve.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused(pub(crate) &'static str);

const MEMBERS: &[&str] = &[
    "model",
    "messages",
    "stream",
    "temperature",
    "max_tokens",
    "max_completion_tokens",
    "top_p",
    "stop",
    "stream_options",
    "tools",
    "functions",
    "tool_choice",
    "function_call",
    "parallel_tool_calls",
    "response_format",
    "reasoning_effort",
    "service_tier",
    "metadata",
    "top_k",
    "reasoning",
    "performance_config",
    "performanceConfig",
    "guardrail",
    "additional_model_request_fields",
];

impl<'de> Deserialize<'de> for ChatCompletionRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RequestVisitor)
    }
}

struct RequestVisitor;

impl<'de> Visitor<'de> for RequestVisitor {
    type Value = ChatCompletionRequest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object with `model` and `messages`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut request = ChatCompletionRequest::default();
        let mut ignored = Ignored::default();
        let mut seen = Seen::default();
        while let Some(key) = seen.next(&mut members, MEMBERS)? {
            match &*key {
                "model" => request.model = members.next_value()?,
                "messages" => request.messages = Some(members.next_value_seed(MessagesSeed(&mut ignored))?),
                "stream" => request.stream = members.next_value()?,
                "temperature" => request.temperature = members.next_value()?,
                "max_tokens" => request.max_tokens = members.next_value()?,
                "max_completion_tokens" => request.max_completion_tokens = members.next_value()?,
                "top_p" => request.top_p = members.next_value()?,
                "top_k" => request.top_k = members.next_value()?,
                "stop" => request.stop = members.next_value()?,
                "stream_options" => {
                    request.include_usage = members.next_value_seed(StreamOptionsSeed(&mut ignored))?;
                }
                "metadata" => request.metadata = members.next_value::<Option<Pairs>>()?.unwrap_or_default().0,
                "guardrail" => request.guardrail = members.next_value()?,
                "additional_model_request_fields" => {
                    request.additional_fields =
                        members.next_value::<Option<Object>>()?.map(|object| object.0);
                }
                name => request.read(name, &mut members, &mut ignored)?,
            }
        }
        request.ignored = ignored;
        Ok(request)
    }
}

impl ChatCompletionRequest {
    /// Reads a member that concerns tools, thinking or the way of serving, or that is not honoured.
    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        members: &mut A,
        ignored: &mut Ignored,
    ) -> Result<(), A::Error> {
        match name {
            "tools" => self.tools = members.next_value_seed(ListSeed::new(ignored))?,
            "functions" => self.functions = members.next_value_seed(ListSeed::new(ignored))?,
            "tool_choice" => {
                self.tool_choice =
                    members.next_value_seed(Nullable(ChoiceSeed { ignored, legacy: false }))?;
            }
            "function_call" => {
                self.function_call =
                    members.next_value_seed(Nullable(ChoiceSeed { ignored, legacy: true }))?;
            }
            "parallel_tool_calls" => self.parallel_tool_calls = members.next_value()?,
            "response_format" => self.response_format = optional(members, ignored)?,
            "reasoning_effort" => self.reasoning_effort = members.next_value()?,
            "reasoning" => self.reasoning = optional(members, ignored)?,
            "service_tier" => self.service_tier = members.next_value()?,
            "performance_config" | "performanceConfig" => {
                let performance = members.next_value::<Option<Performance>>()?;
                if performance.is_some() && self.performance.is_some() {
                    return Err(A::Error::custom("`performance_config` stands here twice, in two spellings"));
                }
                self.performance = performance.or(self.performance.take());
            }
            name => other(name, members, self, ignored)?,
        }
        Ok(())
    }
}

/// Reads a member that is not honoured.
fn other<'de, A: MapAccess<'de>>(
    name: &str,
    members: &mut A,
    request: &mut ChatCompletionRequest,
    ignored: &mut Ignored,
) -> Result<(), A::Error> {
    let Some(rule) = rules::of_request(name) else {
        members.next_value::<IgnoredAny>()?;
        ignored.add(name);
        return Ok(());
    };
    let StrictValue(value) = members.next_value()?;
    match rule.judge(&value) {
        rules::Verdict::Nothing => {}
        rules::Verdict::Ignored => ignored.add(rule.name),
        rules::Verdict::Refused => request.refused = request.refused.or(Some(Refused(rule.name))),
    }
    // No provider gets them, and among several models they say which one.
    match (rule.name, value) {
        ("prompt_cache_key", Value::String(text)) => request.prompt_cache_key = Some(text),
        ("user", Value::String(text)) => request.user = Some(text),
        _ => {}
    }
    Ok(())
}

/// A JSON object of any members.
struct Object(JsonObject);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match StrictValue::deserialize(deserializer)?.0 {
            Value::Object(map) => Ok(Self(map)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(D::Error::custom("expected a JSON object with fields for the model"))
            }
        }
    }
}

/// Reads `stream_options`, of which one member counts.
struct StreamOptionsSeed<'a>(&'a mut Ignored);

impl<'de> DeserializeSeed<'de> for StreamOptionsSeed<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StreamOptionsSeed<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object such as {\"include_usage\": true}")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
        let mut include_usage = false;
        let mut seen = Seen::default();
        while let Some(key) = seen.next(&mut members, &["include_usage", "include_obfuscation"])? {
            match &*key {
                "include_usage" => include_usage = members.next_value::<Option<bool>>()?.unwrap_or(false),
                // Padding against eavesdroppers; what stands behind TLS here has none to offer.
                "include_obfuscation" => drop(members.next_value::<Option<bool>>()?),
                name => {
                    members.next_value::<IgnoredAny>()?;
                    self.0.add(&format!("stream_options.{name}"));
                }
            }
        }
        Ok(include_usage)
    }
}
