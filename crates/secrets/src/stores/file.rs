//! The store `file`: a folder in which each file is a secret, as container platforms mount them.
//!
//! Nothing outside the folder is read. Links may lead from one place in it to another, which is how Kubernetes swaps
//! all files at once.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use spicepod::Problem;
use spicepod::file::{self, Contents, ReadError};

use super::kind::{OpenError, Opening, Selector, StoreKind};
use crate::expose;
use crate::store::{BoxFuture, SecretStore, StoreError};

/// The kind, whose selector is the folder.
pub(super) const KIND: StoreKind = StoreKind {
    name: "file",
    selector: Selector::Required { what: "the folder", example: "file:/run/secrets" },
    params: &[],
    open,
};

/// No secret is larger.
const MAX_BYTES: u64 = 64 * 1024;

fn open(opening: &mut Opening<'_>) -> Result<Box<dyn SecretStore>, OpenError> {
    let folder = opening.selector();
    if folder.contains('\0') {
        return Err(OpenError::of_selector("the folder is no path", "write `from: file:/run/secrets`"));
    }
    let path = opening.environment.in_folder(folder);
    Ok(Box::new(FileStore {
        path,
        shown: folder.to_owned(),
        asked: Mutex::default(),
        noted: Mutex::default(),
    }))
}

struct FileStore {
    path: PathBuf,
    /// The folder, as the manifest calls it.
    shown: String,
    /// The files that were asked for.
    asked: Mutex<BTreeSet<PathBuf>>,
    noted: Mutex<Noted>,
}

/// What is noteworthy about the files, each once.
#[derive(Default)]
struct Noted {
    told: Vec<Problem>,
    untold: Vec<Problem>,
}

impl SecretStore for FileStore {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<SecretString>, StoreError>> {
        Box::pin(async move { self.read(key).or_else(|failure| self.explain(key, failure)) })
    }

    fn describe(&self) -> String {
        format!("files in {}", self.shown)
    }

    fn advice(&self, key: &str) -> String {
        format!("write the file {}", self.shown_file(key))
    }

    fn warnings(&self) -> Vec<Problem> {
        std::mem::take(&mut self.noted.lock().unwrap_or_else(PoisonError::into_inner).untold)
    }

    fn files(&self) -> Vec<PathBuf> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Why a file is no secret.
enum Failure {
    /// The key is not the name of a file in the folder.
    Name,
    Folder(io::Error),
    Missing,
    /// It was there, and then it was not.
    Vanished,
    Replaced,
    Outside,
    NotRegular,
    TooLarge,
    NotText,
    Unreadable(io::Error),
}

impl Failure {
    /// Whether it may be over by itself, and not only once somebody corrects the file or its name.
    fn may_pass(&self) -> bool {
        match self {
            Self::Folder(_) | Self::Vanished | Self::Replaced | Self::Unreadable(_) => true,
            Self::Name
            | Self::Missing
            | Self::Outside
            | Self::NotRegular
            | Self::TooLarge
            | Self::NotText => false,
        }
    }
}

impl FileStore {
    fn shown_file(&self, key: &str) -> String {
        format!("{}/{key}", self.shown.trim_end_matches('/'))
    }

    fn read(&self, key: &str) -> Result<Option<SecretString>, Failure> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '.';
        if key.is_empty() || key.starts_with('.') || !key.chars().all(plain) {
            return Err(Failure::Name);
        }
        // By the path as written: what it leads to is what changes.
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(self.path.join(key));
        let folder = self.path.canonicalize().map_err(Failure::Folder)?;
        let path = folder.join(key);
        // A link that leads nowhere is no missing secret.
        match path.symlink_metadata() {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(Failure::Missing),
            Err(error) => return Err(Failure::Unreadable(error)),
        }
        let contents = file::read_inside(&folder, &path, MAX_BYTES).map_err(|error| match error {
            ReadError::Failed(error) if error.kind() == ErrorKind::NotFound => Failure::Vanished,
            ReadError::Failed(error) => Failure::Unreadable(error),
            ReadError::Outside => Failure::Outside,
            ReadError::NotRegular => Failure::NotRegular,
            ReadError::TooLarge { .. } => Failure::TooLarge,
            ReadError::Replaced => Failure::Replaced,
        })?;
        self.note(key, &contents);
        let bytes = Zeroizing::new(contents.bytes);
        let text = str::from_utf8(&bytes).map_err(|_| Failure::NotText)?;
        Ok(Some(expose::without_line_end(text)))
    }

    /// Who may change or read a secret may call, or make others pay.
    fn note(&self, key: &str, contents: &Contents) {
        if let Some(warning) = contents.secret_warning(&self.shown_file(key)) {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            if !noted.told.contains(&warning) {
                noted.told.push(warning.clone());
                noted.untold.push(warning);
            }
        }
    }

    /// A missing file is no error; everything else is one.
    fn explain(&self, key: &str, failure: Failure) -> Result<Option<SecretString>, StoreError> {
        let file = self.shown_file(key);
        let passing = failure.may_pass();
        let (message, help) = match failure {
            Failure::Missing => return Ok(None),
            Failure::Name => {
                let help = "use letters, digits, `_`, `-` and `.`; a path leads nowhere here";
                (format!("`{key}` is not the name of a file in {}", self.shown), help)
            }
            Failure::Folder(error) => {
                let help = "mount the secrets there; a path counts from the manifest's folder";
                (format!("the folder {} cannot be opened: {error}", self.shown), help)
            }
            Failure::Vanished => {
                (format!("{file} is a link that leads nowhere"), "let it lead to a file in the folder")
            }
            Failure::Replaced => (
                format!("{file} was replaced again and again while it was read"),
                "let nobody write it meanwhile",
            ),
            Failure::Outside => {
                let help = "put the file itself into the folder; links stay inside it";
                (format!("{file} leads out of the folder {}", self.shown), help)
            }
            Failure::NotRegular => {
                (format!("{file} is not a regular file"), "write the secret into a file of its own")
            }
            Failure::TooLarge => {
                (format!("{file} is larger than {} KiB", MAX_BYTES / 1024), "no secret is that large")
            }
            Failure::NotText => (format!("{file} is not UTF-8 text"), "write the secret as text"),
            Failure::Unreadable(error) => {
                (format!("{file} cannot be read: {error}"), "let this process read it")
            }
        };
        Err(StoreError::new(message, help).passing(passing))
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
