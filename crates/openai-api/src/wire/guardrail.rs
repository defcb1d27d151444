//! A guardrail for one request.

use chat::{GuardrailMode, GuardrailTrace};
use serde::Deserialize;

use super::word::{Word, Words};

/// A guardrail for this request alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a guardrail: {\"identifier\": \"...\", \"version\": \"...\"}")]
pub(crate) struct Guardrail {
    pub(crate) identifier: String,
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) trace: Option<Word<GuardrailTrace>>,
    #[serde(default)]
    pub(crate) stream_mode: Option<Word<GuardrailMode>>,
}

impl Words for GuardrailTrace {
    const WORDS: &'static [(&'static str, Self)] =
        &[("disabled", Self::Disabled), ("enabled", Self::Enabled), ("enabled_full", Self::EnabledFull)];
}

impl Words for GuardrailMode {
    const WORDS: &'static [(&'static str, Self)] = &[("sync", Self::Sync), ("async", Self::Async)];
}
