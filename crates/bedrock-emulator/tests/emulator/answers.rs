//! What the emulator answers by itself.

use serde_json::{Value, json};

use crate::client::{NOVA, call, converse, converse_stream, emulator, saying};

fn text(answer: &Value) -> &str {
    answer.pointer("/output/message/content/0/text").and_then(Value::as_str).unwrap_or_default()
}

#[tokio::test]
async fn an_answer_repeats_the_prompt_and_says_what_it_got() {
    let emulator = emulator().await;
    let mut body = saying("hello");
    let first = converse(&emulator, &body).await;
    assert_eq!(
        text(&first),
        "You said: hello\n\nThis is turn 1 with an emulated amazon.nova-lite-v1:0 and no system prompt."
    );
    body["system"] = json!([{ "text": "Be kind." }]);
    body["messages"] = json!([
        { "role": "user", "content": [{ "text": "hello" }] },
        { "role": "assistant", "content": [{ "text": "hi" }] },
        { "role": "user", "content": [{ "text": "how are you?" }] },
    ]);
    let second = converse(&emulator, &body).await;
    assert_eq!(
        text(&second),
        "You said: how are you?\n\nThis is turn 2 with an emulated amazon.nova-lite-v1:0 and a system prompt."
    );
}

#[tokio::test]
async fn an_answer_has_bedrocks_form() {
    let emulator = emulator().await;
    let answer = call(&emulator, NOVA, "converse", saying("say hi there").to_string().as_bytes()).await;
    assert_eq!(
        String::from_utf8_lossy(&answer.body),
        r#"{"metrics":{"latencyMs":30},"output":{"message":{"content":[{"text":"hi there"}],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":6,"outputTokens":2,"totalTokens":8}}"#
    );
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("x-amzn-requestid").map(str::len), Some(36));
    assert!(answer.header("date").is_some_and(|date| date.ends_with(" GMT")));
}

