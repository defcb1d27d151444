//! The request as it stands on the wire.
//!
//! Read in one pass over the bytes by visitors that know every member by name: types, duplicates and what this
//! version refuses are found on the way. Only a request that fails is read again, to say where.

mod content;
mod free;
mod members;
mod message;
mod parse;
mod request;
mod rules;
mod scalar;

pub(crate) use content::{Content, Part};
pub(crate) use message::{Message, WireRole};
pub use request::ChatCompletionRequest;
pub(crate) use request::{Guardrail, Refused};
