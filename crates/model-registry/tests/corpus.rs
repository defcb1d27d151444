//! What fuzzers found, and what they began with: each file of the corpus goes through the fuzz target's own check.

#![expect(clippy::panic, reason = "a failed check names its case")]

#[path = "../../../fuzz/checks/models.rs"]
mod models;

#[test]
fn every_model_of_the_corpus_is_served_or_refused_in_words() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/models");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() > 50, "the corpus is gone");
    for file in files {
        // The fuzz target reads text as well.
        if let Ok(text) = String::from_utf8(std::fs::read(file).unwrap()) {
            models::check(&text);
        }
    }
}