#[tokio::test]
async fn a_stream_has_bedrocks_events() {
    let emulator = emulator().await;
    let answer =
        call(&emulator, NOVA, "converse-stream", saying("say hi there").to_string().as_bytes()).await;
    assert_eq!(answer.header("content-type"), Some("application/vnd.amazon.eventstream"));
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    let mut events = answer.events();
    for (kind, payload) in &mut events {
        let padding = payload.as_object_mut().and_then(|members| members.remove("p"));
        let padding = padding.and_then(|padding| padding.as_str().map(ToOwned::to_owned)).unwrap();
        assert!((2..=61).contains(&padding.len()) && padding.starts_with("ab"), "{kind}: {padding}");
    }
    let events: Vec<(&str, String)> =
        events.iter().map(|(kind, payload)| (kind.as_str(), payload.to_string())).collect();
    let expected = [
        ("messageStart", r#"{"role":"assistant"}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"hi"}}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":" there"}}"#),
        ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        ("messageStop", r#"{"stopReason":"end_turn"}"#),
        (
            "metadata",
            r#"{"metrics":{"latencyMs":30},"usage":{"inputTokens":6,"outputTokens":2,"totalTokens":8}}"#,
        ),
    ];
    assert_eq!(events, expected.map(|(kind, payload)| (kind, payload.to_owned())));
}

#[tokio::test]
async fn a_stream_and_an_answer_to_the_same_request_are_equal() {
    let emulator = emulator().await;
    let guarded = json!({ "guardrailIdentifier": "abc123", "guardrailVersion": "DRAFT", "trace": "enabled" });
    for (prompt, inference, guardrail) in [
        ("hello", json!({}), Value::Null),
        ("Grüße aus 東京 🗼", json!({}), Value::Null),
        ("repeat 50 word", json!({ "maxTokens": 7 }), Value::Null),
        ("repeat 50 word", json!({ "maxTokens": 50 }), Value::Null),
        ("say one two", json!({ "stopSequences": ["two"] }), Value::Null),
        ("say one", json!({ "stopSequences": ["one"] }), Value::Null),
        ("say leaky-word", json!({}), guarded.clone()),
        ("a forbidden-word", json!({}), guarded.clone()),
        ("hello", json!({}), guarded),
    ] {
        let mut body = saying(prompt);
        body["inferenceConfig"] = inference;
        body["guardrailConfig"] = guardrail;
        let answer = converse(&emulator, &body).await;
        assert_eq!(answer, converse(&emulator, &body).await, "{body}");
        let events = converse_stream(&emulator, &body).await;
        let streamed: String =
            events.iter().filter_map(|(_, payload)| payload.pointer("/delta/text")?.as_str()).collect();
        assert_eq!(streamed, text(&answer), "{body}");
        let stop = events.iter().find(|(kind, _)| kind == "messageStop").map(|(_, payload)| payload);
        assert_eq!(stop.and_then(|stop| stop.get("stopReason")), answer.get("stopReason"), "{body}");
        let (_, metadata) = events.last().unwrap();
        for member in ["usage", "metrics", "trace"] {
            assert_eq!(metadata.get(member), answer.get(member), "{member} of {body}");
        }
    }
}

#[tokio::test]
async fn limits_end_an_answer() {
    let emulator = emulator().await;
    for (prompt, inference, said, reason) in [
        ("repeat 4 word", json!({}), "word word word word", "end_turn"),
        ("repeat 4 word", json!({ "maxTokens": 4 }), "word word word word", "end_turn"),
        ("repeat 4 word", json!({ "maxTokens": 3 }), "word word word", "max_tokens"),
        ("say a b STOP c", json!({ "stopSequences": ["c", "STOP"] }), "a b ", "stop_sequence"),
        ("say a b STOP c", json!({ "stopSequences": ["STOP"], "maxTokens": 1 }), "a", "max_tokens"),
    ] {
        let mut body = saying(prompt);
        body["inferenceConfig"] = inference;
        let answer = converse(&emulator, &body).await;
        assert_eq!((text(&answer), &answer["stopReason"]), (said, &json!(reason)), "{body}");
    }
}

#[tokio::test]
async fn an_answer_of_nothing_has_no_block() {
    let emulator = emulator().await;
    let mut body = saying("say stop");
    body["inferenceConfig"] = json!({ "stopSequences": ["stop"] });
    let answer = converse(&emulator, &body).await;
    assert_eq!(answer["output"]["message"]["content"], json!([]));
    let events = converse_stream(&emulator, &body).await;
    let kinds: Vec<&str> = events.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["messageStart", "messageStop", "metadata"]);
}

#[tokio::test]
async fn a_begun_answer_is_continued() {
    let emulator = emulator().await;
    let mut body = saying("say one two three");
    let begun = json!({ "role": "assistant", "content": [{ "text": "one two" }] });
    body["messages"].as_array_mut().unwrap().push(begun);
    assert_eq!(text(&converse(&emulator, &body).await), " three");
}

#[tokio::test]
async fn what_a_request_asks_of_the_service_is_echoed() {
    let emulator = emulator().await;
    let mut body = saying("hello");
    body["performanceConfig"] = json!({ "latency": "optimized" });
    body["serviceTier"] = json!({ "type": "flex" });
    let answer = converse(&emulator, &body).await;
    assert_eq!(answer["performanceConfig"], body["performanceConfig"]);
    assert_eq!(answer["serviceTier"], body["serviceTier"]);
}

#[tokio::test]
async fn a_request_is_kept_as_it_came() {
    let emulator = emulator().await;
    let body = saying("hello");
    converse(&emulator, &body).await;
    emulator.wait_for_requests(1).await;
    let requests = emulator.requests();
    let request = requests.first().unwrap();
    assert_eq!(request.path, "/model/amazon.nova-lite-v1%3A0/converse");
    assert_eq!((request.method.as_str(), request.model_id.as_str(), request.stream), ("POST", NOVA, false));
    assert_eq!(request.json(), body);
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(emulator.wait_for_end(0).await, bedrock_emulator::Ending::Completed);
}
