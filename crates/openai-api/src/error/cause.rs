//! The one map from why a request failed to what a client sees.

use std::time::Duration;

use chat::{ErrorKind, Field};

use super::{ApiError, Code, INVALID_REQUEST};

const API_ERROR: &str = "api_error";
const UNAVAILABLE: &str = "service_unavailable_error";
const AUTHENTICATION: &str = "authentication_error";

/// Clients give up on a server that asks for much more, and a whole second is the least that the header can say.
const SOONEST: Duration = Duration::from_secs(1);
const LATEST: Duration = Duration::from_secs(30);

impl From<&chat::Error> for ApiError {
    fn from(error: &chat::Error) -> Self {
        let (status, kind, code) = describe(error.kind());
        let mut reply = Self::new(status, kind, code, error.message());
        reply.param = error.field().map(path);
        let (should_retry, delay) = retry(error.kind());
        reply.should_retry = should_retry;
        // A client that is told to come back is told when.
        reply.retry_after = delay.map(|least| error.delay().unwrap_or(least).clamp(SOONEST, LATEST));
        reply
    }
}

/// Status, `type` and `code` of each kind.
fn describe(kind: ErrorKind) -> (u16, &'static str, Option<Code>) {
    match kind {
        ErrorKind::InvalidRequest => (400, INVALID_REQUEST, Some(Code::InvalidRequest)),
        ErrorKind::Unsupported => (400, INVALID_REQUEST, Some(Code::UnsupportedParameter)),
        ErrorKind::ContextLengthExceeded => (400, INVALID_REQUEST, Some(Code::ContextLengthExceeded)),
        ErrorKind::ModelNotFound => (404, INVALID_REQUEST, Some(Code::ModelNotFound)),
        ErrorKind::AccessDenied => (502, API_ERROR, Some(Code::UpstreamAccessDenied)),
        ErrorKind::CredentialsRejected => (502, AUTHENTICATION, Some(Code::UpstreamCredentialsRejected)),
        ErrorKind::CredentialsUnavailable => {
            (503, AUTHENTICATION, Some(Code::UpstreamCredentialsUnavailable))
        }
        ErrorKind::Throttled | ErrorKind::AtLimit => (429, "rate_limit_error", Some(Code::RateLimitExceeded)),
        ErrorKind::QuotaExceeded => (429, "insufficient_quota", Some(Code::QuotaExceeded)),
        ErrorKind::ModelNotReady => (503, UNAVAILABLE, Some(Code::ModelNotReady)),
        ErrorKind::Overloaded => (503, UNAVAILABLE, Some(Code::ServerIsOverloaded)),
        ErrorKind::Upstream => (502, API_ERROR, Some(Code::UpstreamError)),
        ErrorKind::ModelTimeout => (504, API_ERROR, Some(Code::ModelTimeout)),
        ErrorKind::ModelError => (502, API_ERROR, Some(Code::ModelError)),
        ErrorKind::ModelStreamError => (502, API_ERROR, Some(Code::ModelStreamError)),
        ErrorKind::MalformedOutput => (502, API_ERROR, Some(Code::ModelOutputMalformed)),
        ErrorKind::Unreachable => (502, API_ERROR, Some(Code::UpstreamUnreachable)),
        ErrorKind::ConnectTimeout => (504, API_ERROR, Some(Code::UpstreamConnectTimeout)),
        ErrorKind::Tls => (502, API_ERROR, Some(Code::UpstreamTls)),
        ErrorKind::Timeout => (504, API_ERROR, Some(Code::UpstreamTimeout)),
        ErrorKind::Incomplete => (502, API_ERROR, Some(Code::UpstreamIncomplete)),
        ErrorKind::Corrupt => (502, API_ERROR, Some(Code::UpstreamCorrupt)),
        ErrorKind::Protocol => (502, API_ERROR, Some(Code::UpstreamProtocol)),
        ErrorKind::TooLarge => (502, API_ERROR, Some(Code::UpstreamTooLarge)),
    }
}

