//! The secret stores of a manifest.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;
use spicepod::{Location, Problem, SecretStore as Declaration};

use self::env::EnvStore;
use crate::env::Environment;
use crate::store::{SecretStore, StoreError};

mod env;
mod file;
mod kind;
mod open;

pub use self::kind::{Open, OpenError, Opening, Selector, StoreKind, StoreKinds};

/// The name that stands for all stores in a reference.
pub(crate) const ALL: &str = "secrets";

/// The secret stores of a manifest. What a store behind a network gives is kept as long as this value lives, so each
/// load of a manifest opens its own.
#[derive(Clone, Debug)]
pub struct Stores {
    open: Vec<Store>,
    /// Names of stores that could not be opened. Their problems have been reported.
    failed: Vec<String>,
    skipped: Arc<Mutex<Skipped>>,
}

/// Stores that were skipped because they failed.
#[derive(Debug, Default)]
struct Skipped {
    seen: Vec<(String, StoreError)>,
    unreported: Vec<Problem>,
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

/// An open store, and the name by which references call it.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) name: String,
    at: Option<Location>,
    store: Arc<dyn SecretStore>,
}

impl Store {
    pub(crate) async fn get(&self, key: &str) -> Result<Option<SecretString>, StoreError> {
        self.store.get(key).await
    }

    /// Says where it looks.
    pub(crate) fn describe(&self) -> String {
        format!("`{}` ({})", self.name, self.store.describe())
    }

    /// Says how a key comes into it.
    pub(crate) fn advice(&self, key: &str) -> String {
        self.store.advice(key)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.describe()).finish()
    }
}

impl Stores {
    /// The one store that there is when the manifest declares none.
    pub fn environment(environment: &Environment) -> Self {
        let store = Arc::new(EnvStore(environment.clone()));
        let env = Store { name: env::KIND.name.to_owned(), at: None, store };
        Self { open: vec![env], failed: Vec::new(), skipped: Arc::default() }
    }

    /// Opens the stores of a manifest.
    pub fn open(
        declarations: &[Declaration],
        environment: &Environment,
        kinds: &StoreKinds,
    ) -> (Self, Vec<Problem>) {
        if declarations.is_empty() {
            return (Self::environment(environment), Vec::new());
        }
        let mut stores: Vec<Store> = Vec::new();
        let mut failed: Vec<String> = Vec::new();
        let mut problems = Vec::new();
        for declaration in declarations {
            let at = declaration.at.clone();
            let name = &declaration.name;
            if stores.iter().any(|store| store.name == *name) {
                let problem = Problem::error(at, format!("there are two stores named `{name}`"));
                problems.push(problem.help("give one of them another `name`"));
                continue;
            }
            if name == ALL {
                let message = format!("a store cannot be named `{ALL}`, which stands for all stores");
                problems.push(Problem::error(at, message).help("give it another `name`"));
                continue;
            }
            match open::open(declaration, environment, kinds, &mut problems) {
                Some(store) => {
                    stores.push(Store { name: name.clone(), at: Some(at), store: Arc::from(store) });
                }
                None => failed.push(name.clone()),
            }
        }
        (Self { open: stores, failed, skipped: Arc::default() }, problems)
    }

    /// Looks a key up in all stores, the last one declared first. A store that fails is skipped, and
    /// [`Stores::warnings`] says so.
    pub async fn get(&self, key: &str) -> Option<SecretString> {
        for store in self.open.iter().rev() {
            match store.get(key).await {
                Ok(Some(found)) => return Some(found),
                Ok(None) => {}
                Err(error) => self.skip(store, error),
            }
        }
        None
    }

    /// Notes that a store failed and the next one is asked.
    pub(crate) fn skip(&self, store: &Store, error: StoreError) {
        let mut skipped = self.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        let failure = (store.name.clone(), error);
        if skipped.seen.contains(&failure) {
            return;
        }
        let at = store.at.clone().unwrap_or_else(|| Location::of_manifest().key("secrets"));
        let message = format!("the store {} is skipped: {}", store.describe(), failure.1);
        skipped.unreported.push(Problem::warning(at, message).help(failure.1.advice()));
        skipped.seen.push(failure);
    }

    /// The stores that failed and were skipped since this was last asked, and what is noteworthy about the others;
    /// each is told once.
    pub fn warnings(&self) -> Vec<Problem> {
        let mut skipped = self.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        let mut warnings = std::mem::take(&mut skipped.unreported);
        warnings.extend(self.open.iter().flat_map(|store| store.store.warnings()));
        warnings
    }

    /// The files that the stores have looked for so far: a change of one may change a secret.
    pub fn files(&self) -> Vec<PathBuf> {
        self.open.iter().flat_map(|store| store.store.files()).collect()
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
