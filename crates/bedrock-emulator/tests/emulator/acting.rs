//! How the emulator uses tools, fills schemas, thinks and counts what it has cached.

use bedrock_emulator::Emulator;
use serde_json::{Value, json};

use crate::client::{NOVA, PNG, SONNET, call, emulator, saying};

const MICRO: &str = "amazon.nova-micro-v1:0";

/// A tool that wants one text.
fn tool(name: &str, description: &str, property: &str) -> Value {
    let schema = json!({
        "type": "object",
        "properties": { property: { "type": "string" } },
        "required": [property],
    });
    with_schema(name, description, &schema)
}

fn with_schema(name: &str, description: &str, schema: &Value) -> Value {
    json!({ "toolSpec": { "name": name, "description": description, "inputSchema": { "json": schema } } })
}

fn weather() -> Value {
    tool("get_weather", "Get the weather in a city.", "city")
}

/// A prompt with tools.
fn offering(prompt: &str, tools: &[Value]) -> Value {
    let mut body = saying(prompt);
    body["toolConfig"] = json!({ "tools": tools });
    body
}

/// Asks in both forms, which have to answer alike.
async fn ask(emulator: &Emulator, model: &str, body: &Value) -> Value {
    let answer = call(emulator, model, "converse", body.to_string().as_bytes()).await;
    assert_eq!(answer.status, 200, "{body}: {}", String::from_utf8_lossy(&answer.body));
    let answer = answer.json();
    let events = call(emulator, model, "converse-stream", body.to_string().as_bytes()).await.events();
    assert_eq!(collected(&events), answer["output"]["message"]["content"], "{body}");
    let stop = events.iter().find(|(kind, _)| kind == "messageStop").unwrap();
    assert_eq!(stop.1["stopReason"], answer["stopReason"], "{body}");
    assert_eq!(events.last().unwrap().1["usage"]["outputTokens"], answer["usage"]["outputTokens"], "{body}");
    answer
}

/// The blocks that events make up.
fn collected(events: &[(String, Value)]) -> Value {
    let mut blocks: Vec<Value> = Vec::new();
    for (kind, payload) in events {
        let index = payload["contentBlockIndex"].as_u64().map_or(0, |index| usize::try_from(index).unwrap());
        match kind.as_str() {
            "contentBlockStart" => {
                blocks.push(payload["start"].clone());
                blocks[index]["toolUse"]["input"] = json!("");
            }
            "contentBlockDelta" => {
                if blocks.len() == index {
                    blocks.push(json!({}));
                }
                add(&mut blocks[index], &payload["delta"]);
            }
            "contentBlockStop" => {
                let input = blocks[index].pointer_mut("/toolUse/input");
                if let Some(input) = input {
                    *input = serde_json::from_str(input.as_str().unwrap()).unwrap_or_else(|_| json!({}));
                }
            }
            _ => {}
        }
    }
    Value::Array(blocks)
}

fn add(block: &mut Value, delta: &Value) {
    let append = |whole: &mut Value, piece: &Value| {
        *whole = json!(whole.as_str().unwrap_or_default().to_owned() + piece.as_str().unwrap());
    };
    if let Some(piece) = delta.get("text") {
        append(&mut block["text"], piece);
    }
    if let Some(piece) = delta.pointer("/toolUse/input") {
        append(&mut block["toolUse"]["input"], piece);
    }
    for (name, piece) in delta.get("reasoningContent").and_then(Value::as_object).into_iter().flatten() {
        let whole = match name.as_str() {
            "redactedContent" => &mut block["reasoningContent"][name],
            _ => &mut block["reasoningContent"]["reasoningText"][name],
        };
        append(whole, piece);
    }
}

/// The names and inputs of the calls of an answer.
fn calls(answer: &Value) -> Vec<(String, Value)> {
    let blocks = answer["output"]["message"]["content"].as_array().unwrap();
    let uses = blocks.iter().filter_map(|block| block.get("toolUse"));
    uses.map(|used| (used["name"].as_str().unwrap().to_owned(), used["input"].clone())).collect()
}

fn text(answer: &Value) -> String {
    let blocks = answer["output"]["message"]["content"].as_array().unwrap();
    blocks.iter().filter_map(|block| block["text"].as_str()).collect()
}

