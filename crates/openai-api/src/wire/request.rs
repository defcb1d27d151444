//! The request as a whole.

use std::fmt;

use chat::{GuardrailMode, GuardrailTrace, JsonObject};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::free::StrictValue;
use super::members::{Ignored, Seen};
use super::message::{Message, MessagesSeed};
use super::rules;
use super::scalar::{Decimal, Integer, Texts};
use crate::text::shorten;

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
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) additional_fields: Option<JsonObject>,
    pub(crate) guardrail: Option<Guardrail>,
    pub(crate) refused: Option<Refused>,
    pub(crate) ignored: Vec<String>,
}

/// A member of the request that this version does not serve.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused(pub(crate) &'static str);

/// A guardrail for this request alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a guardrail: {\"identifier\": \"...\", \"version\": \"...\"}")]
pub(crate) struct Guardrail {
    pub(crate) identifier: String,
    pub(crate) version: String,
    #[serde(default)]
    trace: Option<Trace>,
    #[serde(default)]
    stream_mode: Option<StreamMode>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Trace {
    Disabled,
    Enabled,
    EnabledFull,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StreamMode {
    Sync,
    Async,
}

impl Guardrail {
    pub(crate) fn trace(&self) -> Option<GuardrailTrace> {
        self.trace.map(|trace| match trace {
            Trace::Disabled => GuardrailTrace::Disabled,
            Trace::Enabled => GuardrailTrace::Enabled,
            Trace::EnabledFull => GuardrailTrace::EnabledFull,
        })
    }

    pub(crate) fn stream_mode(&self) -> Option<GuardrailMode> {
        self.stream_mode.map(|mode| match mode {
            StreamMode::Sync => GuardrailMode::Sync,
            StreamMode::Async => GuardrailMode::Async,
        })
    }
}

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
    "top_k",
    "metadata",
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
                "stop" => request.stop = members.next_value()?,
                "stream_options" => {
                    request.include_usage = members.next_value_seed(StreamOptionsSeed(&mut ignored))?;
                }
                "top_k" => request.top_k = members.next_value()?,
                "metadata" => request.metadata = members.next_value::<Option<Pairs>>()?.unwrap_or_default().0,
                "guardrail" => request.guardrail = members.next_value()?,
                "additional_model_request_fields" => {
                    request.additional_fields =
                        members.next_value::<Option<Object>>()?.map(|object| object.0);
                }
                name => other(name, &mut members, &mut request, &mut ignored)?,
            }
        }
        request.ignored = ignored.0;
        Ok(request)
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

/// Keys and texts, within OpenAI's limits for `metadata`.
#[derive(Debug, Default)]
struct Pairs(Vec<(String, String)>);

const MOST_PAIRS: usize = 16;
const LONGEST_KEY: usize = 64;
const LONGEST_VALUE: usize = 512;

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        let mut seen = Seen::default();
        while let Some(key) = seen.next(&mut members, &[])? {
            let value: String = members.next_value()?;
            if key.chars().count() > LONGEST_KEY {
                return Err(A::Error::custom(format!("a key is longer than {LONGEST_KEY} characters")));
            }
            if value.chars().count() > LONGEST_VALUE {
                let message =
                    format!("the value of `{}` is longer than {LONGEST_VALUE} characters", shorten(&key));
                return Err(A::Error::custom(message));
            }
            pairs.push((key.into_owned(), value));
        }
        if pairs.len() > MOST_PAIRS {
            return Err(A::Error::custom(format!("there are more than {MOST_PAIRS} pairs")));
        }
        Ok(Pairs(pairs))
    }
}
