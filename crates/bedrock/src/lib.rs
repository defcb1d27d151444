//! Amazon Bedrock as a provider of chat models.
//!
//! Owns the JSON of `Converse` and `ConverseStream`, its pure translation to and from the domain ([`chat`]), what
//! each family of models accepts ([`family`]), and the transport. Must not know any dialect that clients speak,
//! nor the manifest. AWS types stay inside the transport.
//!
//! ```
//! use bedrock::{ModelId, family};
//!
//! let id = ModelId::parse("us.amazon.nova-lite-v1:0")?;
//! assert_eq!(family::of(&id).name, "nova");
//! # Ok::<(), bedrock::ModelIdError>(())
//! ```

pub mod family;

mod clock;
mod guardrail;
mod model;
mod model_id;
mod spec;
mod translate;
mod transport;
mod wire;

pub use clock::Clock;
pub use guardrail::{Guardrail, GuardrailError, GuardrailIdentifier, GuardrailScope, GuardrailVersion};
pub use model::{BedrockModel, Identity, Shared, WeakIdentity};
pub use model_id::{ModelId, ModelIdError, is_region};
pub use spec::{
    Access, AssumeRole, BedrockSpec, CredentialSource, Credentials, EndpointChoice, HalfPair, KeysFrom,
    Policy,
};
pub use translate::check_sampling;
#[cfg(feature = "benchmarks")]
pub use transport::benchmarks;
#[cfg(any(test, feature = "fuzzing"))]
pub use transport::fuzzing;
pub use transport::{
    EndpointError, EndpointUrl, default_region, profile_endpoint, profile_exists, shared_files,
};
