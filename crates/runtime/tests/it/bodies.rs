//! What reaches Bedrock: the same bytes for the same request, streamed or not.

use serde_json::{Value, json};

use crate::support::{Gateway, hello};

fn request() -> Value {
    json!({
        "model": "nova",
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 100,
        "top_k": 20,
        "stop": ["zeta", "alpha"],
        "messages": [
            { "role": "system", "content": "be brief" },
            { "role": "user", "content": "one" },
            { "role": "user", "content": [{ "type": "text", "text": "two" }] },
        ],
    })
}

#[tokio::test]
async fn the_same_request_leaves_in_the_same_bytes() {
    let (gateway, emulator) = Gateway::with_emulator(&[]).await;
    let mut streamed = request();
    streamed["stream"] = true.into();
    streamed["stream_options"] = json!({ "include_usage": true });
    let first = gateway.http.post(&request()).await;
    gateway.http.post(&request()).await;
    let events = gateway.http.post(&streamed).await.events();

    let requests = emulator.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[0].body, requests[1].body);
    assert_eq!(requests[0].body, requests[2].body);
    let expected = concat!(
        r#"{"messages":[{"role":"user","content":[{"text":"one"},{"text":"two"}]}],"system":[{"text":"be brief"}],"#,
        r#""inferenceConfig":{"maxTokens":100,"temperature":0.7,"topP":0.9,"stopSequences":["zeta","alpha"]},"#,
        r#""additionalModelRequestFields":{"inferenceConfig":{"topK":20}}}"#,
    );
    assert_eq!(std::str::from_utf8(&requests[0].body).unwrap(), expected);
    assert_eq!(
        (requests[0].path.as_str(), requests[2].path.as_str()),
        ("/model/us.amazon.nova-lite-v1%3A0/converse", "/model/us.amazon.nova-lite-v1%3A0/converse-stream")
    );

    let answer = first.json();
    assert!(events.done);
    assert_eq!(events.content(), answer["choices"][0]["message"]["content"].as_str().unwrap());
    assert_eq!(events.finish_reasons(), [answer["choices"][0]["finish_reason"].as_str().unwrap()]);
    assert_eq!(events.usages(), [&answer["usage"]]);
}

#[tokio::test]
async fn defaults_of_the_manifest_fill_in_what_a_request_leaves_out() {
    let params = [
        "maxTokens: 512",
        "bedrock_temperature: 0.2",
        "topK: 40",
        "stopSequences: [\"END\"]",
        "system_prompt: obey",
    ];
    let (gateway, emulator) = Gateway::with_emulator(&params).await;
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
    let mut own = hello("hi");
    own["temperature"] = json!(0);
    own["stop"] = json!("STOP");
    assert_eq!(gateway.http.post(&own).await.status, 200);
    own["stop"] = json!([]);
    assert_eq!(gateway.http.post(&own).await.status, 200);

    let bodies: Vec<Value> = emulator.requests().iter().map(bedrock_emulator::Recorded::json).collect();
    assert_eq!(bodies[0]["system"], json!([{ "text": "obey" }]));
    assert_eq!(
        bodies[0]["inferenceConfig"],
        json!({ "maxTokens": 512, "temperature": 0.2, "stopSequences": ["END"] })
    );
    assert_eq!(bodies[0]["additionalModelRequestFields"], json!({ "inferenceConfig": { "topK": 40 } }));
    assert_eq!(bodies[1]["inferenceConfig"]["temperature"].to_string(), "0.0");
    assert_eq!(bodies[1]["inferenceConfig"]["stopSequences"], json!(["STOP"]));
    assert_eq!(bodies[2]["inferenceConfig"].get("stopSequences"), None);
}

#[tokio::test]
async fn what_is_sent_is_signed_and_carries_nothing_of_the_client() {
    let (gateway, emulator) = Gateway::with_emulator(&[]).await;
    let http = gateway
        .http
        .with("x-secret-of-mine", "1")
        .with("authorization", "Bearer sk-client")
        .with("cookie", "a=b");
    assert_eq!(http.post(&hello("hi")).await.status, 200);
    let request = &emulator.requests()[0];
    let names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.iter().all(|name| !["x-secret-of-mine", "cookie"].contains(name)), "{names:?}");
    let authorization = request.header("authorization").unwrap();
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIAEMULATOR"), "{authorization}");
    assert!(authorization.contains("/us-east-1/bedrock/aws4_request"), "{authorization}");
}
