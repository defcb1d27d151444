//! Members that are known and not honoured: which values mean nothing, and what the others lead to.
//!
//! A member whose loss changes what the answer is gets refused. One whose loss changes only how it comes about is
//! accepted, and named in the reply's headers.

use serde_json::Value;

/// What becomes of a member that is not honoured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    /// Whether a value asks for nothing.
    neutral: fn(&Value) -> bool,
    otherwise: Verdict,
}

/// What a value leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It asks for nothing.
    Nothing,
    /// It has no effect, which the client is told.
    Ignored,
    /// The request is refused.
    Refused,
}

impl Rule {
    pub(crate) fn judge(&self, value: &Value) -> Verdict {
        if value.is_null() || (self.neutral)(value) { Verdict::Nothing } else { self.otherwise }
    }
}

/// The rule for a member of the request.
pub(crate) fn of_request(name: &str) -> Option<&'static Rule> {
    REQUEST.iter().find(|rule| rule.name == name)
}

/// The rule for a member of a message.
pub(crate) fn of_message(name: &str) -> Option<&'static Rule> {
    MESSAGE.iter().find(|rule| rule.name == name)
}

const fn ignored(name: &'static str, neutral: fn(&Value) -> bool) -> Rule {
    Rule { name, neutral, otherwise: Verdict::Ignored }
}

const fn refused(name: &'static str, neutral: fn(&Value) -> bool) -> Rule {
    Rule { name, neutral, otherwise: Verdict::Refused }
}

fn never(_: &Value) -> bool {
    false
}

fn empty(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(serde_json::Map::is_empty)
}

fn zero(value: &Value) -> bool {
    value.as_f64() == Some(0.0)
}

fn off(value: &Value) -> bool {
    value.as_bool() == Some(false)
}

static REQUEST: &[Rule] = &[
    refused("modalities", |value| {
        value.as_array().is_some_and(|list| list.iter().all(|item| item == "text"))
    }),
    refused("audio", never),
    refused("web_search_options", never),
    refused("n", |value| value.as_u64() == Some(1)),
    refused("logprobs", off),
    refused("top_logprobs", zero),
    ignored("seed", never),
    ignored("user", never),
    ignored("frequency_penalty", zero),
    ignored("presence_penalty", zero),
    ignored("logit_bias", empty),
    ignored("store", off),
    ignored("prediction", never),
    ignored("safety_identifier", never),
    ignored("prompt_cache_key", never),
    ignored("prompt_cache_retention", never),
    ignored("verbosity", |value| value == "medium"),
];

static MESSAGE: &[Rule] =
    &[refused("audio", never), ignored("annotations", empty), ignored("provider_specific_fields", empty)];
