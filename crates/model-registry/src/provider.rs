//! What a provider of models is to the registry.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chat::{BoxFuture, ChatModel};
use routing::Breaker;
use secrecy::SecretString;
use secrets::{Environment, ResolvedModel, Stores};
use spicepod::Problem;

use crate::configured::Defaults;
use crate::params::ParamSpec;

/// What holds for all models of a process.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Send every call to an emulator, with the emulator's own keys.
    pub emulator: Option<EmulatorTarget>,
}

/// An emulator that stands in for a provider.
#[derive(Clone, Debug)]
pub struct EmulatorTarget {
    /// Where it listens.
    pub endpoint_url: String,
    /// The id of the access key that it knows.
    pub access_key_id: SecretString,
    /// The secret of that key.
    pub secret_access_key: SecretString,
}

/// A model in a few words, for `spicerack check`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Where it is called; those behind the first one where that fails.
    pub regions: Vec<String>,
    /// Whose name it is called in; never a secret.
    pub credentials: String,
    /// Its guardrail, or a dash.
    pub guardrail: String,
    /// How it is called: each deadline and limit with its value.
    pub policy: Vec<(&'static str, String)>,
}

/// How much of a model is let through; `None` is without end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Chats at the same time.
    pub max_concurrency: Option<u32>,
    /// Chats in a minute.
    pub requests_per_minute: Option<u32>,
}

impl Summary {
    /// The regions, in the order in which they are called.
    pub fn region(&self) -> String {
        self.regions.join(", ")
    }
}

/// Whether content that a request only gives an address of is fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RemoteContent {
    /// Never.
    #[default]
    Denied,
    /// From public addresses.
    Allowed {
        /// Names of hosts, and `*.` with a name for all below it; any host where it is absent.
        hosts: Option<Vec<String>>,
    },
}

/// What a model may be declared from.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) stores: &'a Stores,
    pub(crate) environment: &'a Environment,
    pub(crate) options: &'a Options,
}

/// The code behind a prefix of `from`.
pub(crate) trait Provider: Sync {
    /// What stands before the colon of `from`.
    fn prefix(&self) -> &'static str;

    /// The parameters of its models.
    fn params(&self) -> &'static [ParamSpec];

    /// Says whether a parameter is about credentials or endpoints, which an emulator brings itself.
    fn skipped_in_emulator(&self, param: &str) -> bool;

    /// Begins a set of models that share connections and credentials.
    fn session(&self) -> Box<dyn Session>;

    /// The files beside the manifest that its models may depend on, whether they are there or not.
    fn files(&self) -> Vec<PathBuf>;
}

/// The models of one provider, over all loads of a manifest.
pub(crate) trait Session: Send + Sync {
    /// Checks one declared model; `id` is what stands behind the prefix.
    fn validate<'a>(
        &'a self,
        model: &'a ResolvedModel,
        id: &'a str,
        context: Context<'a>,
    ) -> BoxFuture<'a, (Option<Draft>, Vec<Problem>)>;

    /// Begins a load: what no model uses any more is forgotten.
    fn begin(&self);

    /// Looks for the credentials of all models again: a file that they come from has changed.
    fn renew(&self);
}

/// A model, and what is known of its failures: the same as before a reload, where nothing about it has changed.
pub(crate) struct Callable {
    pub(crate) model: Arc<dyn ChatModel>,
    pub(crate) breaker: Arc<Breaker>,
}

/// What builds a model, once.
pub(crate) type Build = Box<dyn FnOnce() -> BoxFuture<'static, Result<Callable, String>> + Send>;

/// Credentials that were found for a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The source that served; never a secret.
    pub source: String,
    /// Why sources before it that are set up did not serve.
    pub passed: Vec<String>,
    /// How long they are valid; `None` where they do not say.
    pub expires_in: Option<Duration>,
}

/// What finds a model's credentials, without a call that costs money; or says why there are none.
pub(crate) type Find = Box<dyn Fn() -> BoxFuture<'static, Result<Access, String>> + Send + Sync>;

/// A valid model that has not been built.
pub(crate) struct Draft {
    pub(crate) summary: Summary,
    pub(crate) defaults: Defaults,
    pub(crate) remote: RemoteContent,
    pub(crate) limits: Limits,
    pub(crate) find: Find,
    pub(crate) build: Build,
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft").field("summary", &self.summary).finish_non_exhaustive()
    }
}
