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

/// The headers that a call to Bedrock has, streamed or not.
const SENT: [&str; 9] = [
    "accept",
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "authorization",
    "content-length",
    "content-type",
    "host",
    "user-agent",
    "x-amz-date",
];

#[tokio::test]
async fn what_is_sent_is_signed_and_carries_nothing_of_the_client() {
    let (gateway, emulator) = Gateway::with_emulator(&[]).await;
    let of_the_client = [
        ("authorization", "Bearer sk-client"),
        ("x-api-key", "sk-client"),
        ("cookie", "a=canary"),
        ("user-agent", "canary/1"),
        ("x-forwarded-for", "10.9.8.7"),
        ("x-forwarded-host", "canary.example"),
        ("forwarded", "for=10.9.8.7"),
        ("via", "1.1 canary"),
        ("x-amz-security-token", "canary"),
        ("x-amz-date", "20200101T000000Z"),
        ("x-amz-content-sha256", "canary"),
        ("x-amzn-bedrock-guardrailidentifier", "canary"),
        ("x-amzn-bedrock-trace", "ENABLED_FULL"),
        ("x-amzn-requestid", "canary"),
        ("te", "trailers"),
        ("x-request-id", "mine-canary"),
        ("x-secret-of-mine", "canary"),
        ("anthropic-beta", "canary-2020-01-01"),
    ];
    let http = of_the_client.iter().fold(gateway.http.clone(), |http, (name, value)| http.with(name, value));
    assert_eq!(http.post(&hello("hi")).await.status, 200);
    assert!(http.post(&crate::support::hello_streamed("hi")).await.events().done);
    for request in emulator.requests() {
        let mut names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert!(names.is_sorted_by(|one, other| one < other), "twice: {names:?}");
        assert!(names.iter().all(|name| SENT.contains(name)), "{names:?}");
        let all =
            format!("{:?} {} {}", request.headers, request.path, String::from_utf8_lossy(&request.body));
        for value in ["canary", "sk-client", "10.9.8.7", "2020"] {
            assert!(!all.contains(value), "{value}: {all}");
        }
        let authorization = request.header("authorization").unwrap();
        assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIAEMULATOR"), "{authorization}");
        assert!(authorization.contains("/us-east-1/bedrock/aws4_request"), "{authorization}");
    }
    assert_eq!(emulator.requests().len(), 2);
}
