//! Bytes into a request, or into an error that says where and what.

use serde::Deserialize;
use serde_json::error::Category;

use super::request::ChatCompletionRequest;
use crate::error::ApiError;
use crate::text::shorten;

impl ChatCompletionRequest {
    /// Reads a request.
    ///
    /// # Errors
    ///
    /// A 400 with the JSON path and what is wanted there, where the bytes are not JSON or not of the right types.
    pub fn from_slice(body: &[u8]) -> Result<Self, ApiError> {
        // All of it at once: the reader would look at the strings that it keeps, and not at those that it skips.
        let text = std::str::from_utf8(body).map_err(|error| not_text(&error))?;
        serde_json::from_str(text).map_err(|error| explain(text, &error))
    }
}

#[cold]
fn not_text(error: &std::str::Utf8Error) -> ApiError {
    let at = error.valid_up_to();
    ApiError::invalid(format!("The request body is not valid JSON: what begins at byte {at} is not UTF-8."))
}

/// Reads the bytes again, this time with an eye on where they stand.
#[cold]
fn explain(body: &str, error: &serde_json::Error) -> ApiError {
    if body.bytes().all(|byte| byte.is_ascii_whitespace()) {
        return ApiError::invalid(
            "The request body is empty. Send a JSON object with `model` and `messages`.",
        );
    }
    if error.classify() != Category::Data {
        return ApiError::invalid(format!("The request body is not valid JSON: {error}."));
    }
    let mut deserializer = serde_json::Deserializer::from_str(body);
    let mut track = serde_path_to_error::Track::new();
    let again = ChatCompletionRequest::deserialize(serde_path_to_error::Deserializer::new(
        &mut deserializer,
        &mut track,
    ));
    let text = again.err().map_or_else(|| error.to_string(), |error| error.to_string());
    let text = without_position(&text);
    let path = track.path().to_string();
    if path == "." {
        return ApiError::invalid(format!("Invalid request: {}.", excerpt(text)));
    }
    let path = shorten(&path);
    ApiError::invalid(format!("Invalid '{path}': {}.", excerpt(text))).param(path)
}

/// Columns of a one-line body help nobody.
fn without_position(text: &str) -> &str {
    text.rsplit_once(" at line ").map_or(text, |(text, _)| text)
}

/// Keeps the start of a message, which may repeat the client's text, and its end, which says what is wanted.
fn excerpt(text: &str) -> String {
    match text.rsplit_once(", expected ") {
        Some((found, wanted)) => format!("{}, expected {wanted}", shorten(found)),
        None => text.chars().take(300).collect(),
    }
}
