//! A way in for fuzzers: the bytes of a connection, and the addresses of content.

pub use crate::http::heads;
pub use crate::remote::{address, redirect};

#[cfg(test)]
#[path = "../../../fuzz/checks/addresses.rs"]
mod addresses;

#[cfg(test)]
#[path = "../../../fuzz/checks/request_heads.rs"]
mod request_heads;

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus(name: &str) -> Vec<Vec<u8>> {
        let folder = format!("{}/../../fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<_> = files.map(|path| std::fs::read(path).unwrap()).collect();
        assert!(files.len() > 20, "the corpus is gone");
        files
    }

    #[test]
    fn every_address_of_the_corpus_is_judged() {
        for file in corpus("addresses") {
            if let Ok(text) = String::from_utf8(file) {
                addresses::check(&text, address, redirect);
            }
        }
    }

    #[test]
    fn every_connection_of_the_corpus_is_read_as_the_library_reads_it() {
        for file in corpus("request_heads") {
            request_heads::check(&file, |bytes, size| {
                let (passed, heads) = heads(bytes, size);
                request_heads::Seen { passed, heads }
            });
        }
    }
}
