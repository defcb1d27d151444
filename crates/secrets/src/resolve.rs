//! A manifest with its references resolved.

use std::fmt;
use std::time::Duration;

use indexmap::IndexMap;
use secrecy::SecretString;
use spicepod::{Cors, KeyLimits, Location, ParamValue, Problem, Spicepod};

use crate::expose::{self, Draft};
use crate::reference::{Piece, pieces};
use crate::store::StoreError;
use crate::stores::{ALL, Named, Store, Stores};
use crate::value::Value;

/// The one parameter in which `${` may be text: prompts hold whatever their author wants.
const PROMPT: &str = "system_prompt";

/// A manifest whose references are values.
#[derive(Debug, Default)]
pub struct ResolvedSpicepod {
    /// What the application is called.
    pub name: String,
    /// The models.
    pub models: Vec<ResolvedModel>,
    /// Settings of the process.
    pub runtime: ResolvedRuntime,
}

/// A declared model whose references are values. Debug output names parameters without their values: some are
/// secrets that the manifest spells out.
#[derive(Clone)]
pub struct ResolvedModel {
    /// Provider and model id.
    pub from: String,
    /// The name that clients ask for.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Notes, as written.
    pub metadata: IndexMap<String, ParamValue>,
    /// The provider's parameters.
    pub params: IndexMap<String, Value>,
    /// Where it is declared.
    pub at: Location,
}

impl fmt::Debug for ResolvedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResolvedModel")
            .field("from", &self.from)
            .field("name", &self.name)
            .field("params", &self.params.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Settings of the process, resolved.
#[derive(Clone, Debug, Default)]
pub struct ResolvedRuntime {
    /// Who may call; anybody where it is absent.
    pub auth: Option<Auth>,
    /// Which web pages may call.
    pub cors: Option<Cors>,
    /// Encryption of the listener.
    pub tls: Option<ResolvedTls>,
    /// How long running answers may take to end once the process is told to stop.
    pub shutdown_timeout: Option<Duration>,
}

/// The keys of those who may call; never empty.
#[derive(Clone, Debug)]
pub struct Auth {
    /// The keys.
    pub keys: Vec<ApiKey>,
}

/// A key that callers present.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// The key itself.
    pub key: SecretString,
    /// What logs and metrics call it.
    pub name: Option<String>,
    /// The models that it may use; all where nothing is said.
    pub models: Option<Vec<String>>,
    /// How much it may use.
    pub limits: KeyLimits,
}

/// Encryption of the listener, resolved.
#[derive(Clone, Debug)]
pub struct ResolvedTls {
    /// Whether it is on.
    pub enabled: bool,
    /// A file with the certificate chain.
    pub certificate_file: Option<String>,
    /// A file with the key.
    pub key_file: Option<String>,
    /// The certificate chain itself.
    pub certificate: Option<String>,
    /// The key itself.
    pub key: Option<SecretString>,
}

/// Resolves every reference of a manifest, and gives all problems. `skip` names parameters that are left out
/// unresolved, where something else brings their values.
pub async fn resolve(
    spicepod: &Spicepod,
    stores: &Stores,
    skip: &(dyn Fn(&str) -> bool + Sync),
) -> (ResolvedSpicepod, Vec<Problem>) {
    let mut resolver = Resolver { stores, problems: Vec::new() };
    let mut models = Vec::with_capacity(spicepod.models.len());
    for model in &spicepod.models {
        let mut params = IndexMap::with_capacity(model.params.len());
        let at = model.at.clone().key("params");
        for (name, value) in model.params.iter().filter(|(name, _)| !skip(name)) {
            let resolved = resolver.value(value, at.clone().key(name), name == PROMPT).await;
            params.insert(name.clone(), resolved.unwrap_or(Value::Missing));
        }
        // A model with a missing secret stays, so that its other parameters are checked in the same run.
        models.push(ResolvedModel {
            from: model.from.clone(),
            name: model.name.clone(),
            description: model.description.clone(),
            metadata: model.metadata.clone(),
            params,
            at: model.at.clone(),
        });
    }
    let runtime = ResolvedRuntime {
        auth: resolver.auth(spicepod).await,
        cors: spicepod.runtime.cors.clone(),
        tls: resolver.tls(spicepod).await,
        shutdown_timeout: spicepod.runtime.shutdown_timeout,
    };
    resolver.problems.append(&mut stores.warnings());
    (ResolvedSpicepod { name: spicepod.name.clone(), models, runtime }, resolver.problems)
}

struct Resolver<'a> {
    stores: &'a Stores,
    problems: Vec<Problem>,
}

