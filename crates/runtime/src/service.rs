//! The service manager that started the process, where one did: what it is told, and the socket that it passes on.
//!
//! Sources: [sd_notify](https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html),
//! [socket activation](https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html). Both protocols are
//! in environment variables that the manager sets for this process; the two crates that speak them read those.

use std::io;
use std::net::TcpListener;

use listenfd::ListenFd;
use sd_notify::NotifyState;

/// Takes the socket that a service manager listens on for this process. To be called before there are threads, because
/// its variables are removed: they are not meant for children.
///
/// # Errors
///
/// Where what is passed on is no TCP socket.
pub(crate) fn passed_listener() -> io::Result<Option<TcpListener>> {
    let mut passed = ListenFd::from_env();
    if passed.len() > 1 {
        let message = format!("{} sockets are passed on, and one is served", passed.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    if passed.len() == 0 { Ok(None) } else { passed.take_tcp_listener(0) }
}

/// The process answers.
pub(crate) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The process looks at its settings again, until [`ready`].
pub(crate) fn reloading() {
    // Without the time, the manager would take the reload for one that never ends.
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

/// The process is about to end.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Gives signs of life as often as the manager wants them; for ever.
pub(crate) async fn watchdog() {
    let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) else {
        return std::future::pending().await;
    };
    let mut due = tokio::time::interval(limit / 3);
    loop {
        due.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

/// Nothing depends on whether a manager is there and listens.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "the service manager cannot be told");
    }
}
