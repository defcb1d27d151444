//! Body in, head and bytes or events out: everything between a translated request and Amazon Bedrock.
//!
//! The SDK finds credentials, endpoints and regions; the calls themselves are made here, on `hyper`. That
//! is why retries never repeat an answer that is already
//! billed, why a silent stream ends, and why the bytes that are signed are the bytes that were translated.

#[cfg(feature = "benchmarks")]
pub mod benchmarks;
mod body;
mod budget;
mod call;
mod connect;
mod credentials;
#[cfg(test)]
mod differential;
mod endpoint;
mod events;
mod frames;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod link;
mod lost;
mod pool;
mod refusal;
mod region;
mod retry;
mod sign;
mod wake;

pub use endpoint::{EndpointError, EndpointUrl};
pub use region::{default_region, profile_endpoint, profile_exists, shared_files};

pub(crate) use call::{Transport, Tries};
pub(crate) use connect::Connections;
pub(crate) use credentials::CredentialCache;
pub(crate) use endpoint::Target;
pub(crate) use events::Events;
pub(crate) use lost::lost;
