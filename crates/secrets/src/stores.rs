//! Where secrets are kept.

use secrecy::SecretString;
use spicepod::{ParamValue, Problem, SecretStore};

use crate::env::Environment;

/// Kinds of store that Spice has.
const KNOWN: &[&str] =
    &["env", "file", "keyring", "kubernetes", "aws_secrets_manager", "azure_keyvault", "hashicorp_vault"];

/// The name that stands for all stores in a reference.
pub(crate) const ALL: &str = "secrets";

/// The secret stores of a manifest.
#[derive(Clone, Debug)]
pub struct Stores {
    open: Vec<Store>,
    /// Names of stores that could not be opened. Their problems have been reported.
    failed: Vec<String>,
}

/// What a reference means.
pub(crate) enum Named<'a> {
    /// These stores, in this order.
    Stores(Vec<&'a Store>),
    /// A store that could not be opened.
    Failed,
    /// Nothing that is there.
    Unknown,
}

/// A store. Async where it is asked, because other kinds than the environment are behind a network.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) name: String,
    environment: Environment,
}

impl Store {
    /// Looks a key up: with Spice's prefix, as written, and both in capitals.
    #[expect(clippy::unused_async, reason = "a look-up in most stores is a network call")]
    pub(crate) async fn get(&self, key: &str) -> Option<SecretString> {
        let capitals = key.to_ascii_uppercase();
        let names = [format!("SPICE_{key}"), key.to_owned(), format!("SPICE_{capitals}"), capitals];
        names.iter().find_map(|name| self.environment.get(name)).map(SecretString::from)
    }

    /// Says where it looks.
    pub(crate) fn describe(&self) -> String {
        format!("`{}` ({})", self.name, self.environment.describe())
    }
}

impl Stores {
    /// The one store that there is when the manifest declares none.
    pub fn environment(environment: &Environment) -> Self {
        let open = vec![Store { name: "env".to_owned(), environment: environment.clone() }];
        Self { open, failed: Vec::new() }
    }

    /// Opens the stores of a manifest.
    pub fn from_decls(declarations: &[SecretStore], environment: &Environment) -> (Self, Vec<Problem>) {
        if declarations.is_empty() {
            return (Self::environment(environment), Vec::new());
        }
        let mut stores: Vec<Store> = Vec::new();
        let mut failed: Vec<String> = Vec::new();
        let mut problems = Vec::new();
        for declaration in declarations {
            if stores.iter().any(|store| store.name == declaration.name) {
                let message = format!("there are two stores named `{}`", declaration.name);
                let problem = Problem::error(declaration.at.clone(), message);
                problems.push(problem.help("give one of them another `name`"));
                continue;
            }
            if declaration.name == ALL {
                let message = format!("a store cannot be named `{ALL}`, which stands for all stores");
                problems.push(Problem::error(declaration.at.clone(), message).help("give it another `name`"));
                continue;
            }
            match open(declaration, environment, &mut problems) {
                Ok(store) => stores.push(store),
                Err(problem) => {
                    failed.push(declaration.name.clone());
                    problems.push(problem);
                }
            }
        }
        (Self { open: stores, failed }, problems)
    }

    /// Looks a key up in all stores, the last one declared first.
    pub async fn get(&self, key: &str) -> Option<SecretString> {
        for store in self.open.iter().rev() {
            if let Some(found) = store.get(key).await {
                return Some(found);
            }
        }
        None
    }

    /// The stores that a reference means.
    pub(crate) fn named(&self, name: &str) -> Named<'_> {
        if name == ALL {
            return Named::Stores(self.open.iter().rev().collect());
        }
        match self.open.iter().find(|store| store.name == name) {
            Some(store) => Named::Stores(vec![store]),
            None if self.failed.iter().any(|failed| failed == name) => Named::Failed,
            None => Named::Unknown,
        }
    }

    /// Whether a secret may be in a store of the manifest that could not be opened.
    pub(crate) fn are_incomplete(&self) -> bool {
        !self.failed.is_empty()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.open.iter().map(|store| store.name.as_str())
    }
}

fn open(
    declaration: &SecretStore,
    environment: &Environment,
    problems: &mut Vec<Problem>,
) -> Result<Store, Problem> {
    let from = || declaration.at.clone().key("from");
    let kind = declaration.kind.as_str();
    if kind != "env" {
        let message = if KNOWN.contains(&kind) {
            format!("the secret store `{kind}` is not served by this version")
        } else {
            format!("there is no secret store `{kind}`")
        };
        return Err(Problem::error(from(), message)
            .help("write `from: env`, and put the secrets in the environment or in .env"));
    }
    if declaration.selector.is_some() {
        return Err(
            Problem::error(from(), "the store `env` takes nothing behind a colon").help("write `from: env`")
        );
    }
    let mut opened = environment.clone();
    for (key, value) in &declaration.params {
        let at = declaration.at.clone().key("params").key(key);
        match (key.as_str(), value) {
            ("file_path", ParamValue::String(path)) if !path.is_empty() => {
                match environment.with_file(path) {
                    Ok((with_file, found)) => {
                        opened = with_file;
                        problems.extend(found);
                    }
                    Err(reason) => {
                        let problem = Problem::error(at, format!("`{path}` cannot be read: {reason}"));
                        return Err(problem.help("a path counts from the manifest's folder"));
                    }
                }
            }
            ("file_path", _) => {
                problems.push(
                    Problem::error(at, "`file_path` is not a path")
                        .help("write text, such as `.env.production`"),
                );
            }
            _ => {
                let problem = Problem::error(at.name(), format!("the store `env` has no parameter `{key}`"));
                problems.push(problem.help("it takes `file_path` alone"));
            }
        }
    }
    Ok(Store { name: declaration.name.clone(), environment: opened })
}
