//! One Bedrock model as declared: typed, and already valid.

use std::time::Duration;

use secrecy::SecretString;

use crate::family::Family;
use crate::guardrail::{Guardrail, GuardrailScope};
use crate::model_id::ModelId;
use crate::transport::EndpointUrl;

/// Everything that is needed to call one model.
#[derive(Clone, Debug)]
pub struct BedrockSpec {
    /// Which model.
    pub model_id: ModelId,
    /// What the model accepts.
    pub family: &'static Family,
    /// The region whose endpoint is called, and for which requests are signed.
    pub region: String,
    /// Which endpoint is called.
    pub endpoint: EndpointChoice,
    /// Whose name the calls are made in.
    pub credentials: Credentials,
    /// The guardrail that every request carries.
    pub guardrail: Option<Guardrail>,
    /// Whether a request may bring a guardrail of its own.
    pub guardrail_override: bool,
    /// What of a prompt the guardrail assesses.
    pub guardrail_scope: GuardrailScope,
    /// Whether cache points are placed where the client places none.
    pub cache: bool,
    /// Whether a `<thinking>` that an answer begins with is told as reasoning.
    pub lift_thinking: bool,
    /// How long to wait, and how often to try.
    pub policy: Policy,
}

impl BedrockSpec {
    /// Whether both call the same model in the same way, with the same secrets.
    pub fn is_same(&self, other: &Self) -> bool {
        // Destructured, so that a new field cannot be forgotten here.
        let Self {
            model_id,
            family,
            region,
            endpoint,
            credentials,
            guardrail,
            guardrail_override,
            guardrail_scope,
            cache,
            lift_thinking,
            policy,
        } = self;
        *model_id == other.model_id
            && family.name == other.family.name
            && *region == other.region
            && *endpoint == other.endpoint
            && credentials.is_same(&other.credentials)
            && *guardrail == other.guardrail
            && *guardrail_override == other.guardrail_override
            && *guardrail_scope == other.guardrail_scope
            && *cache == other.cache
            && *lift_thinking == other.lift_thinking
            && *policy == other.policy
    }
}

/// Which endpoint is called: the region's own unless something else is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointChoice {
    /// A URL to call instead.
    pub url: Option<EndpointUrl>,
    /// The region's FIPS endpoint.
    pub fips: bool,
    /// The region's dual-stack endpoint.
    pub dual_stack: bool,
}

/// How calls are made: how long Bedrock is waited for, how often a request is tried, and how many tries a model has
/// beside its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// For a connection: name resolution, TCP and TLS.
    pub connect: Duration,
    /// For the first event of a stream.
    pub first_event: Duration,
    /// Between two events of a stream, and between two pieces of a body once a head is in.
    pub idle: Duration,
    /// For everything together. Bedrock may take an hour over a long answer.
    pub request: Duration,
    /// How many calls one request may make, the first included.
    pub max_attempts: u32,
    /// How many calls may be repeated, in percent of the model's requests, once a first reserve is spent.
    pub retry_budget_percent: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            first_event: Duration::from_secs(120),
            idle: Duration::from_secs(120),
            request: Duration::from_secs(3600),
            max_attempts: 3,
            retry_budget_percent: 10,
        }
    }
}

/// Whose name the calls are made in.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Where the credentials come from.
    pub source: CredentialSource,
    /// A role to assume with them.
    pub assume_role: Option<AssumeRole>,
}

/// Where credentials come from.
#[derive(Clone, Debug)]
pub enum CredentialSource {
    /// A key pair from the manifest or a secret store.
    Keys {
        /// The access key's id.
        access_key_id: SecretString,
        /// The access key's secret.
        secret_access_key: SecretString,
        /// The token of temporary credentials.
        session_token: Option<SecretString>,
        /// Who said them.
        from: KeysFrom,
    },
    /// A Bedrock API key, sent as a bearer token instead of a signature.
    Bearer(SecretString),
    /// A profile of the shared configuration files.
    Profile(String),
    /// The environment variables alone.
    Environment,
    /// The workload's own identity: web identity, ECS or EKS containers, EC2 instance metadata.
    Metadata,
    /// Every source in AWS's order.
    Chain {
        /// The profile to look into, where it is not the one that the SDK finds itself.
        profile: Option<String>,
    },
}

/// Who said a key pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysFrom {
    /// The model's own parameters.
    Manifest,
    /// The secret stores, unasked: the environment and `.env`, unless the manifest declares others.
    Stores,
}

impl Credentials {
    /// Names the source for people, and whether a role is assumed with it.
    pub fn describe(&self) -> String {
        let source = self.source.describe();
        if self.assume_role.is_some() { format!("{source}, {ASSUMED}") } else { source }
    }
}

/// What is added to a source's name where a role was assumed with its credentials.
pub(crate) const ASSUMED: &str = "assumed role";

impl CredentialSource {
    /// Names the source for people.
    pub fn describe(&self) -> String {
        match self {
            Self::Keys { from: KeysFrom::Manifest, .. } => "access key".to_owned(),
            Self::Keys { from: KeysFrom::Stores, .. } => "secret stores".to_owned(),
            Self::Bearer(_) => "API key".to_owned(),
            Self::Profile(name) => format!("profile {name}"),
            Self::Environment => "environment".to_owned(),
            Self::Metadata => "workload identity".to_owned(),
            Self::Chain { .. } => "AWS chain".to_owned(),
        }
    }
}

/// A role to assume through STS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumeRole {
    /// The role's ARN.
    pub arn: String,
    /// The session's name in AWS's logs.
    pub session_name: String,
    /// The external id that the role's trust policy asks for.
    pub external_id: Option<String>,
}

/// Half a pair of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HalfPair {
    /// An access key id without its secret.
    WithoutSecret,
    /// A secret without its access key id.
    WithoutId,
}

/// Credentials that were found, in words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The source that served.
    pub source: String,
    /// Why sources before it that are set up did not serve.
    pub passed: Vec<String>,
    /// How long they are valid; `None` where they do not say.
    pub expires_in: Option<Duration>,
}
