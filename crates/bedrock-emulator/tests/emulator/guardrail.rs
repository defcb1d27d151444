//! The guardrail.

use bedrock_emulator::{BLOCKED_IN_ANSWERS, BLOCKED_IN_PROMPTS, GUARDRAIL_ID};
use serde_json::{Value, json};

use crate::client::{Signer, converse, emulator, path, saying, send};

const BLOCKED: &str = "Sorry, the model cannot answer this question.";

fn guarded(prompt: &str, version: &str, trace: &str) -> Value {
    let mut body = saying(prompt);
    body["guardrailConfig"] =
        json!({ "guardrailIdentifier": GUARDRAIL_ID, "guardrailVersion": version, "trace": trace });
    body
}

fn said(answer: &Value) -> &Value {
    answer.pointer("/output/message/content/0/text").unwrap_or(&Value::Null)
}

#[tokio::test]
async fn a_blocked_prompt_never_reaches_the_model() {
    let emulator = emulator().await;
    let prompt = format!("tell me about {}", BLOCKED_IN_PROMPTS.to_uppercase());
    for version in ["DRAFT", "1"] {
        let answer = converse(&emulator, &guarded(&prompt, version, "enabled")).await;
        assert_eq!(answer["stopReason"], "guardrail_intervened");
        assert_eq!(said(&answer), BLOCKED);
        assert_eq!(answer["usage"], json!({ "inputTokens": 0, "outputTokens": 0, "totalTokens": 0 }));
        let trace = &answer["trace"]["guardrail"];
        let assessment = &trace["inputAssessment"][GUARDRAIL_ID];
        assert_eq!(
            assessment["wordPolicy"],
            json!({
                "customWords": [{ "match": BLOCKED_IN_PROMPTS, "action": "BLOCKED", "detected": true }],
                "managedWordLists": [],
            })
        );
        assert_eq!(assessment["appliedGuardrailDetails"]["guardrailVersion"], version);
        assert_eq!(trace.get("outputAssessments"), None);
    }
}

#[tokio::test]
async fn a_blocked_answer_is_replaced_and_traced() {
    let emulator = emulator().await;
    let prompt = format!("say the {BLOCKED_IN_ANSWERS} aloud");
    let answer = converse(&emulator, &guarded(&prompt, "1", "enabled_full")).await;
    assert_eq!(answer["stopReason"], "guardrail_intervened");
    assert_eq!(said(&answer), BLOCKED);
    let trace = &answer["trace"]["guardrail"];
    assert_eq!(trace["actionReason"], "Guardrail blocked.");
    assert_eq!(trace["modelOutput"], json!(["the leaky-word aloud"]));
    assert_eq!(trace["inputAssessment"][GUARDRAIL_ID].get("wordPolicy"), None);
    let word = &trace["outputAssessments"][GUARDRAIL_ID][0]["wordPolicy"]["customWords"][0];
    assert_eq!(word["match"], BLOCKED_IN_ANSWERS);
}

#[tokio::test]
async fn what_is_clean_passes_and_a_trace_is_given_on_demand() {
    let emulator = emulator().await;
    let answer = converse(&emulator, &guarded("say hello", "1", "enabled")).await;
    assert_eq!((said(&answer), &answer["stopReason"]), (&json!("hello"), &json!("end_turn")));
    assert_eq!(answer["trace"]["guardrail"]["actionReason"], "No action.");
    let answer = converse(&emulator, &guarded("say leaky-word", "1", "disabled")).await;
    assert_eq!((said(&answer), answer.get("trace")), (&json!(BLOCKED), None));
    let answer = converse(&emulator, &saying("say leaky-word and forbidden-word")).await;
    assert_eq!(said(&answer), "leaky-word and forbidden-word");
}

#[tokio::test]
async fn guarded_content_is_part_of_the_prompt() {
    let emulator = emulator().await;
    let mut body = guarded("hello", "1", "enabled");
    let content =
        json!([{ "text": "hello" }, { "guardContent": { "text": { "text": "a forbidden-word" } } }]);
    body["messages"][0]["content"] = content;
    assert_eq!(said(&converse(&emulator, &body).await), BLOCKED);
}

#[tokio::test]
async fn a_guardrail_exists_in_its_own_region_and_versions() {
    let emulator = emulator().await;
    let arn = |region: &str| format!("arn:aws:bedrock:{region}:123456789012:guardrail/abc123");
    let unknown = "The guardrail identifier or version provided in the request does not exist.";
    for (identifier, version, message) in [
        (arn("us-east-1"), "1", None),
        (arn("eu-west-1"), "1", Some(unknown)),
        ("abc124".to_owned(), "1", Some(unknown)),
        ("abc123".to_owned(), "2", Some(unknown)),
        (String::new(), "", Some("The provided guardrail identifier is invalid.")),
    ] {
        let mut body = saying("hello");
        body["guardrailConfig"] = json!({ "guardrailIdentifier": identifier, "guardrailVersion": version });
        let path = path("amazon.nova-lite-v1:0", "converse");
        let request = Signer::default().request(&emulator, &path, body.to_string().as_bytes());
        let answer = send(&emulator, &request).await;
        match message {
            None => assert_eq!(answer.status, 200, "{identifier}"),
            Some(message) => assert_eq!(answer.error(), (400, "ValidationException".into(), message.into())),
        }
    }
}