#[tokio::test]
async fn a_tool_that_fits_is_called_once_for_every_subject() {
    let emulator = emulator().await;
    let time = || tool("current_time", "Tells the time.", "place");
    let ping = || with_schema("ping", "Answers.", &json!({ "type": "object", "properties": {} }));
    let ask_tool = || tool("ask", "Asks a person.", "name");
    let add = json!({
        "type": "object",
        "properties": { "a": { "type": "integer" }, "b": { "type": "number" } },
        "required": ["a", "b"],
    });
    let fly = json!({
        "type": "object",
        "properties": { "from": { "type": "string" }, "to": { "type": "string" } },
        "required": ["from", "to"],
    });
    for (prompt, tools, expected) in [
        ("What is the weather in Paris?", vec![weather()], json!([["get_weather", { "city": "Paris" }]])),
        (
            "weather in Paris and London",
            vec![weather()],
            json!([["get_weather", { "city": "Paris" }], ["get_weather", { "city": "London" }]]),
        ),
        (
            "Tell me the weather and the time in San Francisco.",
            vec![weather(), time()],
            json!([["get_weather", { "city": "San Francisco" }], ["current_time", { "place": "San Francisco" }]]),
        ),
        ("call ping", vec![weather(), ping()], json!([["ping", {}]])),
        ("Please ask 李雷 how old he is", vec![ask_tool()], json!([["ask", { "name": "李雷" }]])),
        ("add 2 and 3.5", vec![with_schema("add", "Adds.", &add)], json!([["add", { "a": 2, "b": 3.5 }]])),
        (
            "book_flight from Oslo to Rome",
            vec![with_schema("book_flight", "Books.", &fly)],
            json!([["book_flight", { "from": "Oslo", "to": "Rome" }]]),
        ),
        ("hello", vec![weather(), time()], json!([])),
        ("say the weather is nice", vec![weather()], json!([])),
    ] {
        for model in [NOVA, SONNET] {
            let answer = ask(&emulator, model, &offering(prompt, &tools)).await;
            assert_eq!(json!(calls(&answer)), expected, "{prompt}");
            let reason = if expected == json!([]) { "end_turn" } else { "tool_use" };
            assert_eq!(answer["stopReason"], reason, "{prompt}");
        }
    }
}

#[tokio::test]
async fn ids_follow_from_the_request() {
    let emulator = emulator().await;
    let body = offering("weather in Paris and London", &[weather()]);
    let id = |answer: &Value, index: usize| {
        answer["output"]["message"]["content"][index]["toolUse"]["toolUseId"].as_str().unwrap().to_owned()
    };
    let first = ask(&emulator, SONNET, &body).await;
    assert_eq!(id(&first, 0), id(&ask(&emulator, SONNET, &body).await, 0));
    assert_ne!(id(&first, 0), id(&first, 1));
    assert_eq!(id(&first, 0).strip_prefix("tooluse_").map(str::len), Some(22));
    let kimi = ask(&emulator, "moonshot.kimi-k2-thinking", &body).await;
    assert_eq!(id(&kimi, 2), "functions.get_weather:1");
}

#[tokio::test]
async fn a_choice_forces_a_call() {
    let emulator = emulator().await;
    let mut body = offering("hello", &[weather(), tool("other", "Another.", "name")]);
    body["toolConfig"]["toolChoice"] = json!({ "any": {} });
    assert_eq!(
        json!(calls(&ask(&emulator, NOVA, &body).await)),
        json!([["get_weather", { "city": "Paris" }]])
    );
    body["toolConfig"]["toolChoice"] = json!({ "tool": { "name": "other" } });
    let answer = ask(&emulator, NOVA, &body).await;
    assert_eq!(json!(calls(&answer)), json!([["other", { "name": "Ada" }]]));
    assert_eq!(text(&answer), "");
}

