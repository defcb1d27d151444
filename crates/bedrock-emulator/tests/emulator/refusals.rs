//! What is refused, and in which words.

use bedrock_emulator::{Emulator, Reply};
use serde_json::{Value, json};

use crate::client::{NOVA, call, emulator, saying};

/// A greeting with further members.
fn with(name: &str, value: Value) -> Value {
    let mut body = saying("hi");
    body[name] = value;
    body
}

/// A question and the beginning of its answer.
fn begun(answer: &str) -> Value {
    let user = json!({ "role": "user", "content": [{ "text": "a" }] });
    json!({ "messages": [user, { "role": "assistant", "content": [{ "text": answer }] }] })
}

async fn answered(emulator: &Emulator, model: &str, operation: &str, body: &Value) {
    let answer = call(emulator, model, operation, body.to_string().as_bytes()).await;
    assert_eq!(answer.status, 200, "{body}: {}", String::from_utf8_lossy(&answer.body));
}

#[tokio::test]
async fn what_bedrock_refuses_is_refused_in_its_words() {
    let emulator = emulator().await;
    // A request that was not refused would get this.
    emulator.always(Some(Reply::json(200, &json!({}))));
    let hello = saying("hi").to_string();
    let hello = hello.trim_start_matches('{').trim_end_matches('}');
    let lines: Vec<&str> = include_str!("refused.txt").lines().skip(1).collect();
    assert!(lines.len() >= 2 * 75);
    for case in lines.chunks(2) {
        let (model, body) = case[0].split_once(' ').unwrap();
        let body = body.replace("HELLO", hello);
        let (kind, message) = case[1].trim().split_once(": ").unwrap();
        let refusal = (400, kind.to_owned(), message.to_owned());
        for operation in ["converse", "converse-stream"] {
            // The one member by which the operations differ.
            if operation == "converse-stream" && body.contains("streamProcessingMode") {
                continue;
            }
            let answer = call(&emulator, model, operation, body.as_bytes()).await;
            assert_eq!(answer.error(), refusal, "{operation} of {}", case[0]);
        }
    }
}

#[tokio::test]
async fn a_request_of_nothing_has_no_message() {
    let emulator = emulator().await;
    let nothing = call(&emulator, NOVA, "converse", b"").await.error();
    assert_eq!(nothing, call(&emulator, NOVA, "converse", b"{}").await.error());
}

#[tokio::test]
async fn a_stream_may_be_screened_as_it_goes() {
    let emulator = emulator().await;
    let guardrail =
        json!({ "guardrailIdentifier": "abc123", "guardrailVersion": "1", "streamProcessingMode": "async" });
    answered(&emulator, NOVA, "converse-stream", &with("guardrailConfig", guardrail)).await;
}

#[tokio::test]
async fn what_one_family_refuses_others_take() {
    let emulator = emulator().await;
    let sonnet = "anthropic.claude-sonnet-4-5-20250929-v1:0";
    let both = || with("inferenceConfig", json!({ "temperature": 0.5, "topP": 0.5 }));
    let fields = |fields: Value| with("additionalModelRequestFields", fields);
    for (model, body) in [
        (NOVA, with("system", json!([{ "text": "Be kind." }]))),
        (NOVA, both()),
        (NOVA, begun("b ")),
        (NOVA, fields(json!({ "inferenceConfig": { "topK": 128 } }))),
        (sonnet, with("inferenceConfig", json!({ "temperature": 0.5 }))),
        (sonnet, begun("b")),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", both()),
        ("meta.llama3-1-8b-instruct-v1:0", fields(json!({ "anything": 1 }))),
    ] {
        answered(&emulator, model, "converse", &body).await;
    }
}

#[tokio::test]
async fn some_families_let_the_assistant_begin() {
    let emulator = emulator().await;
    let body = json!({ "messages": [
        { "role": "assistant", "content": [{ "text": "a" }] },
        { "role": "user", "content": [{ "text": "b" }] },
    ] });
    for model in
        ["qwen.qwen3-32b-v1:0", "moonshotai.kimi-k2-thinking", "zai.glm-4.7", "anthropic.claude-sonnet-5"]
    {
        answered(&emulator, model, "converse", &body).await;
    }
}

#[tokio::test]
async fn all_that_the_service_knows_is_taken() {
    let emulator = emulator().await;
    let body = json!({
        "messages": [
            { "role": "user", "content": [
                { "text": "hi" },
                { "image": { "format": "png", "source": { "bytes": "AA==" } } },
                { "document": { "format": "txt", "name": "a", "source": { "s3Location": { "uri": "s3://bucket/a" } } } },
                { "cachePoint": { "type": "default", "ttl": "5m" } },
            ] },
            { "role": "assistant", "content": [{ "toolUse": { "toolUseId": "a", "name": "add", "input": { "a": [1, null] } } }] },
            { "role": "user", "content": [{ "toolResult": { "toolUseId": "a", "status": "success", "content": [{ "json": { "b": 2 } }, { "text": "" }] } }] },
        ],
        "system": [{ "text": "Be kind." }, { "cachePoint": { "type": "default" } }],
        "inferenceConfig": { "maxTokens": 100, "temperature": 0, "topP": 1.0, "stopSequences": [] },
        "toolConfig": {
            "tools": [{ "toolSpec": { "name": "add", "description": "Adds.", "strict": true, "inputSchema": { "json": { "type": "object" } } } }],
            "toolChoice": { "auto": {} },
        },
        "additionalModelRequestFields": { "inferenceConfig": { "topK": 1 } },
        "additionalModelResponseFieldPaths": ["/stop_sequence"],
        "promptVariables": { "a": { "text": "b" } },
        "requestMetadata": { "team": "a/b c", "empty": "" },
        "outputConfig": { "textFormat": { "type": "json_schema", "structure": { "jsonSchema": { "schema": "{}" } } } },
        "guardrailConfig": null,
    });
    answered(&emulator, NOVA, "converse", &body).await;
    answered(&emulator, NOVA, "converse-stream", &body).await;
}
