//! A way in for fuzzers: the bytes of a connection, the addresses of content and the files of the kernel; and what
//! happens to the queue and to files that are looked at, one step after the other.

use std::path::{Path, PathBuf};

pub use crate::http::heads;
pub use crate::http::queue::{Came, Place, Queue, Wait, Why};
pub use crate::remote::{address, redirect};

/// Files that are looked at again and again.
#[derive(Debug)]
pub struct Watched(crate::watch::Watch);

impl Watched {
    /// Looks at these files from here on.
    pub async fn begin(paths: Vec<PathBuf>) -> Self {
        let mut watch = crate::watch::Watch::begin();
        while watch.follow(paths.clone()).await {}
        Self(watch)
    }

    /// Waits until something else is in one of the files, and gives those.
    pub async fn changed(&mut self) -> Vec<PathBuf> {
        self.0.changed().await
    }
}

/// The limit of the groups that files describe.
pub fn limit_by(read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    crate::memory::limit_by(read)
}

/// What a process holds by its status.
pub fn resident_of(status: &str) -> Option<u64> {
    crate::memory::resident_of(status)
}

#[cfg(test)]
#[path = "../../../fuzz/checks/admission.rs"]
mod admission;

#[cfg(test)]
#[path = "../../../fuzz/checks/addresses.rs"]
mod addresses;

#[cfg(test)]
#[path = "../../../fuzz/checks/memory.rs"]
mod memory;

#[cfg(test)]
#[path = "../../../fuzz/checks/request_heads.rs"]
mod request_heads;

#[cfg(test)]
#[path = "../../../fuzz/checks/watch.rs"]
mod watch;

#[cfg(test)]
#[path = "../../../fuzz/checks/steps.rs"]
mod steps;

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus(name: &str, least: usize) -> Vec<Vec<u8>> {
        let folder = format!("{}/../../fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<_> = files.map(|path| std::fs::read(path).unwrap()).collect();
        assert!(files.len() > least, "the corpus is gone");
        files
    }

    #[test]
    fn every_address_of_the_corpus_is_judged() {
        for file in corpus("addresses", 20) {
            if let Ok(text) = String::from_utf8(file) {
                addresses::check(&text, address, redirect);
            }
        }
    }

    #[test]
    fn every_connection_of_the_corpus_is_read_as_the_library_reads_it() {
        for file in corpus("request_heads", 20) {
            request_heads::check(&file, |bytes, size| {
                let (passed, heads) = heads(bytes, size);
                request_heads::Seen { passed, heads }
            });
        }
    }
    #[test]
    fn every_chat_of_the_corpus_is_answered_once_and_in_its_turn() {
        corpus("admission", 7).iter().for_each(|file| admission::check(file));
    }

    #[test]
    fn every_limit_of_the_corpus_stands_in_a_file() {
        for file in corpus("memory", 7) {
            if let Ok(text) = String::from_utf8(file) {
                memory::check(&text);
            }
        }
    }

    #[test]
    fn every_change_of_the_corpus_is_told_once_it_is_whole() {
        for file in corpus("watch", 7) {
            let folder = tempfile::tempdir().unwrap();
            watch::check(&file, folder.path());
        }
    }
}