#[tokio::test]
async fn results_are_told() {
    let emulator = emulator().await;
    let mut body = offering("weather in Paris and London", &[weather()]);
    let first = ask(&emulator, SONNET, &body).await;
    let message = first["output"]["message"].clone();
    let id = |index: usize| message["content"][index]["toolUse"]["toolUseId"].clone();
    let results = json!([
        { "toolResult": { "toolUseId": id(0), "content": [{ "text": "18 degrees" }] } },
        { "toolResult": { "toolUseId": id(1), "status": "error", "content": [{ "json": { "rain": true } }] } },
    ]);
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(message);
    messages.push(json!({ "role": "user", "content": results }));
    let answer = ask(&emulator, SONNET, &body).await;
    assert_eq!(answer["stopReason"], "end_turn");
    let said = text(&answer);
    assert!(
        said.starts_with("get_weather says: 18 degrees\n\nget_weather failed and says: {\"rain\":true}"),
        "{said}"
    );
    // A forced choice is one, whatever has been said.
    for choice in [json!({ "any": {} }), json!({ "tool": { "name": "get_weather" } })] {
        body["toolConfig"]["toolChoice"] = choice;
        assert_eq!(ask(&emulator, SONNET, &body).await["stopReason"], "tool_use");
    }
}

#[tokio::test]
async fn nova_thinks_aloud_and_sends_an_input_as_a_whole() {
    let emulator = emulator().await;
    let body = offering("What is the weather in San Francisco?", &[weather()]).to_string();
    let inputs = |events: &[(String, Value)]| {
        let inputs = events.iter().filter_map(|(_, payload)| payload.pointer("/delta/toolUse/input"));
        inputs.map(|input| input.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let nova = call(&emulator, NOVA, "converse-stream", body.as_bytes()).await.events();
    assert_eq!(inputs(&nova), [r#"{"city":"San Francisco"}"#]);
    assert_eq!(nova[1].1["delta"]["text"], "<thinkin");
    let claude = call(&emulator, SONNET, "converse-stream", body.as_bytes()).await.events();
    assert_eq!(inputs(&claude), ["", r#"{"city":"San"#, r#" Francisco"}"#]);
    assert_eq!(claude[1].0, "contentBlockStart");
}

#[tokio::test]
async fn a_schema_is_filled() {
    let emulator = emulator().await;
    let schema = json!({
        "type": "object",
        "properties": {
            "city": { "type": "string" },
            "mood": { "enum": ["good", "bad"] },
            "people": { "type": "array", "items": { "$ref": "#/$defs/person" } },
        },
        "required": ["city", "mood", "people"],
        "additionalProperties": false,
        "$defs": {
            "person": {
                "type": "object",
                "properties": { "age": { "type": ["integer", "null"] } },
                "required": ["age"],
                "additionalProperties": false,
            },
        },
    });
    let mut body = saying("Describe Berlin in 3 words");
    body["outputConfig"] = json!({ "textFormat": {
        "type": "json_schema",
        "structure": { "jsonSchema": { "name": "x", "schema": schema.to_string() } },
    } });
    let answer = ask(&emulator, SONNET, &body).await;
    assert_eq!(text(&answer), r#"{"city":"Berlin","mood":"good","people":[{"age":3}]}"#);
    body["inferenceConfig"] = json!({ "maxTokens": 1 });
    let cut = ask(&emulator, SONNET, &body).await;
    assert_eq!((text(&cut).as_str(), &cut["stopReason"]), (r#"{"city":"#, &json!("max_tokens")));
}

#[tokio::test]
async fn a_forced_tool_without_a_schema_gets_the_keys_that_are_asked_for() {
    let emulator = emulator().await;
    for (prompt, system, keys) in [
        (
            "Tell me a joke as JSON with the keys setup and punchline.",
            "Be kind.",
            &["punchline", "setup"][..],
        ),
        ("a joke with `setup` and `punchline`", "Be kind.", &["punchline", "setup"]),
        ("a joke", "Answer with the keys \"setup\" and \"punchline\".", &["punchline", "setup"]),
        ("a joke", "Be kind.", &["answer"]),
    ] {
        let mut body = offering(prompt, &[with_schema("json", "Takes it.", &json!({ "type": "object" }))]);
        body["system"] = json!([{ "text": system }]);
        body["toolConfig"]["toolChoice"] = json!({ "tool": { "name": "json" } });
        let answer = ask(&emulator, NOVA, &body).await;
        let (_, input) = calls(&answer).remove(0);
        assert_eq!(input.as_object().unwrap().keys().collect::<Vec<_>>(), keys, "{prompt}");
    }
}

#[tokio::test]
async fn claude_signs_what_it_thinks_and_takes_it_back() {
    let emulator = emulator().await;
    let mut body = offering("What is the weather in Paris?", &[weather()]);
    body["additionalModelRequestFields"] =
        json!({ "thinking": { "type": "enabled", "budget_tokens": 1024 } });
    let first = ask(&emulator, SONNET, &body).await;
    let message = first["output"]["message"].clone();
    let thought = &message["content"][0]["reasoningContent"]["reasoningText"];
    assert!(thought["text"].as_str().unwrap().ends_with("I call get_weather."), "{thought}");
    assert!(thought["signature"].is_string());
    let id = message["content"][1]["toolUse"]["toolUseId"].clone();
    let result = json!({ "toolResult": { "toolUseId": id, "content": [{ "text": "sun" }] } });
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(message);
    messages.push(json!({ "role": "user", "content": [result] }));
    let second = ask(&emulator, SONNET, &body).await;
    assert!(text(&second).starts_with("get_weather says: sun"), "{second}");
    let changed = body.to_string().replace("I call", "I called");
    assert_eq!(call(&emulator, SONNET, "converse", changed.as_bytes()).await.status, 400);
}

#[tokio::test]
async fn a_thought_may_be_hidden() {
    let emulator = emulator().await;
    let mut body = saying("please redact it");
    body["additionalModelRequestFields"] =
        json!({ "thinking": { "type": "enabled", "budget_tokens": 1024 } });
    let first = ask(&emulator, SONNET, &body).await;
    let message = first["output"]["message"].clone();
    assert!(message["content"][0]["reasoningContent"]["redactedContent"].is_string());
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(message);
    messages.push(json!({ "role": "user", "content": [{ "text": "and now?" }] }));
    ask(&emulator, SONNET, &body).await;
}

#[tokio::test]
async fn families_think_in_their_own_ways() {
    let emulator = emulator().await;
    let fields = |fields: Value| {
        let mut body = saying("hello");
        body["additionalModelRequestFields"] = fields;
        body
    };
    let thought = json!("The user says: hello I answer at once.");
    for (model, body, expected) in [
        ("us.anthropic.claude-sonnet-4-6", fields(json!({ "thinking": { "type": "adaptive" } })), &thought),
        (SONNET, saying("hello"), &Value::Null),
        (
            "us.amazon.nova-2-lite-v1:0",
            fields(json!({ "reasoningConfig": { "type": "enabled", "maxReasoningEffort": "low" } })),
            &json!("[REDACTED]"),
        ),
        ("us.amazon.nova-2-lite-v1:0", saying("hello"), &Value::Null),
        ("openai.gpt-oss-20b-1:0", saying("hello"), &thought),
        ("us.deepseek.r1-v1:0", saying("hello"), &thought),
        ("qwen.qwen3-32b-v1:0", saying("hello"), &Value::Null),
        ("qwen.qwen3-32b-v1:0", fields(json!({ "reasoning_config": "high" })), &thought),
        ("moonshot.kimi-k2-thinking", saying("hello"), &thought),
    ] {
        let answer = ask(&emulator, model, &body).await;
        let block = &answer["output"]["message"]["content"][0];
        assert_eq!(&block["reasoningContent"]["reasoningText"]["text"], expected, "{model}");
    }
}

#[tokio::test]
async fn a_long_prompt_is_cached_up_to_its_point() {
    let emulator = emulator().await;
    let long = "word ".repeat(1200);
    let mut body = saying("hello");
    body["system"] = json!([{ "text": long }, { "cachePoint": { "type": "default" } }]);
    let usage = async |model: &'static str, body: &Value| {
        call(&emulator, model, "converse", body.to_string().as_bytes()).await.json()["usage"].clone()
    };
    let counts = |usage: &Value| {
        let count = |name: &str| usage[name].as_u64().unwrap();
        assert_eq!(usage["cacheReadInputTokenCount"], usage["cacheReadInputTokens"]);
        assert_eq!(usage["cacheWriteInputTokenCount"], usage["cacheWriteInputTokens"]);
        let counts = (count("inputTokens"), count("cacheReadInputTokens"), count("cacheWriteInputTokens"));
        assert_eq!(usage["totalTokens"], counts.0 + counts.1 + counts.2 + count("outputTokens"));
        counts
    };
    let (input, read, written) = counts(&usage(NOVA, &body).await);
    assert!(input < 10 && read == 0 && written >= 1200, "{input} {read} {written}");
    assert_eq!(counts(&usage(NOVA, &body).await), (input, written, 0));
    // A longer conversation reads what an earlier one wrote, and writes the rest.
    body["messages"][0]["content"] = json!([{ "text": long }, { "cachePoint": { "type": "default" } }]);
    let (_, read, more) = counts(&usage(NOVA, &body).await);
    assert!(read == written && more >= 1200, "{read} {more}");
    // Other models and prompts have caches of their own, and short ones none.
    assert_eq!(counts(&usage(MICRO, &body).await).1, 0);
    body["system"][0]["text"] = json!("Be kind.");
    assert_eq!(counts(&usage(NOVA, &body).await).1, 0);
    body["messages"][0]["content"][0]["text"] = json!("hello");
    let (_, read, written) = counts(&usage(NOVA, &body).await);
    assert_eq!((read, written), (0, 0));
    assert_eq!(usage(NOVA, &saying("hello")).await.get("cacheReadInputTokens"), None);
}

#[tokio::test]
async fn claude_finds_what_an_earlier_turn_kept_before_the_point_of_this_one() {
    let point = json!({ "cachePoint": { "type": "default" } });
    let long = json!({ "text": "word ".repeat(1200) });
    let first = json!({ "messages": [{ "role": "user", "content": [long, point] }] });
    let second = json!({ "messages": [
        { "role": "user", "content": [long] },
        { "role": "assistant", "content": [{ "text": "ok" }] },
        { "role": "user", "content": [{ "text": "go on" }, point] },
    ] });
    for (model, finds) in [("us.anthropic.claude-sonnet-4-5-20250929-v1:0", true), (NOVA, false)] {
        let emulator = emulator().await;
        let usage = async |body: &Value| ask(&emulator, model, body).await["usage"].clone();
        let written = usage(&first).await["cacheWriteInputTokens"].as_u64().unwrap();
        let read = usage(&second).await["cacheReadInputTokens"].as_u64().unwrap();
        assert_eq!(read, if finds { written } else { 0 }, "{model}");
    }
}

#[tokio::test]
async fn media_are_told_of() {
    let emulator = emulator().await;
    let image = json!({ "image": { "format": "png", "source": { "bytes": PNG } } });
    let document = json!({ "document": { "format": "pdf", "name": "x", "source": { "bytes": "JVBERi0=" } } });
    let mut body = saying("hello");
    body["messages"][0]["content"] = json!([image, document, { "text": "look" }]);
    let said = text(&ask(&emulator, NOVA, &body).await);
    assert!(said.contains("one png image, a pdf document named x"), "{said}");
    body["messages"][0]["content"] = json!([image, image]);
    let said = text(&ask(&emulator, NOVA, &body).await);
    assert!(said.starts_with("You sent: 2 png images."), "{said}");
}

#[tokio::test]
async fn a_guardrail_looks_at_guarded_content_alone() {
    let emulator = emulator().await;
    let guarded = |text: &str| json!({ "guardContent": { "text": { "text": text } } });
    for (content, reason) in [
        (json!([{ "text": "forbidden-word" }, guarded("hello")]), "end_turn"),
        (json!([{ "text": "hello" }, guarded("forbidden-word")]), "guardrail_intervened"),
        (json!([{ "text": "forbidden-word" }]), "guardrail_intervened"),
    ] {
        let mut body = saying("hello");
        body["messages"][0]["content"] = content;
        body["guardrailConfig"] = json!({ "guardrailIdentifier": "abc123", "guardrailVersion": "1" });
        assert_eq!(ask(&emulator, NOVA, &body).await["stopReason"], reason, "{body}");
    }
}
