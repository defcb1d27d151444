//! What holds of any refusal: the client gets an error with a status of its own, and learns nothing of accounts.

use chat::Error;
use openai_api::ApiError;

/// Holds an error to what a client may get.
///
/// # Panics
///
/// Where it breaks a rule.
pub(crate) fn check(error: &Error) {
    let reply = ApiError::from(error);
    assert!((400..600).contains(&reply.status), "{reply:?}");
    assert!(!reply.message.trim().is_empty(), "{reply:?}");
    assert!(!reply.message.contains("arn:aws"), "an ARN: {reply:?}");
    let numbers = reply.message.split(|c: char| !c.is_ascii_digit());
    assert!(numbers.into_iter().all(|number| number.len() != 12), "an account: {reply:?}");
    assert!(reply.retry_after.is_none_or(|delay| (1..=30).contains(&delay.as_secs())), "{reply:?}");
    let body: Result<serde_json::Value, _> = serde_json::from_slice(&reply.to_json());
    assert!(
        body.is_ok_and(|body| body.pointer("/error/message").is_some_and(serde_json::Value::is_string)),
        "{reply:?}"
    );
}
