//! What fuzzers found, and what they began with: each file of the corpus goes through the fuzz target's own check.

#[path = "../../../fuzz/checks/manifest.rs"]
mod manifest;

#[test]
fn every_manifest_of_the_corpus_is_survived() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/manifest");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() > 50, "the corpus is gone");
    for file in files {
        // The fuzz target reads text as well.
        if let Ok(text) = String::from_utf8(std::fs::read(file).unwrap()) {
            manifest::check(&text);
        }
    }
}
