//! The emulator's own answers: about what was asked, and the same for the same request.

use serde_json::{Map, Value, json};

use crate::cache::Counted;
use crate::family::Maker;
use crate::guardrail::{self, Guardrail};
use crate::reply::Refusal;
use crate::request::{Block, Message, Request};
use crate::script::Reply;
use crate::service::Call;
use crate::state::State;

mod calls;
mod media;
mod schema;
mod stream;
mod text;
mod thought;
mod words;

/// What Nova says of tools whose names it cannot write.
const INVALID_SEQUENCE: &str = "Model produced invalid sequence as part of ToolUse. Please refer to the model tool use \
                                troubleshooting guide.";

/// A block of an answer.
#[derive(Clone, Debug)]
enum Said {
    Text(String),
    Thought { text: String, signature: Option<String> },
    Redacted(String),
    Use { id: String, name: String, input: Value },
}

impl Said {
    fn block(&self) -> Value {
        match self {
            Self::Text(text) => json!({ "text": text }),
            Self::Thought { text, signature: None } => {
                json!({ "reasoningContent": { "reasoningText": { "text": text } } })
            }
            Self::Thought { text, signature: Some(signature) } => {
                json!({ "reasoningContent": { "reasoningText": { "text": text, "signature": signature } } })
            }
            Self::Redacted(bytes) => json!({ "reasoningContent": { "redactedContent": bytes } }),
            Self::Use { id, name, input } => {
                json!({ "toolUse": { "toolUseId": id, "name": name, "input": input } })
            }
        }
    }
}

/// What came of a request, in either form.
struct Outcome {
    blocks: Vec<Said>,
    stop_reason: &'static str,
    counted: Counted,
    output_tokens: usize,
    trace: Option<Value>,
}

impl Outcome {
    /// All that is plain text.
    fn text(&self) -> String {
        let texts = self.blocks.iter().filter_map(|block| match block {
            Said::Text(text) => Some(text.as_str()),
            Said::Thought { .. } | Said::Redacted(_) | Said::Use { .. } => None,
        });
        texts.collect()
    }
}

/// About what a tokenizer would count.
pub(crate) fn tokens(text: &str) -> usize {
    text::pieces(text).count()
}

/// The failure that a model always has with a request, whatever else it would say.
pub(crate) fn failure(call: &Call, request: &Request) -> Option<Result<Reply, Refusal>> {
    let fails = request.family.is_nova() && request.tools().any(|tool| tool.name.contains('-'));
    fails.then(|| {
        if call.stream {
            let begun = Reply::events().event("messageStart", &json!({ "role": "assistant" }));
            Ok(begun.exception("modelStreamErrorException", INVALID_SEQUENCE))
        } else {
            Err(Refusal::new(424, "ModelErrorException", INVALID_SEQUENCE))
        }
    })
}

/// Answers a request.
pub(crate) fn to(call: &Call, region: &str, request: &Request, state: &State) -> Reply {
    let outcome = outcome(call, region, request, state);
    if call.stream { stream::stream(request, &outcome) } else { whole(request, &outcome) }
}

fn outcome(call: &Call, region: &str, request: &Request, state: &State) -> Outcome {
    let mut guarded = request.guardrail.as_ref().map(|guardrail| Guarded {
        guardrail,
        region,
        prompt: assess_prompt(request),
    });
    if let Some(guarded) = guarded.as_mut().filter(|guarded| guarded.prompt.is_blocked()) {
        // The model never sees the prompt.
        return Outcome {
            blocks: vec![Said::Text(guardrail::BLOCKED.to_owned())],
            stop_reason: "guardrail_intervened",
            counted: Counted::default(),
            output_tokens: 0,
            trace: guarded.guardrail.trace(region, &guarded.prompt, None),
        };
    }
    let limited = limited(said(call, request), request);
    let counted = state.count(&call.model_id, request);
    let (blocks, stop_reason, output_tokens) = limited;
    let answer = Outcome { blocks, stop_reason, counted, output_tokens, trace: None };
    match guarded {
        Some(guarded) => guarded.screen(answer),
        None => answer,
    }
}

/// Looks at what is marked for the guardrail, or else at all that is said.
fn assess_prompt(request: &Request) -> guardrail::Assessment {
    let blocks = || request.messages.iter().flat_map(|message| &message.content).chain(&request.system);
    let marked: Vec<&str> = blocks()
        .filter(|block| block.kind == "guardContent")
        .filter_map(|block| block.text.as_deref())
        .collect();
    let all = request.messages.iter().map(Message::text).collect::<Vec<_>>().join("\n");
    if blocks().any(|block| block.kind == "guardContent") {
        return guardrail::assess_prompt(&marked.join("\n"), &all);
    }
    guardrail::assess_prompt(&all, &all)
}

