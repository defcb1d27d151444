//! The pure translation between the domain and `Converse`: no clock, no randomness, no I/O and no logging.

mod answer;
mod cache;
mod error;
mod fields;
mod guard;
mod lift;
mod media;
mod messages;
mod names;
mod notes;
mod pairs;
mod reasoning;
mod request;
mod response;
mod restore;
mod sampling;
mod schema;
mod stop_reason;
mod stream;
mod structured;
mod tools;
mod turns;
mod usage;

pub(crate) use error::ServiceError;
pub(crate) use request::{Context, Operation, Translated, request};
pub(crate) use response::{Answered, events, response};
pub(crate) use restore::Restore;
pub use sampling::check_sampling;
pub(crate) use stream::EventTranslator;

#[cfg(test)]
mod tests;
