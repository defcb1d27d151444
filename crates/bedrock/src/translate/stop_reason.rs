//! Why Bedrock says that an answer ended.

use chat::{Error, ErrorKind, FinishReason, Result};

/// Translates a stop reason. Reasons that are not known end the answer like any other; Bedrock adds some now and then.
///
/// # Errors
///
/// [`ErrorKind::MalformedOutput`] where Bedrock says that the model's output is unusable.
pub(super) fn stop_reason(reason: &str) -> Result<FinishReason> {
    Ok(match reason {
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "guardrail_intervened" | "content_filtered" => FinishReason::ContentFilter,
        malformed if malformed.starts_with("malformed_") => {
            let message = format!("the model's output was malformed ({malformed})");
            return Err(Error::new(ErrorKind::MalformedOutput, message));
        }
        _ => FinishReason::Stop,
    })
}