/// All that the model would say.
fn said(call: &Call, request: &Request) -> Vec<Said> {
    let uses = calls::of(call, request);
    let mut blocks: Vec<Said> = thought::of(request, &uses).into_iter().collect();
    if uses.is_empty() {
        let text = match &request.schema {
            Some(schema) => schema::fill(schema, &words::Words::of(request), false).to_string(),
            None => text::full(&call.model_id, request),
        };
        let prefill = request.prefill().map(Message::text);
        blocks.push(Said::Text(text::continued(&text, prefill.as_deref())));
    } else if request.family.maker == Maker::Nova && !calls::are_forced(request) {
        blocks.push(Said::Text(thought::aloud(&uses)));
    }
    blocks.extend(uses);
    blocks
}

/// As many blocks as a request's limits allow, why there are no more, and their tokens.
fn limited(said: Vec<Said>, request: &Request) -> (Vec<Said>, &'static str, usize) {
    let most = request.max_tokens.unwrap_or(usize::MAX);
    let (mut blocks, mut spent) = (Vec::new(), 0);
    let mut reason = "end_turn";
    for block in said {
        let left = most.saturating_sub(spent);
        match block {
            Said::Text(text) => {
                let cut = text::cut(&text, &request.stop_sequences, Some(left));
                spent += tokens(cut.text);
                if !cut.text.is_empty() {
                    blocks.push(Said::Text(cut.text.to_owned()));
                }
                if cut.stop_reason != "end_turn" {
                    return (blocks, cut.stop_reason, spent);
                }
            }
            Said::Thought { text, .. } if tokens(&text) > left => {
                let cut = text::cut(&text, &[], Some(left));
                blocks.push(Said::Thought { text: cut.text.to_owned(), signature: None });
                return (blocks, "max_tokens", most);
            }
            Said::Use { input, .. } if tokens(&input.to_string()) > left => {
                return (blocks, "max_tokens", most);
            }
            Said::Thought { text, signature } => {
                spent += tokens(&text);
                blocks.push(Said::Thought { text, signature });
            }
            Said::Redacted(bytes) => blocks.push(Said::Redacted(bytes)),
            Said::Use { id, name, input } => {
                spent += tokens(&input.to_string());
                reason = "tool_use";
                blocks.push(Said::Use { id, name, input });
            }
        }
    }
    (blocks, reason, spent)
}

/// A request's guardrail, and what it found in the prompt.
struct Guarded<'a> {
    guardrail: &'a Guardrail,
    region: &'a str,
    prompt: guardrail::Assessment,
}

impl Guarded<'_> {
    fn screen(&self, answer: Outcome) -> Outcome {
        let text = answer.text();
        let assessment = guardrail::assess_answer(&text);
        let trace = self.guardrail.trace(self.region, &self.prompt, Some((&assessment, &text)));
        if assessment.is_blocked() {
            let blocks = vec![Said::Text(guardrail::BLOCKED.to_owned())];
            return Outcome { blocks, stop_reason: "guardrail_intervened", trace, ..answer };
        }
        Outcome { trace, ..answer }
    }
}

/// The members that both forms end with.
fn account(request: &Request, outcome: &Outcome) -> Map<String, Value> {
    let (counted, output) = (outcome.counted, outcome.output_tokens);
    let mut members = request.echoed.clone();
    members.insert("metrics".to_owned(), json!({ "latencyMs": 20 + 5 * output }));
    let total = counted.input + counted.read + counted.written + output;
    let mut usage = json!({ "inputTokens": counted.input, "outputTokens": output, "totalTokens": total });
    if let (true, Value::Object(usage)) = (counted.asked, &mut usage) {
        // Every count under both of the names that Bedrock gives it.
        for (name, tokens) in
            [("cacheReadInputToken", counted.read), ("cacheWriteInputToken", counted.written)]
        {
            usage.insert(format!("{name}s"), tokens.into());
            usage.insert(format!("{name}Count"), tokens.into());
        }
    }
    members.insert("usage".to_owned(), usage);
    if let Some(trace) = &outcome.trace {
        members.insert("trace".to_owned(), trace.clone());
    }
    members
}

fn whole(request: &Request, outcome: &Outcome) -> Reply {
    // A model that says nothing has no block.
    let content: Vec<Value> = outcome.blocks.iter().map(Said::block).collect();
    let mut members = account(request, outcome);
    members.insert("output".to_owned(), json!({ "message": { "content": content, "role": "assistant" } }));
    members.insert("stopReason".to_owned(), outcome.stop_reason.into());
    Reply::json(200, &Value::Object(members))
}

/// The blocks of the last turn that are results of tools.
fn results(request: &Request) -> Vec<&Block> {
    let last = request.messages.last();
    last.map(|message| message.of_kind("toolResult").collect()).unwrap_or_default()
}