/// Whether a client should try again, and when at the earliest. Failures that were already tried again here are
/// not worth a client's own tries.
fn retry(kind: ErrorKind) -> (Option<bool>, Option<Duration>) {
    let after = |seconds| (Some(true), Some(Duration::from_secs(seconds)));
    match kind {
        ErrorKind::InvalidRequest
        | ErrorKind::Unsupported
        | ErrorKind::ContextLengthExceeded
        | ErrorKind::ModelNotFound => (None, None),
        ErrorKind::Throttled | ErrorKind::AtLimit => after(1),
        ErrorKind::Overloaded => after(2),
        ErrorKind::ModelNotReady | ErrorKind::CredentialsUnavailable => after(5),
        ErrorKind::CredentialsRejected => (Some(true), None),
        ErrorKind::AccessDenied
        | ErrorKind::QuotaExceeded
        | ErrorKind::Upstream
        | ErrorKind::ModelTimeout
        | ErrorKind::ModelError
        | ErrorKind::ModelStreamError
        | ErrorKind::MalformedOutput
        | ErrorKind::Unreachable
        | ErrorKind::ConnectTimeout
        | ErrorKind::Tls
        | ErrorKind::Timeout
        | ErrorKind::Incomplete
        | ErrorKind::Corrupt
        | ErrorKind::Protocol
        | ErrorKind::TooLarge => (Some(false), None),
    }
}

