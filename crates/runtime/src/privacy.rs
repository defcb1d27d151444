//! Who may look into the process: nobody but the system's administrator, once it holds secrets.

/// Keeps secrets out of core dumps, and other processes of the same user from reading this one's memory and
/// environment. From then on the files of the process under `/proc` belong to root.
#[cfg(target_os = "linux")]
pub(crate) fn close() {
    if let Err(error) = nix::sys::prctl::set_dumpable(false) {
        // The process serves as well as before; secrets are as safe as in any other.
        tracing::debug!(%error, "other processes of this user may look into this one");
    }
}

/// Elsewhere the system has no such switch.
#[cfg(not(target_os = "linux"))]
pub(crate) fn close() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_process_can_be_dumped_until_it_holds_secrets() {
        assert!(nix::sys::prctl::get_dumpable().unwrap());
        close();
        assert!(!nix::sys::prctl::get_dumpable().unwrap());
        nix::sys::prctl::set_dumpable(true).unwrap();
    }
}
