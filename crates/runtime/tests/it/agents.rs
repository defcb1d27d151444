//! Agent loops: what only shows over several exchanges.

use bedrock_emulator::{Config, Emulator, Reply};
use serde_json::{Value, json};

use crate::support::{Gateway, hello, hello_streamed, manifest_of, params_for};

const CLAUDE: &str = "bedrock:us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const LLAMA: &str = "bedrock:us.meta.llama4-maverick-17b-instruct-v1:0";

async fn on(from: &str) -> (Gateway, Emulator) {
    let emulator = Emulator::start(Config::default()).await.unwrap();
    let own = params_for(&emulator);
    let params: Vec<&str> = own.iter().map(String::as_str).collect();
    (Gateway::start(&manifest_of(from, &params), &[]), emulator)
}

fn weather() -> Value {
    let parameters =
        json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
    json!({ "type": "function", "function": { "name": "get_weather", "description": "Weather of a city", "parameters": parameters } })
}

/// The message of a streamed answer, as a client's own code puts it together.
fn collect(chunks: &[Value]) -> Value {
    let mut message = json!({ "role": "assistant", "content": null });
    for chunk in chunks {
        let delta = &chunk["choices"][0]["delta"];
        if let Some(text) = delta["content"].as_str().filter(|text| !text.is_empty()) {
            let whole = format!("{}{text}", message["content"].as_str().unwrap_or_default());
            message["content"] = whole.into();
        }
        if let Some(blocks) = delta["thinking_blocks"].as_array() {
            let mut all = message["thinking_blocks"].as_array().cloned().unwrap_or_default();
            all.extend(blocks.iter().cloned());
            message["thinking_blocks"] = all.into();
        }
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let index = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
            if message.get("tool_calls").is_none() {
                message["tool_calls"] = json!([]);
            }
            let calls = message["tool_calls"].as_array_mut().unwrap();
            if index == calls.len() {
                calls.push(json!({ "id": call["id"], "type": "function", "function": { "name": call["function"]["name"], "arguments": "" } }));
            }
            let arguments = &mut calls[index]["function"]["arguments"];
            *arguments =
                format!("{}{}", arguments.as_str().unwrap(), call["function"]["arguments"].as_str().unwrap())
                    .into();
        }
    }
    message
}

#[tokio::test]
async fn a_long_loop_changes_nothing_that_was_sent_before() {
    let (gateway, emulator) = on(CLAUDE).await;
    let mut messages = vec![json!({ "role": "system", "content": "be brief" })];
    for turn in 0..20 {
        let ask = format!("get_weather in Paris{turn}, Rome{turn} and Oslo{turn}");
        messages.push(json!({ "role": "user", "content": ask }));
        let asking = step(&gateway, &messages).await;
        let calls =
            asking["tool_calls"].as_array().unwrap_or_else(|| panic!("turn {turn}: {asking}")).clone();
        assert_eq!(calls.len(), 3, "turn {turn}: {asking}");
        messages.push(asking);
        for call in &calls {
            messages.push(
                json!({ "role": "tool", "tool_call_id": call["id"], "content": format!("rain {turn}") }),
            );
        }
        let answer = step(&gateway, &messages).await;
        assert!(
            answer["content"].as_str().is_some_and(|text| text.contains(&format!("rain {turn}"))),
            "{answer}"
        );
        messages.push(answer);
    }
    let requests = emulator.requests();
    assert_eq!(requests.len(), 40);
    for pair in requests.windows(2) {
        let (before, after) = (text(&pair[0].body), text(&pair[1].body));
        let split = |body: &str| {
            let (messages, rest) = body.split_once("],\"system\"").unwrap();
            (messages.to_owned(), rest.to_owned())
        };
        let ((messages, settings), (longer, same)) = (split(before), split(after));
        assert!(longer.starts_with(&messages), "{after}\nbegan as\n{before}");
        // Instructions, limits, tools and thinking.
        assert_eq!(settings, same);
    }
}

