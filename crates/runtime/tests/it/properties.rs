//! Conversations at random, each to several models: what leaves is what Bedrock takes, and what does not is refused
//! here, by its path.

use std::cell::Cell;

use bedrock_emulator::{Config, Emulator};
use proptest::test_runner::{Config as Cases, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::conversations::request;
use crate::support::{Events, Gateway, Reply, params_for};

/// How many conversations there are.
const CASES: u32 = 200;

/// Where chance begins; another one tries other conversations (`SPICERACK_SEED=2 cargo test …`).
const SEED: Option<&str> = option_env!("SPICERACK_SEED");

const MODELS: &[(&str, &str)] = &[
    ("nova", "us.amazon.nova-lite-v1:0"),
    ("claude-sonnet-4-5", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ("claude-4-6", "us.anthropic.claude-sonnet-4-6"),
    ("llama-4", "us.meta.llama4-maverick-17b-instruct-v1:0"),
    ("pixtral", "us.mistral.pixtral-large-2502-v1:0"),
    ("gpt-oss", "openai.gpt-oss-120b-1:0"),
    ("hidden", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456"),
];

/// What only Bedrock knows, and so has to refuse: what a model sees, and the limits of one that is hidden.
const BEDROCKS: &[(&str, &str)] =
    &[("gpt-oss", "doesn't support the image field"), ("hidden", "documents, and at most 5 are allowed")];

struct World {
    runtime: Runtime,
    gateway: Gateway,
    emulator: Emulator,
    /// How many requests the emulator has seen.
    seen: Cell<usize>,
}

#[test]
fn any_conversation_is_taken_or_refused_here_by_its_path() {
    let seed: u64 = SEED.unwrap_or("1").parse().unwrap();
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let cases = Cases { cases: CASES, failure_persistence: None, max_shrink_iters: 400, ..Cases::default() };
    let world = World::start();
    let tried = TestRunner::new_with_rng(cases, rng).run(&request(), |request| {
        for (name, _) in MODELS {
            world.runtime.block_on(world.ask(name, &request))?;
        }
        Ok(())
    });
    tried.unwrap_or_else(|error| panic!("SPICERACK_SEED={seed}: {error}"));
    // Most of them say something, or nothing is tried here.
    let asked = world.seen.get();
    assert!(asked > usize::try_from(CASES).unwrap() * MODELS.len(), "{asked} calls");
}

impl World {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let emulator = runtime.block_on(Emulator::start(Config::default())).unwrap();
        let params: String = params_for(&emulator).iter().map(|line| format!("      {line}\n")).collect();
        let models: String = MODELS
            .iter()
            .map(|(name, id)| {
                format!("  - from: 'bedrock:{id}'\n    name: {name}\n    params:\n      aws_region: us-east-1\n{params}")
            })
            .collect();
        let manifest = format!("version: v1\nkind: Spicepod\nname: properties\nmodels:\n{models}");
        Self { gateway: Gateway::start(&manifest, &[]), emulator, runtime, seen: Cell::new(0) }
    }

    async fn ask(&self, model: &str, request: &Value) -> Result<(), TestCaseError> {
        let mut request = request.clone();
        request["model"] = model.into();
        let whole = self.exchange(&request).await?;
        request["stream"] = true.into();
        let streamed = self.exchange(&request).await?;
        let fail = |what: &str, one: &dyn std::fmt::Debug, other: &dyn std::fmt::Debug| {
            Err(TestCaseError::fail(format!("{model}: {what}\n  whole    {one:?}\n  streamed {other:?}")))
        };
        if whole.status != streamed.status {
            return fail("the status differs", &whole, &streamed);
        }
        let (one, other) = if whole.status == 200 {
            let events = streamed.events();
            if !events.done {
                return fail("the stream does not end", &whole, &events);
            }
            (said(&whole.json()["choices"][0]), collected(&events))
        } else {
            (whole.json(), streamed.json())
        };
        if one == other { Ok(()) } else { fail("the answers differ", &one, &other) }
    }

    /// Sends a request, and holds the answer to what may be answered.
    async fn exchange(&self, request: &Value) -> Result<Reply, TestCaseError> {
        let reply = self.gateway.http.post(request).await;
        let calls = self.emulator.requests_since(self.seen.get());
        self.seen.update(|seen| seen + calls.len());
        let error = &reply.text();
        let fail = |what: &str| {
            let sent: Vec<String> =
                calls.iter().map(|call| String::from_utf8_lossy(&call.body).into_owned()).collect();
            let model = &request["model"];
            Err(TestCaseError::fail(format!("{model}: {what}: {} {error}\n{sent:#?}", reply.status)))
        };
        match reply.status.as_u16() {
            200 if calls.is_empty() => fail("nobody was asked"),
            200 => Ok(reply),
            400 if !calls.is_empty() && is_bedrocks(&request["model"], error) => Ok(reply),
            400 if !calls.is_empty() => fail("Bedrock refuses it"),
            400 if reply.json()["error"]["param"].is_null() => fail("the refusal names no path"),
            400 => Ok(reply),
            _ => fail("it is neither answered nor refused"),
        }
    }
}

fn is_bedrocks(model: &Value, error: &str) -> bool {
    BEDROCKS.iter().any(|(name, words)| model == name && error.contains(words))
}

/// What a choice of a whole answer says.
fn said(choice: &Value) -> Value {
    let message = &choice["message"];
    json!({
        "content": message["content"].as_str().unwrap_or_default(),
        "reasoning": message["reasoning_content"].as_str().unwrap_or_default(),
        "thoughts": message["thinking_blocks"].as_array().cloned().unwrap_or_default(),
        "calls": message["tool_calls"].as_array().cloned().unwrap_or_default(),
        "reason": choice["finish_reason"],
    })
}

/// The same of a streamed one.
fn collected(events: &Events) -> Value {
    let deltas = || events.chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]);
    let reasoning: String = deltas().filter_map(|delta| delta["reasoning_content"].as_str()).collect();
    let thoughts = deltas().flat_map(|delta| delta["thinking_blocks"].as_array().into_iter().flatten());
    let mut thoughts: Vec<Value> = thoughts.cloned().collect();
    for (place, block) in thoughts.iter_mut().enumerate() {
        assert_eq!(block.as_object_mut().unwrap().shift_remove("index"), Some(place.into()));
    }
    let mut calls: Vec<Value> = Vec::new();
    for piece in deltas().flat_map(|delta| delta["tool_calls"].as_array().into_iter().flatten()) {
        let index = usize::try_from(piece["index"].as_u64().unwrap()).unwrap();
        if index == calls.len() {
            calls.push(json!({ "id": piece["id"], "type": piece["type"], "function": piece["function"] }));
        } else {
            let arguments = &mut calls[index]["function"]["arguments"];
            let more = piece["function"]["arguments"].as_str().unwrap();
            *arguments = format!("{}{more}", arguments.as_str().unwrap()).into();
        }
    }
    json!({
        "content": events.content(), "reasoning": reasoning, "thoughts": thoughts, "calls": calls,
        "reason": match events.finish_reasons()[..] { [reason] => reason, _ => "not one" },
    })
}
