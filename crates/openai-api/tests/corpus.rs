//! What fuzzers found, and what they began with: each file of the corpus goes through the fuzz target's own check.

#![expect(clippy::panic, reason = "a failed check names its case")]

#[path = "../../../fuzz/checks/openai_request.rs"]
mod openai_request;

#[test]
fn every_request_of_the_corpus_is_survived() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/openai_request");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() > 50, "the corpus is gone");
    for file in files {
        openai_request::check(&std::fs::read(file).unwrap());
    }
}

#[path = "../../../fuzz/checks/chunks.rs"]
mod chunks;

#[test]
fn every_answer_of_the_corpus_arrives_as_it_is() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/chunks");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() > 20, "the corpus is gone");
    for file in files {
        // The fuzz target reads text as well.
        if let Ok(text) = String::from_utf8(std::fs::read(file).unwrap()) {
            chunks::check(&text);
        }
    }
}
