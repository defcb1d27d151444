//! Guardrails: sent with every call, and never switched off by a client.

use bedrock_emulator::{BLOCKED_IN_ANSWERS, BLOCKED_IN_PROMPTS, Config, Emulator, Recorded, Reply};
use serde_json::{Value, json};

use crate::support::{Gateway, hello, hello_streamed, manifest_of, params_for};

const GUARDED: [&str; 2] = ["bedrock_guardrail_identifier: abc123", "bedrock_guardrail_version: DRAFT"];

#[tokio::test]
async fn what_a_guardrail_blocks_ends_as_a_content_filter() {
    let (gateway, emulator) = Gateway::with_emulator(&GUARDED).await;
    let answer = gateway.http.post(&hello(BLOCKED_IN_PROMPTS)).await.json();
    assert_eq!(answer["choices"][0]["finish_reason"], "content_filter");
    assert!(answer.get("bedrock").is_none(), "{answer}");
    let events = gateway.http.post(&hello_streamed(BLOCKED_IN_PROMPTS)).await.events();
    assert!(events.done);
    assert_eq!(events.finish_reasons(), ["content_filter"]);
    assert_eq!(events.content(), answer["choices"][0]["message"]["content"].as_str().unwrap());
    let expected = json!({ "guardrailIdentifier": "abc123", "guardrailVersion": "DRAFT" });
    for request in emulator.requests() {
        let config = &request.json()["guardrailConfig"];
        assert_eq!(
            (&config["guardrailIdentifier"], &config["guardrailVersion"]),
            (&expected["guardrailIdentifier"], &expected["guardrailVersion"])
        );
    }
}

#[tokio::test]
async fn the_trace_comes_back_where_the_manifest_asks_for_it() {
    let params = [GUARDED[0], GUARDED[1], "bedrock_trace: enabled"];
    let (gateway, _emulator) = Gateway::with_emulator(&params).await;
    let prompt = format!("say {BLOCKED_IN_ANSWERS}");
    let answer = gateway.http.post(&hello(&prompt)).await.json();
    assert_eq!(answer["choices"][0]["finish_reason"], "content_filter");
    let trace = &answer["bedrock"]["trace"]["guardrail"];
    assert!(trace.to_string().contains(BLOCKED_IN_ANSWERS), "{answer}");
    let mut body = hello_streamed(&prompt);
    body["stream_options"] = json!({ "include_usage": true });
    let events = gateway.http.post(&body).await.events();
    let last = events.chunks.last().unwrap();
    assert_eq!((&last["choices"], &last["bedrock"]["trace"]["guardrail"]), (&json!([]), trace));
    assert_eq!(last["usage"], answer["usage"]);
}

#[tokio::test]
async fn a_request_brings_its_own_guardrail_only_where_the_manifest_lets_it() {
    let mut body = hello("hi");
    body["guardrail"] = json!({ "identifier": "abc123", "version": "1" });
    let (gateway, emulator) = Gateway::with_emulator(&GUARDED).await;
    gateway.http.post(&body).await.error((
        400,
        "invalid_request_error",
        Some("invalid_request"),
        Some("guardrail"),
    ));
    assert!(emulator.requests().is_empty());

    let (gateway, emulator) =
        Gateway::with_emulator(&[GUARDED[0], GUARDED[1], "bedrock_guardrail_override: allowed"]).await;
    assert_eq!(gateway.http.post(&body).await.status, 200);
    assert_eq!(emulator.requests()[0].json()["guardrailConfig"]["guardrailVersion"], "1");
    // None of these switches it off.
    for off in [
        json!({ "identifier": "", "version": "" }),
        json!({ "identifier": "abc123" }),
        json!(false),
        json!("off"),
    ] {
        body["guardrail"] = off.clone();
        assert_eq!(gateway.http.post(&body).await.status, 400, "{off}");
    }
    body["guardrail"] = json!(null);
    assert_eq!(gateway.http.post(&body).await.status, 200);
    assert_eq!(emulator.requests()[1].json()["guardrailConfig"]["guardrailVersion"], "DRAFT");
}

#[tokio::test]
async fn the_stream_mode_is_sent_for_streams_alone() {
    let (gateway, emulator) =
        Gateway::with_emulator(&[GUARDED[0], GUARDED[1], "bedrock_guardrail_stream_mode: async"]).await;
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
    assert!(gateway.http.post(&hello_streamed("hi")).await.events().done);
    let requests = emulator.requests();
    assert_eq!(requests[0].json()["guardrailConfig"].get("streamProcessingMode"), None);
    assert_eq!(requests[1].json()["guardrailConfig"]["streamProcessingMode"], "async");
}

/// A gateway of one guarded model.
async fn guarded(model: &str) -> (Gateway, Emulator) {
    let emulator = Emulator::start(Config::default()).await.unwrap();
    let own = params_for(&emulator);
    let params: Vec<&str> = own.iter().map(String::as_str).chain(GUARDED).collect();
    (Gateway::start(&manifest_of(&format!("bedrock:{model}"), &params), &[]), emulator)
}

const NOVA: &str = "us.amazon.nova-lite-v1:0";