/// Names a place of the domain's request by its JSON path in OpenAI's.
pub fn path(field: &Field) -> String {
    match field {
        Field::Messages => "messages".to_owned(),
        Field::Message(index) => format!("messages[{index}]"),
        Field::Part(message, part) => format!("messages[{message}].content[{part}]"),
        Field::Reasoning(message) => format!("messages[{message}].thinking_blocks"),
        Field::ToolCall(message, call) => format!("messages[{message}].tool_calls[{call}]"),
        Field::ToolArguments(message, call) => {
            format!("messages[{message}].tool_calls[{call}].function.arguments")
        }
        Field::ToolCallId(message) => format!("messages[{message}].tool_call_id"),
        Field::Tools => "tools".to_owned(),
        Field::Tool(tool) => format!("tools[{tool}]"),
        Field::ToolName(tool) => format!("tools[{tool}].function.name"),
        Field::ToolParameters(tool) => format!("tools[{tool}].function.parameters"),
        Field::ToolStrict(tool) => format!("tools[{tool}].function.strict"),
        Field::ToolChoice => "tool_choice".to_owned(),
        Field::ParallelToolCalls => "parallel_tool_calls".to_owned(),
        Field::ResponseFormat => "response_format".to_owned(),
        Field::ReasoningEffort => "reasoning_effort".to_owned(),
        Field::ServiceTier => "service_tier".to_owned(),
        Field::Latency => "performance_config".to_owned(),
        Field::CacheControl => "cache_control".to_owned(),
        Field::Betas => "anthropic-beta".to_owned(),
        Field::MaxTokens => "max_tokens".to_owned(),
        Field::Temperature => "temperature".to_owned(),
        Field::TopP => "top_p".to_owned(),
        Field::TopK => "top_k".to_owned(),
        Field::Stop => "stop".to_owned(),
        Field::Guardrail => "guardrail".to_owned(),
        Field::Metadata(key) => format!("metadata.{key}"),
        Field::AdditionalFields => "additional_model_request_fields".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_its_status_type_code_and_retry_advice() {
        // kind, status, type, code, retry-after in seconds, x-should-retry
        let table = "
            invalid_request 400 invalid_request_error invalid_request - -
            unsupported 400 invalid_request_error unsupported_parameter - -
            context_length_exceeded 400 invalid_request_error context_length_exceeded - -
            model_not_found 404 invalid_request_error model_not_found - -
            access_denied 502 api_error upstream_access_denied - false
            credentials_rejected 502 authentication_error upstream_credentials_rejected - true
            credentials_unavailable 503 authentication_error upstream_credentials_unavailable 5 true
            throttled 429 rate_limit_error rate_limit_exceeded 1 true
            rate_limit_exceeded 429 rate_limit_error rate_limit_exceeded 1 true
            quota_exceeded 429 insufficient_quota quota_exceeded - false
            model_not_ready 503 service_unavailable_error model_not_ready 5 true
            overloaded 503 service_unavailable_error server_is_overloaded 2 true
            upstream 502 api_error upstream_error - false
            model_timeout 504 api_error model_timeout - false
            model_error 502 api_error model_error - false
            model_stream_error 502 api_error model_stream_error - false
            malformed_output 502 api_error model_output_malformed - false
            unreachable 502 api_error upstream_unreachable - false
            connect_timeout 504 api_error upstream_connect_timeout - false
            tls 502 api_error upstream_tls - false
            timeout 504 api_error upstream_timeout - false
            incomplete 502 api_error upstream_incomplete - false
            corrupt 502 api_error upstream_corrupt - false
            protocol 502 api_error upstream_protocol - false
            too_large 502 api_error upstream_too_large - false";
        let rows: Vec<&str> = table.trim().lines().map(str::trim).collect();
        assert_eq!(rows.len(), ErrorKind::ALL.len());
        for (kind, row) in ErrorKind::ALL.into_iter().zip(rows) {
            let reply = ApiError::from(&chat::Error::new(kind, "why"));
            let after = reply.retry_after.map_or("-".to_owned(), |delay| delay.as_secs().to_string());
            let again = reply.should_retry.map_or("-".to_owned(), |again| again.to_string());
            let found = format!(
                "{} {} {} {} {after} {again}",
                kind.name(),
                reply.status,
                reply.kind,
                reply.code.map_or("-", Code::name)
            );
            assert_eq!(found, row);
        }
    }

    #[test]
    fn every_place_is_a_path_that_clients_know() {
        let rows = [
            (Field::Messages, "messages"),
            (Field::Message(3), "messages[3]"),
            (Field::Reasoning(3), "messages[3].thinking_blocks"),
            (Field::ToolCall(3, 1), "messages[3].tool_calls[1]"),
            (Field::ToolArguments(3, 1), "messages[3].tool_calls[1].function.arguments"),
            (Field::ToolCallId(3), "messages[3].tool_call_id"),
            (Field::Tools, "tools"),
            (Field::Tool(2), "tools[2]"),
            (Field::ToolName(2), "tools[2].function.name"),
            (Field::ToolParameters(2), "tools[2].function.parameters"),
            (Field::ToolStrict(2), "tools[2].function.strict"),
            (Field::ToolChoice, "tool_choice"),
            (Field::ParallelToolCalls, "parallel_tool_calls"),
            (Field::ResponseFormat, "response_format"),
            (Field::ReasoningEffort, "reasoning_effort"),
            (Field::ServiceTier, "service_tier"),
            (Field::Latency, "performance_config"),
            (Field::CacheControl, "cache_control"),
            (Field::Betas, "anthropic-beta"),
            (Field::Metadata("a".into()), "metadata.a"),
        ];
        for (field, expected) in rows {
            assert_eq!(path(&field), expected);
        }
    }

    #[test]
    fn the_providers_own_delay_counts_and_the_place_is_a_path() {
        let error = chat::Error::new(ErrorKind::Throttled, "slow down")
            .retry_after(Duration::from_secs(7))
            .at(Field::Part(2, 1));
        let reply = ApiError::from(&error);
        assert_eq!(reply.retry_after, Some(Duration::from_secs(7)));
        for (asked, told) in [(0, 1), (u64::MAX, 30)] {
            let error = chat::Error::new(ErrorKind::Throttled, "x").retry_after(Duration::from_secs(asked));
            assert_eq!(ApiError::from(&error).retry_after, Some(Duration::from_secs(told)));
        }
        assert_eq!(reply.param.as_deref(), Some("messages[2].content[1]"));
        let expected = r#"{"error":{"message":"slow down","type":"rate_limit_error","param":"messages[2].content[1]","code":"rate_limit_exceeded"}}"#;
        assert_eq!(String::from_utf8(reply.to_json()).unwrap(), expected);
    }
}
