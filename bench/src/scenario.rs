//! What is asked, how often, and by how many at once.

use std::time::Duration;

use serde_json::{Value, json};

/// The model that streams 100 pieces at once.
pub const LITE: &str = "amazon.nova-lite-v1:0";
/// The model that streams 1,000 pieces at once.
pub const PRO: &str = "amazon.nova-pro-v1:0";
/// The model that streams 100 pieces, one each [`PACE`].
pub const MICRO: &str = "amazon.nova-micro-v1:0";
/// The time between two pieces of [`MICRO`].
pub const PACE: Duration = Duration::from_millis(10);

/// The models by the names that requests use.
pub const MODELS: [(&str, &str); 3] = [("lite", LITE), ("pro", PRO), ("micro", MICRO)];

/// One kind of load.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name in reports.
    pub name: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    /// The model's name.
    pub model: &'static str,
    /// The request's body.
    pub body: String,
    /// Whether the answer comes in pieces.
    pub stream: bool,
    /// Requests at once.
    pub at_once: usize,
    /// Requests in one turn of one program.
    pub requests: usize,
}

impl Scenario {
    /// The pieces of a streamed answer.
    pub fn pieces(&self) -> u64 {
        if self.model == "pro" { 1_000 } else { 100 }
    }
}

/// Everything that is measured by load.
pub fn all() -> Vec<Scenario> {
    let scenario = |name, title, model, body: Value, (at_once, requests)| Scenario {
        name,
        title,
        model,
        stream: body.get("stream").is_some(),
        body: body.to_string(),
        at_once,
        requests,
    };
    vec![
        scenario("short-1", "short prompt, one at a time", "lite", short("lite"), (1, 1_500)),
        scenario("short-32", "short prompt, 32 at once", "lite", short("lite"), (32, 6_000)),
        scenario("agent-8", "80 KB agent prompt with 30 tools, 8 at once", "lite", agent(), (8, 1_500)),
        scenario("image-4", "1 MB image, 4 at once", "lite", image(), (4, 200)),
        scenario("stream-1", "stream of 100 events, one at a time", "lite", streamed("lite"), (1, 800)),
        scenario("stream-16", "stream of 100 events, 16 at once", "lite", streamed("lite"), (16, 2_000)),
        scenario("stream-long-4", "stream of 1,000 events, 4 at once", "pro", streamed("pro"), (4, 250)),
        scenario(
            "stream-paced-64",
            "stream of 100 events in 1 s, 64 at once",
            "micro",
            streamed("micro"),
            (64, 128),
        ),
    ]
}

/// A question of two sentences.
pub fn short(model: &str) -> Value {
    json!({
        "model": model,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "Say in two sentences what a reverse proxy does, and why one in front of a language model has to be fast."},
        ],
        "max_tokens": 256,
        "temperature": 0.7,
    })
}

fn streamed(model: &str) -> Value {
    with(short(model), json!({"stream": true, "stream_options": {"include_usage": true}}))
}

/// Puts the members of one object in another.
pub(crate) fn with(mut body: Value, members: Value) -> Value {
    if let (Value::Object(body), Value::Object(members)) = (&mut body, members) {
        body.extend(members);
    }
    body
}

/// A coding agent in the middle of its work: instructions, 30 tools, and a history of calls and results.
pub fn agent() -> Value {
    with(short("lite"), json!({"messages": history(), "tools": (0..30).map(tool).collect::<Vec<_>>()}))
}

fn tool(index: usize) -> Value {
    let described = "Which part of the workspace is meant; a path from its root, or \"*\" for all of it.";
    let properties: serde_json::Map<String, Value> = (0..8)
        .map(|index| (format!("argument_{index}"), json!({"type": "string", "description": described})))
        .collect();
    json!({
        "type": "function",
        "function": {
            "name": format!("workspace_tool_{index}"),
            "description": "Reads from the workspace and gives the lines that match, with their numbers.\n".repeat(4),
            "parameters": {"type": "object", "properties": properties, "required": ["argument_0"]},
        },
    })
}

/// A system prompt, a question, and twelve turns of calls and their results.
fn history() -> Vec<Value> {
    let instructions = "You work on a repository. Read before you write, and say what you did.\n".repeat(60);
    let mut messages = vec![
        json!({"role": "system", "content": instructions}),
        json!({"role": "user", "content": "Find out why the tests of the parser fail, and mend it."}),
    ];
    let lines = "    let value = parser.next(\"a, b\")?;\t// reads one value\n".repeat(40);
    for turn in 0..12 {
        let id = format!("call_{turn}");
        let arguments =
            json!({"argument_0": format!("src/part_{turn}.rs"), "argument_1": "a \"word\""}).to_string();
        messages.push(json!({
            "role": "assistant",
            "content": "I look at the next part.",
            "tool_calls": [
                {"id": id, "type": "function", "function": {"name": "workspace_tool_1", "arguments": arguments}},
            ],
        }));
        messages.push(json!({"role": "tool", "tool_call_id": id, "content": lines}));
    }
    messages
}

/// A picture whose head is a PNG's and whose rest is noise.
fn image() -> Value {
    use base64::Engine as _;
    let mut random = fastrand::Rng::with_seed(1);
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x04\0\0\0\x04\0\x08\x02\0\0\0".to_vec();
    bytes.resize_with(1_000_000, || random.u8(..));
    let url = format!("data:image/png;base64,{}", base64::engine::general_purpose::STANDARD.encode(bytes));
    let content =
        json!([{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]);
    with(short("lite"), json!({"messages": [{"role": "user", "content": content}]}))
}
