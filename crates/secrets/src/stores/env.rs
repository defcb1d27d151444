//! The store `env`: the environment, and `.env` files behind it.

use std::path::PathBuf;

use secrecy::SecretString;

use super::kind::{OpenError, Opening, Selector, StoreKind};
use crate::env::Environment;
use crate::store::{BoxFuture, SecretStore, StoreError};

const FILE_PATH: &str = "file_path";

/// The kind, which takes nothing but a file in place of `.env`.
pub(super) const KIND: StoreKind =
    StoreKind { name: "env", selector: Selector::None, params: &[FILE_PATH], open };

fn open(opening: &mut Opening<'_>) -> Result<Box<dyn SecretStore>, OpenError> {
    let Some(path) = opening.text(FILE_PATH) else {
        return Ok(Box::new(EnvStore(opening.environment.clone())));
    };
    if path.is_empty() {
        let help = "write a path, such as `.env.production`";
        return Err(OpenError::of_param(FILE_PATH, format!("`{FILE_PATH}` is empty"), help));
    }
    let (environment, problems) = opening.environment.with_file(&path).map_err(|reason| {
        let message = format!("`{path}` cannot be read: {reason}");
        OpenError::of_param(FILE_PATH, message, "a path counts from the manifest's folder")
    })?;
    opening.problems.extend(problems);
    Ok(Box::new(EnvStore(environment)))
}

/// An environment as a store.
pub(super) struct EnvStore(pub(super) Environment);

impl SecretStore for EnvStore {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<SecretString>, StoreError>> {
        Box::pin(std::future::ready(Ok(self.0.secret(key))))
    }

    fn describe(&self) -> String {
        self.0.describe()
    }

    fn advice(&self, key: &str) -> String {
        format!("set {} in the environment or in .env", key.to_ascii_uppercase())
    }

    fn files(&self) -> Vec<PathBuf> {
        self.0.files().to_vec()
    }
}
