//! Requests that come when they come, however long those before them take.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::client::{Chat, Client, Leave};
use crate::faulty::Script;

/// What came of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// When it was due.
    pub(super) at: Instant,
    /// When it was sent: the timer that it waited for counts in milliseconds.
    pub(super) sent: Instant,
    pub(super) ended: Instant,
    /// Whether the whole answer came, character for character.
    pub(super) exact: bool,
    /// Whether an error came that says so.
    pub(super) refused: bool,
}

/// Asks so often a second for so long.
pub(super) async fn open_loop(
    address: SocketAddr,
    rate: f64,
    time: Duration,
    script: Script,
    stream: bool,
) -> Vec<Asked> {
    // Connections that nobody uses now. Held for a push or a pop.
    let idle: Arc<Mutex<Vec<Client>>> = Arc::default();
    let (mut asking, mut all) = (JoinSet::new(), Vec::new());
    let began = Instant::now();
    for number in 0_u32.. {
        let at = began + Duration::from_secs_f64(f64::from(number) / rate);
        if at > began + time {
            break;
        }
        tokio::time::sleep_until(at.into()).await;
        let (idle, script) = (Arc::clone(&idle), Script { number: number.into(), ..script });
        asking.spawn(async move {
            let spare = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut client = spare.unwrap_or_else(|| Client::new(address));
            let sent = Instant::now();
            let answer = client.ask(&Chat::short(script, stream), Leave::Never).await.ok().flatten();
            let ended = Instant::now();
            let exact = answer.as_ref().is_some_and(|answer| answer.is(&script));
            let refused =
                answer.as_ref().is_some_and(|answer| answer.status >= 400 && answer.error.is_some());
            if answer.is_some() {
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(client);
            }
            Asked { at, sent, ended, exact, refused }
        });
        while let Some(Ok(asked)) = asking.try_join_next() {
            all.push(asked);
        }
    }
    all.extend(asking.join_all().await);
    all
}
