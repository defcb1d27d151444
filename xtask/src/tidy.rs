//! What no compiler checks: sizes, the direction of dependencies, and the invariants of ARCHITECTURE.md.

use std::path::{Path, PathBuf};

mod dependencies;
mod invariants;
mod sizes;
mod threats;

/// Every breach of a rule, as `path: what is wrong`.
pub(crate) fn problems(root: &Path) -> Vec<String> {
    let sources = Source::all(root);
    let mut problems = sizes::problems(&sources);
    problems.extend(dependencies::problems(root));
    problems.extend(invariants::problems(&sources));
    problems.extend(threats::problems(root, &sources));
    problems
}

/// A Rust file of the workspace.
pub(crate) struct Source {
    /// Relative to the workspace, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    fn all(root: &Path) -> Vec<Self> {
        let mut files = Vec::new();
        for folder in ["crates", "xtask"] {
            collect(&root.join(folder), &mut files);
        }
        files.sort();
        let relative =
            |file: &PathBuf| Some(file.strip_prefix(root).ok()?.to_string_lossy().replace('\\', "/"));
        files
            .iter()
            .filter_map(|file| {
                Some(Self { path: relative(file)?, text: std::fs::read_to_string(file).ok()? })
            })
            .collect()
    }

    /// The text without the tests that stand in it.
    pub(crate) fn body(&self) -> &str {
        let end = self.text.find("\n#[cfg(test)]\nmod ").unwrap_or(self.text.len());
        self.text.get(..end).unwrap_or(&self.text)
    }

    /// Says whether the file holds tests alone, or helps them.
    pub(crate) fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs") || self.path.contains("/examples/")
    }

    /// The crate that the file belongs to.
    pub(crate) fn krate(&self) -> &str {
        self.path.strip_prefix("crates/").and_then(|rest| rest.split('/').next()).unwrap_or("xtask")
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_workspace_is_tidy() {
        let problems = super::problems(&crate::root());
        assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    }

    #[test]
    fn generated_pages_agree_with_the_code() {
        let problems = crate::docs::check(&crate::root());
        assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    }
}
