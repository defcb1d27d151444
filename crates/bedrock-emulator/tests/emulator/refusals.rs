//! What is refused, and in which words.

use bedrock_emulator::{Emulator, Reply};
use serde_json::{Value, json};

use crate::client::{NOVA, PNG, SONNET, call, emulator, saying};

/// What stands for longer parts of the refused requests.
const SHORT: &[(&str, &str)] = &[
    ("NOVA", NOVA),
    ("SONNET", SONNET),
    ("LLAMA", "meta.llama3-1-8b-instruct-v1:0"),
    ("PNG", PNG),
    ("SCHEMA", r#""inputSchema":{"json":{"type":"object"}}"#),
    (
        "TOOLS",
        r#""toolConfig":{"tools":[{"toolSpec":{"name":"add","inputSchema":{"json":{"type":"object"}}}}]}"#,
    ),
    ("ASK", r#"{"role":"user","content":[{"text":"a"}]}"#),
    ("USE", r#"{"toolUse":{"toolUseId":"a","name":"add","input":{}}}"#),
    ("USED", r#"{"role":"assistant","content":[{"toolUse":{"toolUseId":"a","name":"add","input":{}}}]}"#),
    ("RESULT", r#"{"toolResult":{"toolUseId":"a","content":[{"text":"b"}]}}"#),
    ("FORMAT", r#""type":"json_schema","structure":"#),
    ("POINT", r#"{"cachePoint":{"type":"default"}}"#),
];

/// Writes out what is short.
fn long(text: &str) -> String {
    let mut short: Vec<_> = SHORT.iter().collect();
    short.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    short.iter().fold(text.to_owned(), |text, (name, long)| text.replace(name, long))
}

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
    assert!(lines.len() >= 2 * 130);
    for case in lines.chunks(2) {
        let (model, body) = case[0].split_once(' ').unwrap();
        let (model, body) = (long(model), long(&body.replace("HELLO", hello)));
        let (kind, message) = case[1].trim().split_once(": ").unwrap();
        let refusal = (400, kind.to_owned(), message.to_owned());
        for operation in ["converse", "converse-stream"] {
            // The one member by which the operations differ.
            if operation == "converse-stream" && body.contains("streamProcessingMode") {
                continue;
            }
            let answer = call(&emulator, &model, operation, body.as_bytes()).await;
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
    let data = json!({ "$ref": { "type": "string" }, "a": { "const": { "$ref": "x" } } });
    let spec = json!({ "name": "f", "inputSchema": { "json": { "type": "object", "properties": data } } });
    let data_like_a_reference = json!({ "tools": [{ "toolSpec": spec }] });
    for (model, body) in [
        (NOVA, with("system", json!([{ "text": "Be kind." }]))),
        (NOVA, both()),
        (NOVA, begun("b ")),
        (NOVA, fields(json!({ "inferenceConfig": { "topK": 128 } }))),
        (NOVA, with("toolConfig", data_like_a_reference)),
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
async fn some_families_use_tools_in_whole_answers_alone() {
    let emulator = emulator().await;
    let body = long("{\"messages\":[ASK],TOOLS}");
    for model in [
        "meta.llama3-1-8b-instruct-v1:0",
        "us.meta.llama3-3-70b-instruct-v1:0",
        "us.meta.llama4-maverick-17b-instruct-v1:0",
        "mistral.mistral-large-2402-v1:0",
        "mistral.mistral-small-2402-v1:0",
        "writer.palmyra-x5-v1:0",
    ] {
        assert_eq!(call(&emulator, model, "converse", body.as_bytes()).await.status, 200, "{model}");
        let message = "This model doesn't support tool use in streaming mode.".to_owned();
        let refused = call(&emulator, model, "converse-stream", body.as_bytes()).await.error();
        assert_eq!(refused, (400, "ValidationException".to_owned(), message), "{model}");
    }
}

#[tokio::test]
async fn nova_fails_at_names_with_a_hyphen() {
    let emulator = emulator().await;
    let message = "Model produced invalid sequence as part of ToolUse. Please refer to the model tool use \
                   troubleshooting guide.";
    let body = long("{\"messages\":[ASK],TOOLS}").replace("add", "add-up");
    let failed = call(&emulator, NOVA, "converse", body.as_bytes()).await.error();
    assert_eq!(failed, (424, "ModelErrorException".to_owned(), message.to_owned()));
    let events = call(&emulator, NOVA, "converse-stream", body.as_bytes()).await.events();
    let kinds: Vec<&str> = events.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["messageStart", "modelStreamErrorException"]);
    assert_eq!(events[1].1, json!({ "message": message }));
    assert_eq!(call(&emulator, SONNET, "converse", body.as_bytes()).await.status, 200);
}

#[tokio::test]
async fn a_line_may_end_after_a_document_for_claude() {
    let emulator = emulator().await;
    let document = json!({ "document": { "format": "txt", "name": "a (1)", "source": { "text": "b" } } });
    let mut body = saying("hi");
    body["messages"][0]["content"] = json!([{ "text": "hi" }, document, { "text": "\n" }]);
    answered(&emulator, SONNET, "converse", &body).await;
    assert_eq!(call(&emulator, NOVA, "converse", body.to_string().as_bytes()).await.status, 400);
}

#[tokio::test]
async fn all_that_the_service_knows_is_taken() {
    let emulator = emulator().await;
    let body = json!({
        "messages": [
            { "role": "user", "content": [
                { "text": "hi" },
                { "image": { "format": "png", "source": { "bytes": PNG } } },
                { "document": { "format": "txt", "name": "a", "source": { "s3Location": { "uri": "s3://bucket/a" } } } },
                { "cachePoint": { "type": "default", "ttl": "5m" } },
            ] },
            { "role": "assistant", "content": [{ "toolUse": { "toolUseId": "a", "name": "add", "input": { "a": [1, null] } } }] },
            { "role": "user", "content": [{ "toolResult": { "toolUseId": "a", "status": "success", "content": [{ "json": { "b": 2 } }, { "text": "b" }] } }] },
        ],
        "system": [{ "text": "Be kind." }, { "cachePoint": { "type": "default" } }],
        "inferenceConfig": { "maxTokens": 100, "temperature": 0, "stopSequences": [] },
        "toolConfig": {
            "tools": [{ "toolSpec": { "name": "add", "description": "Adds.", "strict": true, "inputSchema": { "json": { "type": "object" } } } }],
            "toolChoice": { "auto": {} },
        },
        "additionalModelRequestFields": { "inferenceConfig": { "topK": 1 } },
        "additionalModelResponseFieldPaths": ["/stop_sequence"],
        "promptVariables": { "a": { "text": "b" } },
        "requestMetadata": { "team": "a/b c", "empty": "" },
        "outputConfig": { "textFormat": { "type": "json_schema", "structure": { "jsonSchema": { "schema": "{\"type\":\"object\",\"additionalProperties\":false}" } } } },
        "guardrailConfig": null,
    });
    answered(&emulator, SONNET, "converse", &body).await;
    answered(&emulator, SONNET, "converse-stream", &body).await;
}
