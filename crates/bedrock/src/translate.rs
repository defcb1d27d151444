//! The pure translation between the domain and `Converse`: no clock, no randomness, no I/O and no logging.

mod error;
mod messages;
mod request;
mod response;
mod stop_reason;
mod stream;
mod usage;

pub(crate) use error::ServiceError;
pub use request::check_sampling;
pub(crate) use request::{Context, Operation, Translated, request};
pub(crate) use response::response;
pub(crate) use stream::EventTranslator;
