//! The manifest, typed and as written.

use std::fmt;
use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer};

use crate::location::Location;
use crate::value::ParamValue;

/// A manifest with the components of its dependencies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spicepod {
    /// Which version of the format.
    pub version: Version,
    /// What the application is called.
    pub name: String,
    /// The models to serve.
    pub models: Vec<Model>,
    /// Where secrets come from, in the order of the text; the last one is asked first.
    pub secrets: Vec<SecretStore>,
    /// Settings of the process.
    pub runtime: Runtime,
    /// Routes over several models.
    pub workers: Vec<Worker>,
    /// Whatever the author wants to note.
    pub metadata: IndexMap<String, ParamValue>,
}

/// A version of the format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// `v1`.
    #[default]
    V1,
    /// `v2`.
    V2,
}

/// A model to serve. Debug output names parameters without their values, which may be secrets.
#[derive(Clone, PartialEq)]
pub struct Model {
    /// Provider and model id, such as `bedrock:us.amazon.nova-lite-v1:0`.
    pub from: String,
    /// The name that clients ask for.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whatever the author wants to note.
    pub metadata: IndexMap<String, ParamValue>,
    /// The provider's parameters, in the order of the text.
    pub params: IndexMap<String, ParamValue>,
    /// Where it is declared.
    pub at: Location,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("from", &self.from)
            .field("name", &self.name)
            .field("params", &self.params.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A place where secrets are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretStore {
    /// The kind of store.
    pub kind: String,
    /// What of it, behind the colon of `from`.
    pub selector: Option<String>,
    /// The name by which references call it.
    pub name: String,
    /// The store's parameters.
    pub params: IndexMap<String, ParamValue>,
    /// Where it is declared.
    pub at: Location,
}

/// Settings of the process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Runtime {
    /// Who may call.
    pub auth: Option<Auth>,
    /// Which web pages may call.
    pub cors: Option<Cors>,
    /// Encryption of the listener.
    pub tls: Option<Tls>,
    /// How long running answers may take to end once the process is told to stop.
    pub shutdown_timeout: Option<Duration>,
}

/// Who may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Auth {
    /// Whether keys are asked for.
    pub enabled: bool,
    /// The keys.
    pub keys: Vec<ApiKey>,
}

/// A key that callers present. Debug output does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The key as written; usually a reference.
    pub key: String,
    /// What logs and metrics call it.
    pub name: Option<String>,
    /// The models that it may use; all where nothing is said.
    pub models: Option<Vec<String>>,
    /// How much it may use.
    pub limits: KeyLimits,
    /// Where it is declared.
    pub at: Location,
}

/// How much a key may use; `None` is without end, and no number is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyLimits {
    /// Chats at the same time.
    pub max_concurrency: Option<u32>,
    /// Chats that begin in a minute.
    pub requests_per_minute: Option<u32>,
    /// Tokens of the chats that end in a minute.
    pub tokens_per_minute: Option<u32>,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("name", &self.name)
            .field("models", &self.models)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Which web pages may call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Cors {
    /// Whether any may.
    pub enabled: bool,
    /// Their origins; `*` is any.
    #[serde(deserialize_with = "texts")]
    pub allowed_origins: Vec<String>,
}

/// Encryption of the listener. Debug output does not show the key.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Tls {
    /// Whether it is on.
    pub enabled: bool,
    /// A file with the certificate chain.
    pub certificate_file: Option<String>,
    /// A file with the key.
    pub key_file: Option<String>,
    /// The certificate chain itself.
    pub certificate: Option<String>,
    /// The key itself.
    pub key: Option<String>,
}

impl Default for Tls {
    fn default() -> Self {
        Self { enabled: true, certificate_file: None, key_file: None, certificate: None, key: None }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("enabled", &self.enabled)
            .field("certificate_file", &self.certificate_file)
            .field("key_file", &self.key_file)
            .finish_non_exhaustive()
    }
}

/// A route over several models.
#[derive(Clone, Debug, PartialEq)]
pub struct Worker {
    /// The name that clients ask for.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The models, in the order of the text.
    pub routing: Vec<Routing>,
    /// Where it is declared.
    pub at: Location,
}

/// One model of a route.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Routing {
    /// The model's name.
    pub from: String,
    /// Its turn, where the next one is asked after a failure.
    #[serde(default)]
    pub order: Option<u32>,
    /// Its share of the requests.
    #[serde(default)]
    pub weight: Option<u32>,
}

/// A list of texts as manifests write it: a list, one text, or nothing.
#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Many(Vec<String>),
}

fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match Option::<Texts>::deserialize(deserializer)? {
        Some(Texts::One(text)) => vec![text],
        Some(Texts::Many(texts)) => texts,
        None => Vec::new(),
    })
}

/// A key without a value is an empty list, and not the absence of one.
fn some_texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    texts(deserializer).map(Some)
}

/// The declarations as `serde` reads them, before files are followed and places are known.
pub(crate) mod raw {
    use serde::de::IgnoredAny;

    use super::{Cors, Deserialize, IndexMap, ParamValue, Routing, Tls, some_texts, texts};

    #[derive(Debug, Default, Deserialize)]
    #[serde(transparent)]
    pub(crate) struct Names(#[serde(deserialize_with = "texts")] pub(crate) Vec<String>);

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    pub(crate) struct Model {
        pub(crate) from: String,
        pub(crate) name: String,
        pub(crate) description: Option<String>,
        pub(crate) metadata: Option<IndexMap<String, ParamValue>>,
        pub(crate) params: Option<IndexMap<String, ParamValue>>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    pub(crate) struct SecretStore {
        pub(crate) from: String,
        pub(crate) name: Option<String>,
        pub(crate) params: Option<IndexMap<String, ParamValue>>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    pub(crate) struct Runtime {
        pub(crate) cors: Option<Cors>,
        pub(crate) tls: Option<Tls>,
        pub(crate) shutdown_timeout: Option<String>,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(crate) struct ApiKey {
        pub(crate) key: String,
        pub(crate) name: Option<String>,
        #[serde(deserialize_with = "some_texts")]
        pub(crate) models: Option<Vec<String>>,
        pub(crate) max_concurrency: Option<u32>,
        pub(crate) requests_per_minute: Option<u32>,
        pub(crate) tokens_per_minute: Option<u32>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    pub(crate) struct Worker {
        pub(crate) name: String,
        pub(crate) description: Option<String>,
        pub(crate) load_balance: Option<LoadBalance>,
        pub(crate) sql: Option<IgnoredAny>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    pub(crate) struct LoadBalance {
        pub(crate) routing: Option<Vec<Routing>>,
    }
}
