//! How many files and sockets the process may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the soft limit to the hard one.
///
/// The soft limit is 1,024 on most machines, for the sake of programs that call `select`, and each chat takes two
/// descriptors. The hard limit is what an operator allows; the soft one is the process's own to choose.
pub(crate) fn raise() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard { setrlimit(Resource::RLIMIT_NOFILE, hard, hard) } else { Ok(()) }
    });
    if let Err(error) = raised {
        // The process serves as far as the limit goes.
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}
