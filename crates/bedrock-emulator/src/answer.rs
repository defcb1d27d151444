//! The emulator's own answers: about what was asked, and the same for the same request.

use serde_json::{Map, Value, json};

use crate::guardrail::{self, Guardrail};
use crate::reply::request_id;
use crate::request::{Message, Request};
use crate::script::Reply;
use crate::service::Call;
use text::Cut;

mod text;

/// What came of a request, in either form.
struct Outcome {
    text: String,
    stop_reason: &'static str,
    input_tokens: usize,
    output_tokens: usize,
    trace: Option<Value>,
}

/// Answers a request.
pub(crate) fn to(call: &Call, region: &str, request: &Request) -> Reply {
    let outcome = outcome(call, region, request);
    if call.stream { stream(request, &outcome) } else { whole(request, &outcome) }
}

fn outcome(call: &Call, region: &str, request: &Request) -> Outcome {
    let prompt = request.messages.iter().map(Message::text).collect::<Vec<_>>().join("\n");
    let mut guarded = request.guardrail.as_ref().map(|guardrail| Guarded {
        guardrail,
        region,
        prompt: guardrail::assess_prompt(&prompt),
    });
    if let Some(guarded) = guarded.as_mut().filter(|guarded| guarded.prompt.is_blocked()) {
        // The model never sees the prompt.
        return Outcome {
            text: guardrail::BLOCKED.to_owned(),
            stop_reason: "guardrail_intervened",
            input_tokens: 0,
            output_tokens: 0,
            trace: guarded.guardrail.trace(region, &guarded.prompt, None),
        };
    }
    let said = text::continued(
        &text::full(&call.model_id, request),
        request.prefill().map(Message::text).as_deref(),
    );
    let cut = text::cut(&said, &request.stop_sequences, request.max_tokens);
    let answer = Outcome {
        stop_reason: cut.stop_reason,
        input_tokens: input_tokens(request),
        output_tokens: text::pieces(cut.text).count(),
        text: cut.text.to_owned(),
        trace: None,
    };
    match guarded {
        Some(guarded) => guarded.screen(answer, &cut),
        None => answer,
    }
}

/// A request's guardrail, and what it found in the prompt.
struct Guarded<'a> {
    guardrail: &'a Guardrail,
    region: &'a str,
    prompt: guardrail::Assessment,
}

impl Guarded<'_> {
    fn screen(&self, answer: Outcome, cut: &Cut<'_>) -> Outcome {
        let assessment = guardrail::assess_answer(&answer.text);
        let trace = self.guardrail.trace(self.region, &self.prompt, Some((&assessment, cut.text)));
        if assessment.is_blocked() {
            let text = guardrail::BLOCKED.to_owned();
            return Outcome { text, stop_reason: "guardrail_intervened", trace, ..answer };
        }
        Outcome { trace, ..answer }
    }
}

/// About what a tokenizer would count, with a few for each turn.
fn input_tokens(request: &Request) -> usize {
    let system = request.system.iter().filter_map(|block| block.text.as_deref());
    let system: usize = system.map(|text| text::pieces(text).count()).sum();
    let turns: usize = request.messages.iter().map(|message| 3 + text::pieces(&message.text()).count()).sum();
    system + turns
}

/// The members that both forms end with.
fn account(request: &Request, outcome: &Outcome) -> Map<String, Value> {
    let (input, output) = (outcome.input_tokens, outcome.output_tokens);
    let mut members = request.echoed.clone();
    members.insert("metrics".to_owned(), json!({ "latencyMs": 20 + 5 * output }));
    let usage = json!({ "inputTokens": input, "outputTokens": output, "totalTokens": input + output });
    members.insert("usage".to_owned(), usage);
    if let Some(trace) = &outcome.trace {
        members.insert("trace".to_owned(), trace.clone());
    }
    members
}

fn whole(request: &Request, outcome: &Outcome) -> Reply {
    // A model that says nothing has no block.
    let content = if outcome.text.is_empty() { json!([]) } else { json!([{ "text": outcome.text }]) };
    let mut members = account(request, outcome);
    members.insert("output".to_owned(), json!({ "message": { "content": content, "role": "assistant" } }));
    members.insert("stopReason".to_owned(), outcome.stop_reason.into());
    Reply::json(200, &Value::Object(members))
}

fn stream(request: &Request, outcome: &Outcome) -> Reply {
    let mut reply = Reply::events()
        .header("x-amzn-RequestId", &request_id(&outcome.text))
        .event("messageStart", &json!({ "role": "assistant" }));
    for piece in text::pieces(&outcome.text) {
        reply = reply.text_delta(piece);
    }
    if !outcome.text.is_empty() {
        reply = reply.event("contentBlockStop", &json!({ "contentBlockIndex": 0 }));
    }
    reply
        .event("messageStop", &json!({ "stopReason": outcome.stop_reason }))
        .event("metadata", &Value::Object(account(request, outcome)))
}
