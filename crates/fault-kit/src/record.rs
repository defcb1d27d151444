//! What a proxy saw.

use std::time::Duration;

use crate::plan::How;

/// A connection that a proxy took.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// Bytes that were passed on to the upstream.
    pub up: u64,
    /// Bytes that were passed on to the client.
    pub down: u64,
    /// How and when the client ended its side; `None` while it has not.
    pub client: Option<Ended>,
    /// The same of the upstream.
    pub upstream: Option<Ended>,
}

/// The end of one side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub how: How,
    /// How long after the proxy's start.
    pub after: Duration,
}