impl Resolver<'_> {
    /// Resolves a value; `None` where a reference in it has none.
    async fn value(&mut self, value: &ParamValue, at: Location, lenient: bool) -> Option<Value> {
        Some(match value {
            ParamValue::Null => Value::Null,
            ParamValue::Bool(value) => Value::Bool(*value),
            ParamValue::Number(number) => Value::Number(number.clone()),
            ParamValue::String(text) => self.text(text, &at, lenient).await?,
            ParamValue::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    list.push(Box::pin(self.value(item, at.clone().index(index), lenient)).await);
                }
                Value::List(list.into_iter().collect::<Option<_>>()?)
            }
            ParamValue::Map(entries) => {
                let mut map = IndexMap::with_capacity(entries.len());
                for (key, value) in entries {
                    let resolved = Box::pin(self.value(value, at.clone().key(key), lenient)).await;
                    map.insert(key.clone(), resolved);
                }
                Value::Map(map.into_iter().map(|(key, value)| Some((key, value?))).collect::<Option<_>>()?)
            }
        })
    }

    async fn text(&mut self, text: &str, at: &Location, lenient: bool) -> Option<Value> {
        let mut resolved = Draft::with_capacity(text.len());
        let (mut is_secret, mut complete) = (false, true);
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => resolved.push_str(text),
                Piece::Malformed { text, .. } if lenient => resolved.push_str(text),
                Piece::Malformed { reason, .. } => {
                    let message = format!("`${{` begins no reference to a secret here: {reason}");
                    let problem = Problem::error(at.clone(), message);
                    self.problems.push(problem.help("write `${ secrets:KEY }`"));
                    complete = false;
                }
                Piece::Reference { store, key } => {
                    is_secret = true;
                    match self.look_up(store, key, at).await {
                        Some(secret) => resolved.append(&secret),
                        None => complete = false,
                    }
                }
            }
        }
        if !complete {
            return None;
        }
        Some(if is_secret {
            Value::Secret(resolved.secret())
        } else {
            Value::Text(resolved.text().to_owned())
        })
    }

    async fn look_up(&mut self, store: &str, key: &str, at: &Location) -> Option<SecretString> {
        let stores = match self.stores.named(store) {
            Named::Stores(stores) => stores,
            Named::Failed => return None,
            Named::Unknown => {
                self.problems.push(self.unknown_store(store, at));
                return None;
            }
        };
        let mut failed = Vec::new();
        for candidate in &stores {
            match candidate.get(key).await {
                Ok(Some(secret)) if expose::is_empty(&secret) => {
                    let message =
                        format!("`${{ {store}:{key} }}` is empty in the store {}", candidate.describe());
                    let problem = Problem::error(at.clone(), message);
                    self.problems.push(problem.help(format!("give {key} a value, or remove it there")));
                    return None;
                }
                Ok(Some(secret)) => {
                    for (store, error) in failed {
                        self.stores.skip(store, error);
                    }
                    return Some(secret);
                }
                Ok(None) => {}
                Err(error) => failed.push((*candidate, error)),
            }
        }
        // It may be in the store that could not be opened, which has been reported.
        if !(store == ALL && self.stores.are_incomplete()) {
            self.problems.push(not_found(&format!("`${{ {store}:{key} }}`"), key, &stores, &failed, at));
        }
        None
    }

    fn unknown_store(&self, store: &str, at: &Location) -> Problem {
        let names: Vec<&str> = self.stores.names().chain([ALL]).collect();
        let problem = Problem::error(at.clone(), format!("there is no secret store `{store}`"));
        problem.help(match spicepod::nearest(store, names.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("stores: {}; or declare it under `secrets:`", names.join(", ")),
        })
    }

    async fn auth(&mut self, spicepod: &Spicepod) -> Option<Auth> {
        let auth = spicepod.runtime.auth.as_ref().filter(|auth| auth.enabled)?;
        if auth.keys.is_empty() {
            let at = Location::of_manifest().key("runtime").key("auth");
            let problem = Problem::error(at, "asks for API keys, and there is none in `keys`");
            self.problems
                .push(problem.help("add `keys: [\"${ secrets:API_KEY }\"]`, or write `enabled: false`"));
        }
        let mut keys: Vec<ApiKey> = Vec::with_capacity(auth.keys.len());
        let mut seen: Vec<SecretString> = Vec::with_capacity(auth.keys.len());
        for declared in &auth.keys {
            let key = match self.text(&declared.key, &declared.at, false).await {
                Some(Value::Secret(key)) => expose::without_access(&key),
                Some(Value::Text(key)) => expose::without_access(&SecretString::from(key)),
                _ => continue,
            };
            let mut problem = |message: &str, help: &str| {
                self.problems.push(Problem::error(declared.at.clone(), message).help(help));
            };
            if expose::is_empty(&key) {
                problem("the API key is empty", "write a key, or a reference to one: `${ secrets:API_KEY }`");
            } else if !expose::is_header_text(&key) {
                let help = "use visible ASCII characters without spaces";
                problem("the API key holds characters that cannot stand in a header", help);
            } else if expose::position_of(&key, &seen).is_some() {
                problem("the API key stands in the list twice", "remove one of the two");
            } else if let Some((message, help)) = unusable(declared.models.as_deref(), spicepod) {
                problem(&message, &help);
            } else {
                seen.push(key.clone());
                let (name, models) = (declared.name.clone(), declared.models.clone());
                keys.push(ApiKey { key, name, models, limits: declared.limits });
            }
        }
        Some(Auth { keys })
    }

    async fn tls(&mut self, spicepod: &Spicepod) -> Option<ResolvedTls> {
        let tls = spicepod.runtime.tls.as_ref()?;
        // Nothing that is switched off needs its secrets.
        let wanted = |text: &Option<String>| text.clone().filter(|_| tls.enabled);
        Some(ResolvedTls {
            enabled: tls.enabled,
            certificate_file: self.tls_public("certificate_file", wanted(&tls.certificate_file)).await,
            key_file: self.tls_public("key_file", wanted(&tls.key_file)).await,
            certificate: self.tls_public("certificate", wanted(&tls.certificate)).await,
            key: self.tls_text("key", wanted(&tls.key)).await,
        })
    }

    /// Resolves what every caller sees anyhow, or what only names a file.
    async fn tls_public(&mut self, name: &str, text: Option<String>) -> Option<String> {
        self.tls_text(name, text).await.map(|text| expose::public(&text))
    }

    async fn tls_text(&mut self, name: &str, text: Option<String>) -> Option<SecretString> {
        let at = Location::of_manifest().key("runtime").key("tls").key(name);
        match self.text(&text?, &at, false).await {
            Some(Value::Secret(text)) => Some(text),
            Some(Value::Text(text)) => Some(SecretString::from(text)),
            _ => None,
        }
    }
}

