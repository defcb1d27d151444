//! A way in for fuzzers: the text of an `.env` file.

use spicepod::Sources;

use crate::dotenv::parse;

/// Reads the lines of an `.env` file: its variables by their names, and where and why lines were skipped.
pub fn dotenv(text: &str) -> (Vec<(String, String)>, Vec<String>) {
    let (variables, problems) = parse(text, ".env");
    let mut variables: Vec<(String, String)> =
        variables.into_iter().map(|(name, value)| (name, String::clone(&value))).collect();
    variables.sort_unstable();
    let shown = problems.into_iter().map(|problem| Sources::default().render(&[problem]));
    (variables, shown.collect())
}

#[cfg(test)]
#[path = "../../../fuzz/checks/dotenv.rs"]
mod checks;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_env_file_of_the_corpus_is_read_and_none_is_quoted() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/dotenv");
        let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(files.len() > 20, "the corpus is gone");
        for file in files {
            // What is no text is refused before its lines are read.
            if let Ok(text) = String::from_utf8(std::fs::read(file).unwrap()) {
                checks::check(&text, dotenv);
            }
        }
    }
}
