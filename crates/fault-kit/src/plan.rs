//! What is to go wrong.

use std::time::Duration;

use bedrock_emulator::Gate;

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// In order: what was sent arrives, and then the end.
    Fin,
    /// With a reset, which may take with it what was sent and not read yet.
    Rst,
}

/// What becomes of a new connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accept {
    /// It leads to the upstream.
    #[default]
    Forward,
    /// It is taken, and nothing ever comes back.
    Hang,
    /// It is taken and reset at once.
    Reset,
}

/// A fault in one direction of a connection. Offsets are bytes since the plan was made, or since the connection was
/// where that is younger; a fault at `at` happens when that byte is due.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Every write is late by so much.
    Latency(Duration),
    /// No write is longer.
    Slice(usize),
    /// From an offset on, one byte comes at a time.
    Drip {
        /// The first byte that comes alone.
        at: u64,
        /// The time before each byte.
        every: Duration,
    },
    /// Both directions end.
    Cut {
        /// The first byte that does not arrive.
        at: u64,
        /// How they end.
        how: How,
    },
    /// This direction ends in order, and the other one goes on.
    HalfClose {
        /// The first byte that does not arrive.
        at: u64,
    },
    /// Bytes disappear, and the connection stays open.
    Swallow {
        /// The first byte that does not arrive.
        at: u64,
    },
    /// Bytes wait until a gate opens.
    Hold {
        /// The first byte that waits.
        at: u64,
        /// What it waits for.
        gate: Gate,
    },
    /// A bit arrives as its opposite.
    Flip {
        /// Eight times the offset of its byte, and its place from the lowest.
        bit: u64,
    },
}

impl Fault {
    /// Where the fault stops the bytes, if it does.
    pub(crate) fn stop(&self) -> Option<u64> {
        match self {
            Self::Cut { at, .. }
            | Self::HalfClose { at }
            | Self::Swallow { at }
            | Self::Drip { at, .. }
            | Self::Hold { at, .. } => Some(*at),
            Self::Latency(_) | Self::Slice(_) | Self::Flip { .. } => None,
        }
    }
}

/// All that is to go wrong from now on.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub(crate) accept: Accept,
    pub(crate) up: Vec<Fault>,
    pub(crate) down: Vec<Fault>,
    pub(crate) spares_new: bool,
}

impl Plan {
    /// What becomes of new connections.
    #[must_use]
    pub fn accept(mut self, accept: Accept) -> Self {
        self.accept = accept;
        self
    }

    /// Connections that are made from now on are without faults.
    #[must_use]
    pub fn spares_new(mut self) -> Self {
        self.spares_new = true;
        self
    }

    /// Adds a fault on the way to the upstream.
    #[must_use]
    pub fn up(mut self, fault: Fault) -> Self {
        self.up.push(fault);
        self
    }

    /// Adds a fault on the way back.
    #[must_use]
    pub fn down(mut self, fault: Fault) -> Self {
        self.down.push(fault);
        self
    }
}
