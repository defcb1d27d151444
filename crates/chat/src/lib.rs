//! The provider-neutral domain of a chat: what a client asks, what a model answers, and how either can fail.
//!
//! Dialects (the HTTP APIs that clients speak) translate into these types, providers (Amazon Bedrock) out of
//! them, and neither knows the other. Nothing here may name HTTP, AWS or a wire format, and no type derives
//! `Serialize` or `Deserialize`: wire types live beside the wire.
//!
//! ```
//! use chat::{Message, Request, Role};
//!
//! let request = Request { messages: vec![Message::text(Role::User, "hello")], ..Request::default() };
//! assert_eq!(request.messages.len(), 1);
//! ```

mod collect;
mod content;
mod error;
mod event;
mod field;
mod finish;
mod message;
mod model;
mod request;
mod response;
mod sampling;
mod usage;

pub use collect::Collector;
pub use content::Part;
pub use error::{Error, ErrorKind, Result};
pub use event::{Event, Metadata};
pub use field::Field;
pub use finish::FinishReason;
pub use message::{Message, Role};
pub use model::{BoxFuture, ChatModel, Completion, EventStream, Head, Readiness, Streaming};
pub use request::{GuardrailChoice, GuardrailMode, GuardrailTrace, JsonObject, Request};
pub use response::Response;
pub use sampling::Sampling;
pub use usage::Usage;
