//! Every error that Bedrock documents, and what is said about it.

use super::*;

fn id() -> ModelId {
    ModelId::parse("amazon.nova-lite-v1:0").unwrap()
}

fn reply(status: u16, header: Option<&str>, body: &str) -> ServiceError {
    ServiceError::from_reply(status, header, body.as_bytes())
}

#[test]
fn the_header_names_the_error() {
    let header = "ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/";
    let error =
        reply(429, Some(header), r#"{"message":"Too many requests, please wait before trying again."}"#);
    assert_eq!(error.kind(), ErrorKind::Throttled);
    assert!(error.is_transient());
    let error = reply(400, None, r#"{"__type":"com.amazon.bedrock#ValidationException","Message":"no"}"#);
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert_eq!(error.message, "no");
}

#[test]
fn each_exception_has_a_kind() {
    let table = [
        ("ValidationException", 400, ErrorKind::InvalidRequest),
        ("ResourceNotFoundException", 404, ErrorKind::ModelNotFound),
        ("AccessDeniedException", 403, ErrorKind::AccessDenied),
        ("ExpiredTokenException", 403, ErrorKind::CredentialsRejected),
        ("UnrecognizedClientException", 403, ErrorKind::CredentialsRejected),
        ("InvalidSignatureException", 403, ErrorKind::CredentialsRejected),
        ("ThrottlingException", 429, ErrorKind::Throttled),
        ("ServiceQuotaExceededException", 400, ErrorKind::QuotaExceeded),
        ("ModelNotReadyException", 429, ErrorKind::ModelNotReady),
        ("ServiceUnavailableException", 503, ErrorKind::Overloaded),
        ("InternalServerException", 500, ErrorKind::Upstream),
        ("ModelTimeoutException", 408, ErrorKind::ModelTimeout),
        ("ModelErrorException", 424, ErrorKind::ModelError),
        ("ModelStreamErrorException", 424, ErrorKind::ModelStreamError),
        ("SomethingNewException", 400, ErrorKind::InvalidRequest),
        ("SomethingNewException", 500, ErrorKind::Upstream),
    ];
    for (code, status, kind) in table {
        assert_eq!(reply(status, Some(code), r#"{"message":"m"}"#).kind(), kind, "{code} {status}");
    }
}

#[test]
fn an_exception_of_a_stream_begins_with_a_small_letter() {
    let error = ServiceError::from_exception(
        "modelStreamErrorException",
        br#"{"message":"boom","originalStatusCode":500}"#,
    );
    assert_eq!(error.kind(), ErrorKind::ModelStreamError);
    assert_eq!(error.into_error(&id(), "us-east-1").message(), "boom");
}

#[test]
fn a_page_of_html_is_judged_by_its_status() {
    assert_eq!(reply(502, None, "<html>").kind(), ErrorKind::Upstream);
    assert!(reply(502, None, "<html>").is_transient());
    assert_eq!(reply(503, None, "").kind(), ErrorKind::Overloaded);
    assert!(!reply(302, None, "").is_transient());
}

#[test]
fn a_context_that_is_too_long_is_known_by_its_words() {
    for message in [
        "Input is too long for requested model.",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 1 + 2 > 2",
        "too many total text bytes: 1",
        "This model's maximum context length is 8192 tokens",
    ] {
        let body = serde_json::json!({ "message": message }).to_string();
        assert_eq!(
            reply(400, Some("ValidationException"), &body).kind(),
            ErrorKind::ContextLengthExceeded,
            "{message}"
        );
    }
}

#[test]
fn a_model_without_on_demand_throughput_brings_a_profile_to_try() {
    let body = r#"{"message":"Invocation of model ID amazon.nova-lite-v1:0 with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model."}"#;
    let error = reply(400, Some("ValidationException"), body).into_error(&id(), "eu-west-1");
    assert_eq!(error.kind(), ErrorKind::ModelNotFound, "another region may have it");
    assert!(
        error.message().ends_with("(in eu-west-1, try `from: bedrock:eu.amazon.nova-lite-v1:0`)"),
        "{error}"
    );
}

#[test]
fn an_error_without_words_or_with_an_account_for_a_name_says_what_is_fit_for_a_client() {
    for (header, body, message) in [
        ("ValidationException", r#"{"message":"  "}"#, "Amazon Bedrock answered with ValidationException"),
        ("123456789012", "{}", "Amazon Bedrock answered with …"),
        ("", "", "Amazon Bedrock answered with status 418"),
    ] {
        let error = reply(418, Some(header), body).into_error(&id(), "us-east-1");
        assert_eq!(error.message(), message);
    }
}

#[test]
fn accounts_and_arns_stay_inside() {
    let said =
        "User: arn:aws:sts::123456789012:assumed-role/x/y is not authorized for 123456789012, retry in 30 s";
    let redacted = redact(said);
    assert!(!redacted.contains("123456789012") && !redacted.contains("assumed-role"), "{redacted}");
    assert!(redacted.contains("30 s"));
    let host = redact("see https://bedrock-runtime.us-east-1.amazonaws.com/model and wait");
    assert_eq!(host, "see … and wait");
    let error =
        reply(403, Some("AccessDeniedException"), &serde_json::json!({ "message": said }).to_string());
    assert!(!error.into_error(&id(), "us-east-1").message().contains("arn"));
}

#[test]
fn a_model_that_a_region_does_not_know_is_told_from_a_request_that_is_wrong() {
    for (message, kind) in [
        ("The provided model identifier is invalid.", ErrorKind::ModelNotFound),
        ("The provided guardrail identifier is invalid.", ErrorKind::InvalidRequest),
        ("Your text: The provided model identifier is invalid.", ErrorKind::InvalidRequest),
        ("The text says on-demand throughput isn't supported", ErrorKind::InvalidRequest),
    ] {
        let body = serde_json::json!({ "message": message }).to_string();
        assert_eq!(reply(400, Some("ValidationException"), &body).kind(), kind, "{message}");
    }
}
