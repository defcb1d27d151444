//! The environment of the process, with the `.env` files of the manifest's folder behind it.
//!
//! The only reader of the process environment in the whole program.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use spicepod::{Problem, Severity};

use crate::dotenv::{self, Variables};

/// The files that are read, the first one first.
const FILES: [&str; 2] = [".env.local", ".env"];

/// Variables: those of the process, then those of `.env.local`, then those of `.env`. Cheap to clone.
#[derive(Clone, Default)]
pub struct Environment(Arc<Inner>);

#[derive(Default)]
struct Inner {
    process: Variables,
    files: Vec<File>,
    folder: PathBuf,
    /// The files that were looked for, whether they are there or not.
    looked_for: Vec<PathBuf>,
    /// The variables of the process that were asked for as secrets.
    given: Arc<Mutex<BTreeSet<String>>>,
}

struct File {
    name: String,
    variables: Variables,
}

impl Environment {
    /// Takes the process environment, and reads the `.env` files of a folder. Lines that cannot be read are
    /// warnings with their number, and the others count.
    pub fn process(folder: &Path) -> (Self, Vec<Problem>) {
        #[expect(clippy::disallowed_methods, reason = "this is the one reader of the environment")]
        let process = std::env::vars_os()
            .filter_map(|(name, value)| {
                Some((name.into_string().ok()?, Zeroizing::new(value.into_string().ok()?)))
            })
            .collect();
        Self::with_files(process, folder)
    }

    /// Takes variables as given, without any file.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let wiped = |(name, value): (N, V)| (name.into(), Zeroizing::new(value.into()));
        let process = pairs.into_iter().map(wiped).collect();
        Self(Arc::new(Inner { process, ..Inner::default() }))
    }

    pub(crate) fn with_files(process: Variables, folder: &Path) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut files = Vec::new();
        for name in FILES {
            let path = folder.join(name);
            if !path.is_file() {
                continue;
            }
            // The folder of the manifest itself is called by no name.
            let shown = if folder == Path::new(".") { name.to_owned() } else { path.display().to_string() };
            match dotenv::read(&path, &shown) {
                Ok((variables, found)) => {
                    files.push(File { name: shown, variables });
                    problems.extend(found);
                }
                Err(reason) => {
                    problems.push(Problem::of_file(
                        Severity::Error,
                        shown,
                        format!("cannot be read: {reason}"),
                    ));
                }
            }
        }
        let looked_for = FILES.iter().map(|name| folder.join(name)).collect();
        (
            Self(Arc::new(Inner {
                process,
                files,
                folder: folder.to_owned(),
                looked_for,
                ..Inner::default()
            })),
            problems,
        )
    }

    /// The environment with one file in place of `.env.local` and `.env`; the path counts from the folder.
    pub(crate) fn with_file(&self, path: &str) -> Result<(Self, Vec<Problem>), String> {
        let file = self.0.folder.join(path);
        let (variables, problems) = dotenv::read(&file, path)?;
        let files = vec![File { name: path.to_owned(), variables }];
        let (process, folder) = (self.0.process.clone(), self.0.folder.clone());
        let given = Arc::clone(&self.0.given);
        let inner = Inner { process, files, folder, looked_for: vec![file], given };
        Ok((Self(Arc::new(inner)), problems))
    }

    /// The value of a variable that is no secret.
    pub fn get(&self, name: &str) -> Option<String> {
        self.value(name).map(|value| value.to_string())
    }

    /// The value of a variable that is a secret; one that is set to nothing is not set.
    pub fn get_secret(&self, name: &str) -> Option<SecretString> {
        self.value(name).filter(|value| !value.is_empty()).map(SecretString::from)
    }

    fn value(&self, name: &str) -> Option<&str> {
        let file = || self.0.files.iter().find_map(|file| file.variables.get(name));
        self.0.process.get(name).or_else(file).map(|value| value.as_str())
    }

    /// Whether the process itself has a variable that is not blank.
    pub fn is_set_in_process(&self, name: &str) -> bool {
        self.0.process.get(name).is_some_and(|value| !value.trim().is_empty())
    }

    /// The value of a secret: with Spice's prefix, as written, and both in capitals.
    pub(crate) fn secret(&self, key: &str) -> Option<SecretString> {
        let capitals = key.to_ascii_uppercase();
        let names = [format!("SPICE_{key}"), key.to_owned(), format!("SPICE_{capitals}"), capitals];
        let (name, value) = names.iter().find_map(|name| Some((name, self.value(name)?)))?;
        if self.0.process.contains_key(name) {
            self.given().insert(name.clone());
        }
        Some(SecretString::from(value))
    }

    fn given(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The variables of the process itself that were asked for as secrets so far: no program that it starts needs them.
    pub fn secret_variables(&self) -> Vec<String> {
        self.given().iter().cloned().collect()
    }

    /// A path that counts from the manifest's folder.
    pub(crate) fn in_folder(&self, path: &str) -> PathBuf {
        self.0.folder.join(path)
    }

    /// The `.env` files that were looked for, whether they are there or not: a change of one may change a variable.
    pub fn files(&self) -> &[PathBuf] {
        &self.0.looked_for
    }

    /// Says where variables are looked up.
    pub(crate) fn describe(&self) -> String {
        let names: Vec<&str> = self.0.files.iter().map(|file| file.name.as_str()).collect();
        if names.is_empty() {
            "the environment".to_owned()
        } else {
            format!("the environment, {}", names.join(", "))
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Environment").field(&self.describe()).finish()
    }
}