/// One exchange of a loop: thinking on, streamed, and the answer as the client's code puts it together.
async fn step(gateway: &Gateway, messages: &[Value]) -> Value {
    let body = json!({
        "model": "nova", "stream": true, "reasoning_effort": "low", "max_tokens": 4000,
        "tools": [weather()], "messages": messages,
    });
    let events = gateway.http.post(&body).await.events();
    assert!(events.done, "{events:?}");
    let answer = collect(&events.chunks);
    assert!(answer["thinking_blocks"][0]["signature"].is_string(), "{answer}");
    answer
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_model_without_streamed_tools_answers_all_the_same() {
    let (mut gateway, emulator) = on(LLAMA).await;
    for turn in 0..2 {
        let mut body = hello_streamed("get_weather in Paris");
        body["tools"] = json!([weather()]);
        let events = gateway.http.post(&body).await.events();
        assert!(events.done, "{events:?}");
        assert_eq!(events.finish_reasons(), ["tool_calls"]);
        let call = &collect(&events.chunks)["tool_calls"][0];
        assert_eq!(call["function"]["name"], "get_weather");
        assert_eq!(call["function"]["arguments"], "{\"city\":\"Paris\"}");
        // The refusal is met once, and remembered.
        let operations: Vec<bool> = emulator.requests().iter().map(|request| request.stream).collect();
        let expected = if turn == 0 { vec![true, false] } else { vec![true, false, false] };
        assert_eq!(operations, expected);
        assert_eq!(gateway.request_line()["attempts"], if turn == 0 { 2 } else { 1 });
    }
    let events = gateway.http.post(&hello_streamed("hi")).await.events();
    assert!(events.done);
    assert!(emulator.requests()[3].stream, "text still streams");
}

#[tokio::test]
async fn a_refused_schema_is_asked_for_by_a_tool_and_remembered() {
    let (gateway, emulator) = on(CLAUDE).await;
    let mut body = hello("Ada");
    let schema =
        json!({ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] });
    body["response_format"] =
        json!({ "type": "json_schema", "json_schema": { "name": "person", "schema": schema } });
    let refusal = "This model doesn't support the outputConfig.textFormat field. Remove outputConfig.textFormat and try again.";
    emulator.push(Reply::error(400, "ValidationException", refusal));
    for calls in [2, 3] {
        let reply = gateway.http.post(&body).await;
        assert_eq!(reply.status, 200, "{:?}", reply.body);
        let choice = &reply.json()["choices"][0];
        assert_eq!(choice["finish_reason"], "stop");
        let answer: Value = serde_json::from_str(choice["message"]["content"].as_str().unwrap()).unwrap();
        assert!(answer["name"].is_string(), "{answer}");
        assert!(choice["message"].get("tool_calls").is_none());
        let requests = emulator.requests();
        assert_eq!(requests.len(), calls);
        let last = requests.last().unwrap().json();
        assert!(
            last.get("outputConfig").is_none() && last["toolConfig"]["toolChoice"]["tool"].is_object(),
            "{last}"
        );
    }
    // A schema that is too complex says nothing about the next one.
    let (gateway, emulator) = on(CLAUDE).await;
    emulator.push(Reply::error(400, "ValidationException", "Schema is too complex."));
    assert_eq!(gateway.http.post(&body).await.status, 200);
    assert_eq!(gateway.http.post(&body).await.status, 200);
    let native: Vec<bool> =
        emulator.requests().iter().map(|request| request.json().get("outputConfig").is_some()).collect();
    assert_eq!(native, [true, false, true]);
}

#[tokio::test]
async fn tools_that_a_model_does_not_take_are_bedrocks_to_refuse() {
    let (gateway, emulator) = on("bedrock:mistral.mistral-7b-instruct-v0:2").await;
    let mut body = hello("weather");
    body["tools"] = json!([weather()]);
    let message =
        gateway.http.post(&body).await.error((400, "invalid_request_error", Some("invalid_request"), None));
    assert!(message.contains("tool"), "{message}");
    assert!(emulator.requests()[0].json()["toolConfig"].is_object());
}

#[tokio::test]
async fn previews_are_asked_for_by_name_and_of_claude_alone() {
    for (from, betas, ignored) in [
        (CLAUDE, json!(["interleaved-thinking-2025-05-14"]), "anthropic-beta"),
        ("bedrock:us.amazon.nova-lite-v1:0", Value::Null, "anthropic-beta"),
    ] {
        let (gateway, emulator) = on(from).await;
        let http = gateway.http.with("anthropic-beta", "interleaved-thinking-2025-05-14, made-up-2020-01-01");
        let reply = http.post(&hello("hi")).await;
        assert_eq!((reply.status.as_u16(), reply.header("x-spicerack-ignored")), (200, ignored));
        assert_eq!(
            emulator.requests()[0].json()["additionalModelRequestFields"]["anthropic_beta"],
            betas,
            "{from}"
        );
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_the_stream_back() {
    let (gateway, emulator) = on("bedrock:us.amazon.nova-lite-v1:0").await;
    let piece = "x".repeat(4096);
    let flood = (0..20_000)
        .fold(Reply::events().event("messageStart", &json!({ "role": "assistant" })), |reply, _| {
            reply.text_delta(&piece)
        });
    emulator.push(flood);
    let response = gateway.http.begin("POST", "/v1/chat/completions", hello_streamed("hi").to_string()).await;
    // 80 MB wait; what is not read stays with Bedrock, where it has not been sent.
    assert_eq!(emulator.requests()[0].ending, bedrock_emulator::Ending::Pending);
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.id())).unwrap();
    let resident =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap().trim().trim_end_matches(" kB");
    assert!(resident.trim().parse::<u64>().unwrap() < 64 * 1024, "{resident} kB");
    drop(response);
    assert_eq!(emulator.wait_for_end(0).await, bedrock_emulator::Ending::ClientClosed);
}
