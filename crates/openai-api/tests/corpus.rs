//! What fuzzers found, and what they began with: each file of the corpus goes through the fuzz target's own check.

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
