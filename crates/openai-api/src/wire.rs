//! The request as it stands on the wire.
//!
//! Read in one pass over the bytes by visitors that know every member by name: types, duplicates and what this
//! version refuses are found on the way. Only a request that fails is read again, to say where.

mod cache;
mod calls;
mod content;
mod free;
mod guardrail;
mod link;
mod members;
mod message;
mod options;
mod pairs;
mod parse;
mod raw;
mod record;
mod request;
mod rules;
mod scalar;
mod tools;
mod word;

pub(crate) use calls::{CalledFunction, ThinkingBlock, ToolCall};
pub(crate) use content::{Content, Part, PartKind};
pub(crate) use guardrail::Guardrail;
pub(crate) use link::{File, Link};
pub(crate) use members::Ignored;
pub(crate) use message::{Message, WireRole};
pub(crate) use options::{JsonSchema, ResponseFormat, Tier};
pub use request::ChatCompletionRequest;
pub(crate) use request::Refused;
pub(crate) use tools::{Choice, Function, LegacyFunction, Tool};
