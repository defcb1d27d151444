//! Lines from a terminal, read on a thread of their own so that an answer can be interrupted meanwhile.

use std::io;

use tokio::sync::mpsc;

/// The lines of stdin.
pub(super) struct Lines(mpsc::Receiver<io::Result<String>>);

impl Lines {
    /// Begins to read.
    pub(super) fn start() -> Self {
        let (sender, receiver) = mpsc::channel(1);
        // The thread ends with the input, or with the process.
        std::thread::spawn(move || {
            for line in io::stdin().lines() {
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Self(receiver)
    }

    /// The next line; `None` at the end of the input.
    pub(super) async fn next(&mut self) -> io::Result<Option<String>> {
        self.0.recv().await.transpose()
    }
}