/// Says where a secret was looked for in vain, and which stores could not be asked.
fn not_found(
    reference: &str,
    key: &str,
    stores: &[&Store],
    failed: &[(&Store, StoreError)],
    at: &Location,
) -> Problem {
    let failures: Vec<String> =
        failed.iter().map(|(store, error)| format!("{}: {error}", store.describe())).collect();
    let searched: Vec<&Store> = stores
        .iter()
        .copied()
        .filter(|store| !failed.iter().any(|(failed, _)| failed.name == store.name))
        .collect();
    let described: Vec<String> = searched.iter().map(|store| store.describe()).collect();
    let mut message = format!("{reference} ");
    match (described.is_empty(), failures.is_empty()) {
        (true, _) => message.push_str(&format!("cannot be looked up: {}", failures.join("; "))),
        (false, no_failure) => {
            message.push_str(&format!("is not in any of the stores searched: {}", described.join(", ")));
            if !no_failure {
                message.push_str(&format!("; and these failed: {}", failures.join("; ")));
            }
        }
    }
    let help: Vec<String> = match failed.first() {
        Some((_, error)) => vec![error.advice().to_owned()],
        None => searched.iter().map(|store| store.advice(key)).collect(),
    };
    // A store that cannot say may be able to later.
    let passing = failed.iter().any(|(_, error)| error.may_pass());
    Problem::error(at.clone(), message).help(help.join(", or ")).passing(passing)
}

/// Why a key's list of models lets it use nothing, or less than it says; and what to write instead.
fn unusable(names: Option<&[String]>, spicepod: &Spicepod) -> Option<(String, String)> {
    let names = names?;
    if names.is_empty() {
        let help = "name its models, or remove `models` to let it use all of them";
        return Some(("the API key may use no model: `models` is empty".to_owned(), help.to_owned()));
    }
    let models = || spicepod.models.iter().map(|model| model.name.as_str());
    let known = || models().chain(spicepod.workers.iter().map(|worker| worker.name.as_str()));
    // Where no model could be read, that is told already.
    let unknown = names.iter().find(|name| !known().any(|known| known == name.as_str()));
    let unknown = unknown.filter(|_| !spicepod.models.is_empty())?;
    let help = match spicepod::nearest(unknown, known()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("models: {}", known().collect::<Vec<_>>().join(", ")),
    };
    Some((format!("the API key names a model that is not declared: `{unknown}`"), help))
}

#[cfg(test)]
mod tests;
