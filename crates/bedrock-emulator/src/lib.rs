//! A Bedrock runtime endpoint on this machine: for a first try without an AWS account, and for tests.
//!
//! Answers [Converse](https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html) and
//! [ConverseStream](https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html) over
//! HTTP/1.1, and over HTTP/2 with prior knowledge. Verifies signatures, refuses what Bedrock refuses in Bedrock's
//! words, and answers the same request always alike: it repeats what was said, calls tools that a prompt speaks of,
//! fills JSON schemas, thinks where it is asked to and caches. Tests script it and see what it received.
//!
//! Depends on none of the other crates, so that it cannot share their mistakes.

mod answer;
mod auth;
mod cache;
mod clock;
mod config;
mod family;
mod frame;
mod guardrail;
mod guide;
mod http1;
mod http2;
mod model_id;
mod record;
mod reply;
mod request;
mod script;
mod seal;
mod server;
mod service;
mod state;
mod validate;

pub use config::{
    ACCESS_KEY_ID, BEARER_KEY, BLOCKED_IN_ANSWERS, BLOCKED_IN_PROMPTS, Config, GUARDRAIL_ID,
    SECRET_ACCESS_KEY,
};
pub use guide::guide;
pub use record::{Ending, Recorded};
pub use script::{Gate, Reply};
pub use server::{Emulator, serve};
