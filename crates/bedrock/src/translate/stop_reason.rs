//! Why Bedrock says that an answer ended.

use chat::{Error, ErrorKind, FinishReason, Result};

/// Reasons that end an answer in the usual way, and those that [`stop_reason`] tells apart.
const KNOWN: &[&str] = &[
    "end_turn",
    "stop_sequence",
    "tool_use",
    "max_tokens",
    "model_context_window_exceeded",
    "guardrail_intervened",
    "content_filtered",
];

/// Says whether a stop reason is one of the API's; others are worth a line in the log.
pub(super) fn is_known(reason: &str) -> bool {
    KNOWN.contains(&reason)
}

/// Translates a stop reason. Reasons that are not known end the answer like any other; Bedrock adds some now and then.
///
/// # Errors
///
/// [`ErrorKind::MalformedOutput`] where Bedrock says that the model's output is unusable.
pub(super) fn stop_reason(reason: &str) -> Result<FinishReason> {
    Ok(match reason {
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "guardrail_intervened" | "content_filtered" => FinishReason::ContentFilter,
        malformed if malformed.starts_with("malformed_") => {
            let message = format!("the model's output was malformed ({malformed})");
            return Err(Error::new(ErrorKind::MalformedOutput, message));
        }
        _ => FinishReason::Stop,
    })
}
