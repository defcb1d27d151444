//! The 400s of a request that cannot be served.

use crate::error::{ApiError, Code};

/// A member that must be there is not.
pub(super) fn missing(name: impl Into<String>) -> ApiError {
    let name = name.into();
    let message = format!("Missing required parameter: '{name}'.");
    ApiError::invalid(message).param(name).code(Code::MissingRequiredParameter)
}

/// A member is not served.
pub(super) fn unsupported(param: impl Into<String>) -> ApiError {
    let param = param.into();
    let what = format!("'{param}'");
    unsupported_value(param, &what)
}

/// A value of a member is not served.
pub(super) fn unsupported_value(param: impl Into<String>, what: &str) -> ApiError {
    ApiError::invalid(format!("Unsupported parameter: {what} is not supported."))
        .param(param)
        .code(Code::UnsupportedParameter)
}

/// A member is wrong.
pub(super) fn invalid(param: impl Into<String>, why: &str) -> ApiError {
    let param = param.into();
    ApiError::invalid(format!("Invalid '{param}': {why}.")).param(param)
}

/// A text that must hold something holds nothing.
pub(super) fn empty(param: impl Into<String>) -> ApiError {
    let why = "empty string. Expected a string with minimum length 1, but got an empty string instead";
    invalid(param, why).code(Code::EmptyString)
}

/// A text that is there and holds something.
pub(super) fn filled(text: Option<String>, param: impl FnOnce() -> String) -> Result<String, ApiError> {
    match text {
        Some(text) if text.is_empty() => Err(empty(param())),
        Some(text) => Ok(text),
        None => Err(missing(param())),
    }
}
