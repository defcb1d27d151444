//! How many chats are answered at the same time.

use std::sync::Arc;

use openai_api::ApiError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A limit on chats in flight. Beyond it they are refused at once: a client that is told to come back does better
/// than one that waits in a queue.
#[derive(Debug)]
pub(crate) struct Admission(Arc<Semaphore>);

/// A chat that is being answered; dropping it makes room.
#[derive(Debug)]
pub(crate) struct Admitted(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl Admission {
    pub(super) fn new(limit: usize) -> Self {
        Self(Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))))
    }

    /// Lets a chat in, or refuses it.
    pub(super) fn admit(&self) -> Result<Admitted, ApiError> {
        let permit = Arc::clone(&self.0).try_acquire_owned();
        permit.map(Admitted).map_err(|_| ApiError::overloaded())
    }
}