/// Asks a guarded model whose upstream first says something else, and holds every call to the guardrail.
async fn stays_guarded(model: &str, body: Value, says: Option<Reply>, calls: usize) {
    let (gateway, emulator) = guarded(model).await;
    says.into_iter().for_each(|reply| emulator.push(reply));
    let reply = gateway.http.post(&body).await;
    assert_eq!(reply.status == 200, calls > 1, "{model} {body}: {}", reply.text());
    let requests = emulator.requests();
    assert_eq!(requests.len(), calls, "{model} {body}");
    for request in requests {
        let config = request.json()["guardrailConfig"].clone();
        let guardrail = (&config["guardrailIdentifier"], &config["guardrailVersion"]);
        assert_eq!(guardrail, (&json!("abc123"), &json!("DRAFT")));
        // Nothing that was not assessed is streamed unless the manifest says so.
        let mode = &config["streamProcessingMode"];
        assert!(mode.is_null() || mode == "sync", "{config}");
    }
}

#[tokio::test]
async fn no_call_is_made_without_the_guardrail_whatever_fails() {
    let error = |status, kind, said| Some(Reply::error(status, kind, said));
    // Called again, for the load or after a failure.
    stays_guarded(NOVA, hello("hi"), error(503, "ServiceUnavailableException", "x"), 2).await;
    stays_guarded(NOVA, hello_streamed("hi"), error(429, "ThrottlingException", "x"), 2).await;
    stays_guarded(NOVA, hello("hi"), error(500, "InternalServerException", "x"), 2).await;
    // The guardrail itself is what fails.
    let said = "The guardrail identifier or version is invalid.";
    stays_guarded(NOVA, hello("hi"), error(400, "ValidationException", said), 1).await;
    let said = "not authorized to perform: bedrock:ApplyGuardrail";
    stays_guarded(NOVA, hello_streamed("hi"), error(403, "AccessDeniedException", said), 1).await;
    // Asked for in another way, because the model does not take the first one.
    let mut with_tool = hello_streamed("get_weather in Paris");
    let function = json!({ "name": "get_weather", "parameters": { "type": "object" } });
    with_tool["tools"] = json!([{ "type": "function", "function": function }]);
    stays_guarded("us.meta.llama4-maverick-17b-instruct-v1:0", with_tool, None, 2).await;
    let mut with_shape = hello("hi");
    let schema = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    with_shape["response_format"] =
        json!({ "type": "json_schema", "json_schema": { "name": "x", "schema": schema } });
    let said = "This model doesn't support the outputConfig.textFormat field. Remove outputConfig.textFormat and try again.";
    let refusal = error(400, "ValidationException", said);
    stays_guarded("us.anthropic.claude-haiku-4-5-20251001-v1:0", with_shape, refusal, 2).await;
}

/// What other programs read from requests, or might.
const MEMBERS: &str = "\
    api_base base_url api_key api_version organization endpoint endpoint_url host url proxy \
    aws_endpoint_url aws_region aws_region_name region aws_access_key_id aws_secret_access_key \
    aws_session_token aws_profile aws_profile_name aws_role_name aws_assume_role_arn \
    aws_bedrock_runtime_endpoint bedrock_guardrail_identifier guardrailConfig guardrail_config \
    guardrailIdentifier guardrails modelId model_id extra_headers extra_body extra_query headers \
    additionalModelRequestFields params runtime secrets performanceConfig promptVariables requestMetadata \
    litellm_params metadata user __proto__ spicerack";

/// Where a call goes, and in whose name: the key, the region, the host and the path.
fn scope(request: &Recorded) -> [String; 4] {
    let authorization = request.header("authorization").unwrap();
    let (key, rest) = authorization.split_once('/').unwrap();
    let region = rest.split('/').nth(1).unwrap();
    [key, region, request.header("host").unwrap(), &request.path].map(ToOwned::to_owned)
}

#[tokio::test]
async fn no_member_of_a_request_moves_the_call_or_takes_its_guardrail() {
    let (gateway, emulator) = guarded("us.amazon.nova-lite-v1:0").await;
    let elsewhere = Emulator::start(Config::default()).await.unwrap();
    let url = elsewhere.endpoint_url();
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
    let expected = emulator.requests().remove(0);
    let names: Vec<&str> = MEMBERS.split_whitespace().chain([""]).collect();
    let values = [
        json!(url),
        json!("eu-west-1"),
        json!(null),
        json!(false),
        json!({ "url": url, "region": "eu-west-1" }),
        json!([{ "guardrailIdentifier": "" }]),
        json!({ "host": "169.254.169.254", "authorization": "x" }),
    ];
    let mut asked = 0;
    for name in &names {
        for value in &values {
            let mut body = hello("hi");
            body[*name] = value.clone();
            let reply =
                gateway.http.with(&format!("x-{}", name.replace('_', "-").to_ascii_lowercase()), &url);
            let reply =
                reply.send("POST", &format!("/v1/chat/completions?{name}={url}"), body.to_string()).await;
            assert!([200, 400].contains(&reply.status.as_u16()), "{name}: {}", reply.text());
            asked += usize::from(reply.status == 200);
        }
    }
    let requests = emulator.requests();
    assert_eq!(requests.len(), asked + 1);
    assert!(asked > names.len() * 4, "{asked}");
    let member = |body: &Value, name: &str| body[name].clone();
    for request in &requests {
        assert_eq!(scope(request), scope(&expected));
        let (body, first) = (request.json(), expected.json());
        for name in ["messages", "guardrailConfig", "inferenceConfig", "performanceConfig", "promptVariables"]
        {
            assert_eq!(member(&body, name), member(&first, name), "{body}");
        }
    }
    assert!(elsewhere.requests().is_empty());
}
