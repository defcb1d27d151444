//! A reply of `Converse` into the answer of the domain.

use std::borrow::Cow;
use std::collections::VecDeque;

use chat::{Collector, Error, ErrorKind, Event, Metadata, Reasoning, Response, Result};

use super::answer::Answer;
use super::restore::Restore;
use super::stop_reason::{is_known, stop_reason};
use super::usage::usage;
use crate::wire::reply::{About, Block, PerformanceConfig, ReasoningContent, Reply, ServiceTier, ToolUse};

/// A reply as the events that a stream would have given.
#[derive(Debug)]
pub(crate) struct Answered {
    /// The events, complete.
    pub(crate) events: VecDeque<Event>,
    /// How many blocks and stop reasons were not known.
    pub(crate) skipped: usize,
}

/// Translates the body of a reply, and counts what was not known: blocks, which were left out, and the stop reason.
///
/// # Errors
///
/// [`ErrorKind::Upstream`] where the body is no reply, [`ErrorKind::MalformedOutput`] where it says so itself.
pub(crate) fn response(body: &[u8], restore: &Restore) -> Result<(Response, usize)> {
    let Answered { events, skipped } = events(body, restore)?;
    let mut collector = Collector::default();
    events.into_iter().for_each(|event| collector.push(event));
    Ok((collector.finish()?, skipped))
}

/// Translates the body of a reply into the events of a stream: one way for both, so that they cannot differ.
///
/// # Errors
///
/// As for [`response`].
pub(crate) fn events(body: &[u8], restore: &Restore) -> Result<Answered> {
    // The parser's own message may quote the answer, so it stays out of ours.
    let reply: Reply<'_> = serde_json::from_slice(body).map_err(|_| {
        Error::new(ErrorKind::Upstream, "the reply from Amazon Bedrock is not a Converse reply")
    })?;
    let Some(message) = reply.output.and_then(|output| output.message) else {
        return Err(Error::new(ErrorKind::Upstream, "the reply from Amazon Bedrock holds no message"));
    };
    let Some(reason) = reply.stop_reason else {
        return Err(Error::new(ErrorKind::Upstream, "the reply from Amazon Bedrock holds no stop reason"));
    };
    let finish_reason = stop_reason(&reason)?;
    let mut answer = Answer::new(restore.clone());
    answer.push(Event::Started);
    let mut skipped = usize::from(!is_known(&reason));
    for block in message.content.into_iter().flatten() {
        let is_known = push(&mut answer, block);
        skipped = skipped.saturating_add(usize::from(!is_known));
    }
    answer.finish(finish_reason);
    let about = About {
        usage: reply.usage,
        trace: reply.trace,
        service_tier: reply.service_tier,
        performance_config: reply.performance_config,
    };
    answer.push(Event::Metadata(Box::new(metadata(about))));
    Ok(Answered { events: answer.into_events(), skipped })
}

/// Takes one block, and says whether its kind is known.
fn push(answer: &mut Answer, block: Block<'_>) -> bool {
    let Block { text, tool_use, reasoning_content, citations_content, tool_result } = block;
    if let Some(text) = text {
        answer.text(text);
    } else if let Some(call) = tool_use {
        push_call(answer, call);
    } else if let Some(reasoning) = reasoning_content {
        push_reasoning(answer, reasoning);
    } else if let Some(cited) = citations_content {
        cited.content.into_iter().filter_map(|piece| piece.text).for_each(|text| answer.text(text));
    } else {
        return tool_result.is_some();
    }
    true
}

fn push_call(answer: &mut Answer, call: ToolUse<'_>) {
    if call.is_made_by_server() {
        return;
    }
    let slot = answer.call(call.tool_use_id, &call.name);
    let input = call.input.map(|input| input.get()).filter(|input| *input != "null");
    answer.arguments(slot, Cow::Borrowed(input.unwrap_or("{}")));
}

fn push_reasoning(answer: &mut Answer, reasoning: ReasoningContent<'_>) {
    if let Some(thoughts) = reasoning.reasoning_text {
        let text = thoughts.text.unwrap_or_default();
        answer.thought(Cow::Borrowed(&*text));
        let signature = thoughts.signature.map(Cow::into_owned);
        answer.reasoning(Reasoning::Thinking { text: text.into_owned(), signature });
    }
    if let Some(data) = reasoning.redacted_content {
        answer.reasoning(Reasoning::Redacted(data.into_owned()));
    }
}

/// Translates what is said besides the answer.
pub(super) fn metadata(about: About<'_>) -> Metadata {
    let About { usage: tokens, trace, service_tier, performance_config } = about;
    Metadata {
        usage: tokens.as_ref().map(usage),
        guardrail_trace: trace.and_then(|trace| trace.guardrail).map(ToOwned::to_owned),
        service_tier: service_tier.and_then(|ServiceTier { r#type }| r#type).map(Cow::into_owned),
        latency: performance_config.and_then(|PerformanceConfig { latency }| latency).map(Cow::into_owned),
    }
}
