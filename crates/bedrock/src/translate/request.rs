//! A request of the domain into the body of a call.

use std::borrow::Cow;

use chat::{Error, ErrorKind, Field, Latency, Request, Result, ServiceTier as Tier, ToolChoice};

use super::fields::Offered;
use super::messages::{Conversation, Material, PLACEHOLDER, conversation};
use super::names::Names;
use super::notes::Notes;
use super::pairs::Pairs;
use super::restore::Restore;
use super::sampling::{inference_config, make_room_for_thoughts};
use super::structured::{Means, Shape, shape};
use super::tools::Workshop;
use super::{cache, fields, guard, reasoning, tools};
use crate::family::{Beside, Family};
use crate::guardrail::{Guardrail, GuardrailScope};
use crate::wire::request::{Block, Body, PerformanceConfig, ServiceTier, Speaker, ToolConfig, Turn};

/// What keeps a model from calls where the conversation holds some, and the request allows no more.
const NO_CALLS: &str = "Answer without calling any tool.";

/// What a body depends on besides the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// What the model accepts.
    pub(crate) family: &'a Family,
    /// The model's own guardrail.
    pub(crate) guardrail: Option<&'a Guardrail>,
    /// Whether a request may bring a guardrail of its own.
    pub(crate) guardrail_override: bool,
    /// What of a prompt the guardrail assesses.
    pub(crate) guardrail_scope: GuardrailScope,
    /// Whether cache points are placed where the client places none.
    pub(crate) cache: bool,
    /// Whether a leading `<thinking>` of the answer is reasoning.
    pub(crate) lift_thinking: bool,
    /// Whether `outputConfig` is worth a try.
    pub(crate) native_output: bool,
}

/// Which operation a body is for. The bodies differ in one member only: `streamProcessingMode`, and that only
/// where it is not the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// `Converse`.
    Converse,
    /// `ConverseStream`.
    ConverseStream,
}

/// A body, ready to be sent.
#[derive(Debug)]
pub(crate) struct Translated {
    /// The JSON.
    pub(crate) body: Vec<u8>,
    /// What could not be sent as the client wrote it.
    pub(crate) adjusted: Vec<Field>,
    /// What has no effect on this model.
    pub(crate) ignored: Vec<Field>,
    /// What the answer needs to become the client's again.
    pub(crate) restore: Restore,
    /// Whether the body holds tools.
    pub(crate) has_tools: bool,
    /// Whether the body holds `outputConfig`.
    pub(crate) is_native: bool,
}

/// Translates a request.
///
/// # Errors
///
/// [`ErrorKind::InvalidRequest`] and [`ErrorKind::Unsupported`], with the field to blame.
pub(crate) fn request(request: &Request, context: Context<'_>, operation: Operation) -> Result<Translated> {
    let family = context.family;
    let mut notes = Notes::default();
    let names = Names::of(request, family.tools.names);
    let pairs = Pairs::of(&request.messages)?;
    let thinking = reasoning::plan(request, family, &mut notes);
    let means = Means { family, native: context.native_output, thinks: thinking.thinks };
    let shape = shape(request, means, &names, &mut notes)?;
    let plan = Plan { context, names: &names, pairs: &pairs, thinking: &thinking, shape: &shape };
    let mut body = plan.body(request, operation, &mut notes)?;
    plan.finish(request, &mut body, &mut notes);
    let restore = Restore {
        names: names.restored(),
        output_tool: shape.tool().map(|tool| tool.name.clone()),
        drops_calls: request.tool_choice == Some(ToolChoice::None),
        lifts_thinking: context.lift_thinking,
    };
    let (has_tools, is_native) = (body.tool_config.is_some(), body.output_config.is_some());
    let mut written = Vec::with_capacity(body.size_hint());
    serde_json::to_writer(&mut written, &body).map_err(|error| {
        Error::new(ErrorKind::InvalidRequest, format!("the request cannot be written: {error}"))
    })?;
    let (adjusted, ignored) = notes.finish();
    Ok(Translated { body: written, adjusted, ignored, restore, has_tools, is_native })
}

/// What is settled before the body is written.
#[derive(Clone, Copy)]
struct Plan<'a> {
    context: Context<'a>,
    names: &'a Names<'a>,
    pairs: &'a Pairs<'a>,
    thinking: &'a reasoning::Plan,
    shape: &'a Shape<'a>,
}

