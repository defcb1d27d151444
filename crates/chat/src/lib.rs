//! The provider-neutral domain of a chat: what a client asks, what a model answers, and how either can fail.
//!
//! Dialects (the HTTP APIs that clients speak) translate into these types, providers (Amazon Bedrock) out of
//! them, and neither knows the other. Nothing here may name HTTP, AWS or a wire format, and no type derives
//! `Serialize` or `Deserialize`: wire types live beside the wire.
//!
//! ```
//! use chat::{Message, Request};
//!
//! let request = Request { messages: vec![Message::user("hello")], ..Request::default() };
//! assert_eq!(request.messages.len(), 1);
//! ```

mod collect;
mod content;
mod error;
mod event;
mod field;
mod finish;
pub mod json;
mod message;
mod model;
mod raw;
mod reasoning;
mod request;
mod response;
mod route;
mod sampling;
mod tool;
mod usage;
pub mod vitals;
mod witness;

pub use collect::Collector;
pub use content::{
    Cache, Content, Document, DocumentFormat, GuardedText, Image, ImageFormat, Part, Qualifier, Source,
    Video, VideoFormat,
};
pub use error::{Error, ErrorKind, Repeat, Result};
pub use event::{Event, Metadata};
pub use field::Field;
pub use finish::FinishReason;
pub use message::{Assistant, Message, ToolResult};
pub use model::{BoxFuture, ChatModel, Completion, EventStream, Head, Readiness, Streaming};
pub use raw::RawJson;
pub use reasoning::{Effort, Reasoning};
pub use request::{
    Attempts, GuardrailChoice, GuardrailMode, GuardrailTrace, JsonObject, JsonSchema, Latency, Request,
    ResponseFormat, ServiceTier,
};
pub use response::Response;
pub use route::{Leg, Route, Standing};
pub use sampling::Sampling;
pub use tool::{Tool, ToolCall, ToolChoice};
pub use usage::Usage;
pub use vitals::Vital;
pub use witness::{Calls, Gate, Witness};
