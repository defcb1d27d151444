//! OpenAI's chat-completions API: its wire types, and their translation into and out of the domain.
//!
//! Pure: bytes in, values out. Must not know a server, a provider, a clock or a random number. The source is
//! OpenAI's API reference, pages
//! [Create chat completion](https://platform.openai.com/docs/api-reference/chat/create),
//! [Streaming](https://platform.openai.com/docs/api-reference/chat-streaming) and
//! [Models](https://platform.openai.com/docs/api-reference/models).
//!
//! ```
//! let body = br#"{"model":"nova","messages":[{"role":"user","content":"hello"}],"temperature":0.7}"#;
//! let wire = openai_api::ChatCompletionRequest::from_slice(body).unwrap();
//! let translated = openai_api::translate(wire).unwrap();
//! assert_eq!(translated.request.sampling.temperature, Some(0.7));
//! ```

mod chunk;
mod error;
mod json;
pub mod media;
mod models;
mod response;
mod text;
mod translate;
mod wire;

pub use chunk::{ChunkEncoder, KEEP_ALIVE, NotFinished};
pub use error::{ApiError, Code, path};
pub use models::{Model, csv, list, retrieve};
pub use response::{Identity, completion};
pub use translate::{Session, Translated, translate};
pub use wire::ChatCompletionRequest;
