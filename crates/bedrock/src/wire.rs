//! The JSON of `Converse` and `ConverseStream`, as far as it is used here.
//!
//! The SDK's own types are not used on the request path: its documents lose the order of keys and its floats lose
//! digits, and prompt caches need the same bytes for the same request.

pub(crate) mod reply;
pub(crate) mod request;
