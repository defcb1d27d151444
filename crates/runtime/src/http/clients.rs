//! How many connections each client has.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The connections of every address that has some. Clones share everything.
#[derive(Clone, Debug)]
pub(super) struct Clients {
    most: usize,
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A client's connection; its drop makes room.
#[derive(Debug)]
pub(super) struct Counted {
    clients: Clients,
    pub(super) client: IpAddr,
}

impl Clients {
    pub(super) fn new(most: usize) -> Self {
        Self { most, counts: Arc::default() }
    }

    /// Takes one more connection of a client, where there is room.
    pub(super) fn admit(&self, client: IpAddr) -> Option<Counted> {
        // One client may come by both families through the same socket.
        let client = client.to_canonical();
        let mut counts = self.counts();
        let count = counts.entry(client).or_default();
        if *count >= self.most {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Counted { clients: self.clone(), client })
    }

    /// Held for a look-up, and never over an await.
    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.clients.counts();
        if let Some(count) = counts.get_mut(&self.client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.client);
            }
        }
    }
}
