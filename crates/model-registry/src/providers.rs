//! The providers that there are.

use std::path::PathBuf;

mod bedrock;

use crate::params;
use crate::provider::Provider;

/// Every provider, in the order in which help lists them.
pub(crate) static PROVIDERS: &[&dyn Provider] = &[&bedrock::Bedrock];

/// The prefixes that `from` takes.
pub fn prefixes() -> impl Iterator<Item = &'static str> {
    PROVIDERS.iter().map(|provider| provider.prefix())
}

/// The provider behind a prefix.
pub(crate) fn find(prefix: &str) -> Option<&'static dyn Provider> {
    PROVIDERS.iter().copied().find(|provider| provider.prefix() == prefix)
}

/// The files beside the manifest that models may depend on, whether they are there or not. After a change of one,
/// [`Sessions::renew`](crate::Sessions::renew).
pub fn files() -> Vec<PathBuf> {
    PROVIDERS.iter().flat_map(|provider| provider.files()).collect()
}

/// The JSON schema of a model's `params`: the union of all providers' tables.
pub fn params_schema() -> serde_json::Value {
    let mut schemas: Vec<_> =
        PROVIDERS.iter().map(|provider| params::schema(provider.params(), provider.prefix())).collect();
    match (schemas.pop(), schemas.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            schemas.push(last);
            serde_json::json!({ "anyOf": schemas })
        }
        (None, _) => serde_json::json!({ "type": "object" }),
    }
}

/// The page of documentation of all providers' parameters.
pub fn params_markdown() -> String {
    PROVIDERS.iter().map(|provider| params::markdown(provider.params())).collect()
}

/// Says whether a parameter is left unresolved when an emulator answers: it brings its own keys and address.
pub fn skipped_in_emulator(param: &str) -> bool {
    PROVIDERS.iter().any(|provider| provider.skipped_in_emulator(param))
}
