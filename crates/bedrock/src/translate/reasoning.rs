//! How much the model is to think, in the words of its family.

use chat::{Effort, Field, JsonObject, Message, Reasoning, Request};
use serde_json::{Value, json};

use super::notes::Notes;
use super::pairs::{has_content, speaks};
use crate::family::{Family, Thinking};

/// The least budget that Claude takes.
const LEAST_BUDGET: u32 = 1024;

/// What a wish for thinking means for the rest of the request.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The fields that ask for it.
    pub(super) fields: JsonObject,
    /// Whether Claude thinks: it is then not forced to call, not steered by sampling, and not given words to continue.
    pub(super) thinks: bool,
    /// What else the request must not say.
    pub(super) forbids: Forbids,
    /// Whether the client's own wish for thinking cannot be sent.
    pub(super) drops_own: bool,
    /// The limit of tokens, where it has to make room for the thoughts.
    pub(super) max_tokens: Option<u32>,
}

/// Parameters that do not go together with thinking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Forbids {
    /// None.
    #[default]
    Nothing,
    /// Temperature, `topP` and the number of candidate tokens.
    Sampling,
    /// Those, and the limit of tokens.
    SamplingAndLimit,
}

/// Plans the thinking of a request.
pub(super) fn plan(request: &Request, family: &Family, notes: &mut Notes) -> Plan {
    let mut plan = asked(request, family, notes);
    // A client may also ask in the model's own words.
    let own = own_wish(request).filter(|_| family.anthropic && !plan.thinks);
    if own == Some("enabled") && lacks_signature(&request.messages) {
        notes.adjust(Field::AdditionalFields);
        plan.drops_own = true;
    } else if own.is_some() {
        plan.thinks = true;
        plan.forbids = Forbids::Sampling;
    }
    plan
}

fn own_wish(request: &Request) -> Option<&str> {
    let thinking = request.additional_fields.as_ref()?.get("thinking")?;
    thinking.get("type")?.as_str().filter(|kind| matches!(*kind, "enabled" | "adaptive"))
}

fn asked(request: &Request, family: &Family, notes: &mut Notes) -> Plan {
    let effort = match request.reasoning_effort {
        None | Some(Effort::None) => return unasked(request.reasoning_effort, family),
        Some(effort) => effort,
    };
    match family.thinking {
        Thinking::None => {
            notes.ignore(Field::ReasoningEffort);
            Plan::default()
        }
        Thinking::Budget | Thinking::Adaptive(_) if effort == Effort::Minimal => {
            notes.adjust(Field::ReasoningEffort);
            Plan::default()
        }
        Thinking::Budget => budget(request, effort, notes),
        Thinking::Adaptive(highest) => {
            let word = if effort == Effort::XHigh { highest } else { word(effort) };
            let fields = json!({ "thinking": { "type": "adaptive" }, "output_config": { "effort": word } });
            Plan { thinks: true, forbids: Forbids::Sampling, ..Plan::of(fields) }
        }
        Thinking::Nova => {
            let word = capped(effort, notes);
            let fields = json!({ "reasoningConfig": { "type": "enabled", "maxReasoningEffort": word } });
            let forbids = if word == "high" { Forbids::SamplingAndLimit } else { Forbids::Nothing };
            Plan { forbids, ..Plan::of(fields) }
        }
        Thinking::EffortField => Plan::of(json!({ "reasoning_effort": capped(effort, notes) })),
        Thinking::QwenConfig => {
            let word = if effort <= Effort::Low { "low" } else { "high" };
            if word != self::word(effort) {
                notes.adjust(Field::ReasoningEffort);
            }
            Plan::of(json!({ "reasoning_config": word }))
        }
        Thinking::GptEffort => Plan::of(json!({ "reasoning": { "effort": word(effort) } })),
    }
}

/// Most families think only when they are asked.
fn unasked(effort: Option<Effort>, family: &Family) -> Plan {
    match (effort, family.thinking) {
        (Some(effort), Thinking::GptEffort) => Plan::of(json!({ "reasoning": { "effort": word(effort) } })),
        (
            _,
            Thinking::None
            | Thinking::Budget
            | Thinking::Adaptive(_)
            | Thinking::Nova
            | Thinking::EffortField
            | Thinking::QwenConfig
            | Thinking::GptEffort,
        ) => Plan::default(),
    }
}

impl Plan {
    fn of(fields: Value) -> Self {
        match fields {
            Value::Object(fields) => Self { fields, ..Self::default() },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Self::default()
            }
        }
    }
}

fn budget(request: &Request, effort: Effort, notes: &mut Notes) -> Plan {
    if lacks_signature(&request.messages) {
        // Claude wants its own thoughts back before the calls that came of them.
        notes.adjust(Field::ReasoningEffort);
        return Plan::default();
    }
    let wanted = match effort {
        Effort::None | Effort::Minimal | Effort::Low => LEAST_BUDGET,
        Effort::Medium => 4096,
        Effort::High => 16_384,
        Effort::XHigh => 32_768,
    };
    let (budget, max_tokens) = match request.sampling.max_tokens {
        None => (wanted, None),
        Some(max) if max <= LEAST_BUDGET => {
            notes.adjust(Field::MaxTokens);
            (LEAST_BUDGET, Some(LEAST_BUDGET.saturating_add(max)))
        }
        Some(max) => (wanted.min(max / 5 * 4).max(LEAST_BUDGET), None),
    };
    let fields = json!({ "thinking": { "type": "enabled", "budget_tokens": budget } });
    Plan { thinks: true, forbids: Forbids::Sampling, max_tokens, ..Plan::of(fields) }
}

/// Says whether the model's last turn asks for calls without the thoughts that led to them. Messages of which
/// nothing is sent end no turn.
fn lacks_signature(messages: &[Message]) -> bool {
    let (mut speaks_last, mut calls, mut is_proven) = (false, false, false);
    for message in messages.iter().rev() {
        match message {
            Message::Assistant(assistant) if speaks(assistant) => {
                speaks_last = true;
                calls |= !assistant.tool_calls.is_empty();
                is_proven |= assistant.reasoning.iter().any(is_signed);
            }
            Message::Assistant(_) => {}
            Message::System(parts) if !has_content(parts) => {}
            Message::System(_) | Message::User(_) | Message::Tool(_) if speaks_last => break,
            Message::System(_) | Message::User(_) | Message::Tool(_) => {}
        }
    }
    calls && !is_proven
}

fn is_signed(block: &Reasoning) -> bool {
    match block {
        Reasoning::Thinking { signature, .. } => signature.is_some(),
        Reasoning::Redacted(_) => true,
    }
}

/// The word for an effort where the family knows three.
fn capped(effort: Effort, notes: &mut Notes) -> &'static str {
    let capped = effort.clamp(Effort::Low, Effort::High);
    if capped != effort {
        notes.adjust(Field::ReasoningEffort);
    }
    word(capped)
}

fn word(effort: Effort) -> &'static str {
    match effort {
        Effort::None => "none",
        Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::XHigh => "xhigh",
    }
}