impl<'a> Plan<'a> {
    fn body(self, request: &'a Request, operation: Operation, notes: &mut Notes) -> Result<Body<'a>> {
        let Plan { context, names, pairs, thinking, shape } = self;
        let family = context.family;
        // Destructured, so that a new member of the domain cannot be forgotten here. What is not named is read by
        // the module that it is for: tools, structured, reasoning and fields.
        let Request {
            system_prompt,
            messages,
            sampling,
            guardrail: _,
            service_tier,
            latency,
            tools: _,
            system_tools: _,
            tool_choice: _,
            parallel_tool_calls: _,
            response_format: _,
            reasoning_effort: _,
            betas: _,
            metadata: _,
            additional_fields: _,
            // For those who choose the model and make the calls.
            session: _,
            attempts: _,
            calls: _,
        } = request;
        let guardrail_config = guard::config(request, context, operation)?;
        let material = Material {
            system_prompt: system_prompt.as_deref(),
            messages,
            names,
            pairs,
            family,
            instruction: shape.instruction(),
            guard_last_turn: context.guardrail_scope == GuardrailScope::LastTurn
                && guardrail_config.is_some(),
            thinks: thinking.thinks,
        };
        let Conversation { system, turns } = conversation(material, notes)?;
        let (mut inference_config, mut top_k) = inference_config(sampling, family, notes)?;
        make_room_for_thoughts(&mut inference_config, &mut top_k, thinking, notes);
        let workshop = Workshop { request, family, names, output: shape.tool(), thinks: thinking.thinks };
        let tool_config = tools::config(workshop, notes)?;
        let others = fields::anthropic(request, family, offered(request, tool_config.as_ref()), notes);
        Ok(Body {
            messages: turns,
            system,
            inference_config,
            tool_config,
            guardrail_config,
            additional_model_request_fields: fields::additional(request, top_k, thinking, others),
            request_metadata: fields::metadata(request, notes),
            performance_config: latency.map(performance),
            service_tier: service_tier.map(tier),
            output_config: shape.native(),
        })
    }

    /// Does what needs the whole body.
    fn finish(self, request: &Request, body: &mut Body<'a>, notes: &mut Notes) {
        let family = self.context.family;
        if let Some(rule) = family.cache {
            if self.context.cache {
                cache::place(body, rule);
            }
            cache::limit(body, notes);
        }
        let no_calls = request.tool_choice == Some(ToolChoice::None);
        if no_calls && body.tool_config.is_some() && self.shape.tool().is_none() {
            // Behind every cache point: the next request is without these words.
            tell(&mut body.messages, family);
            notes.adjust(Field::ToolChoice);
        }
    }
}

fn offered(request: &Request, config: Option<&ToolConfig<'_>>) -> Offered {
    let Some(config) = config else { return Offered::Nothing };
    if request.tools.is_empty() || request.tool_choice == Some(ToolChoice::None) {
        Offered::Nothing
    } else if config.tool_choice.is_some() {
        Offered::WithChoice
    } else {
        Offered::WithoutChoice
    }
}

fn performance(latency: Latency) -> PerformanceConfig {
    PerformanceConfig {
        latency: match latency {
            Latency::Standard => "standard",
            Latency::Optimized => "optimized",
        },
    }
}

fn tier(tier: Tier) -> ServiceTier {
    ServiceTier {
        r#type: match tier {
            Tier::Default => "default",
            Tier::Flex => "flex",
            Tier::Priority => "priority",
        },
    }
}

/// Tells the model, at the end of the user's last turn, not to call any tool.
fn tell(turns: &mut Vec<Turn<'_>>, family: &Family) {
    let text = || Block::Text(Cow::Borrowed(NO_CALLS));
    let alone = family.tools.beside_results == Beside::Nothing;
    match turns.last_mut() {
        Some(turn) if turn.role == Speaker::User => {
            let has_results = turn.content.iter().any(|block| matches!(block, Block::ToolResult(_)));
            if has_results && alone {
                let placeholder = vec![Block::Text(Cow::Borrowed(PLACEHOLDER))];
                turns.push(Turn { role: Speaker::Assistant, content: placeholder });
                turns.push(Turn { role: Speaker::User, content: vec![text()] });
            } else {
                turn.content.push(text());
            }
        }
        // The model continues its own turn, and words of the user would end that.
        Some(_) | None => {}
    }
}
