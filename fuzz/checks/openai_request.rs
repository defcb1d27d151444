//! What holds of any request: it is translated, or refused with a status of its own and a reply that is JSON.

use openai_api::{ApiError, ChatCompletionRequest, translate};

/// Reads and translates a request.
///
/// # Panics
///
/// Where what comes of it breaks a rule.
pub(crate) fn check(bytes: &[u8]) {
    match ChatCompletionRequest::from_slice(bytes).and_then(translate) {
        Ok(translated) => {
            assert!(!translated.model.is_empty() && !translated.request.messages.is_empty());
            let noted = translated.ignored.iter().chain(&translated.adjusted);
            for note in noted {
                assert!(
                    note.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                    "not fit for a header: {note:?}"
                );
            }
        }
        Err(error) => refused(&error),
    }
}

fn refused(error: &ApiError) {
    assert_eq!(error.status, 400, "{error:?}");
    assert!(!error.message.is_empty());
    let body: Result<serde_json::Value, _> = serde_json::from_slice(&error.to_json());
    assert!(
        body.is_ok_and(|body| body.pointer("/error/message").is_some_and(serde_json::Value::is_string)),
        "{error:?}"
    );
}
