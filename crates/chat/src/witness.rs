//! Who learns of a request's calls while they are made.

use std::fmt;
use std::sync::Arc;

use crate::{ErrorKind, Leg};

/// Learns of the calls for a request while they are made. A reply says the same at its end, but whoever asked may go
/// before there is one.
pub trait Witness: Send + Sync {
    /// A call to a provider begins.
    fn called(&self);

    /// The call that began last was not sent after all.
    fn withdrawn(&self);

    /// One of several models is asked.
    fn asked(&self, leg: Leg);

    /// One of several models has failed.
    fn failed(&self, leg: Leg, kind: ErrorKind);
}

/// Says whether what was let through may still be sent: a request may wait for a connection while others fail.
pub trait Gate: Send + Sync {
    /// Whether who came through in this generation may go on.
    fn admits(&self, generation: u64) -> bool;
}

/// A request's witness, if it has one, and the gates that it came through. It is no part of what is asked: requests
/// that differ by it alone are equal.
#[derive(Clone, Default)]
pub struct Calls {
    witness: Option<Arc<dyn Witness>>,
    /// The outermost comes first.
    gates: Vec<(Arc<dyn Gate>, u64)>,
}

impl Calls {
    /// Tells this witness.
    pub fn seen_by(witness: Arc<dyn Witness>) -> Self {
        Self { witness: Some(witness), gates: Vec::new() }
    }

    /// The same, for a request that came through one more gate.
    #[must_use]
    pub fn through(&self, gate: Arc<dyn Gate>, generation: u64) -> Self {
        let mut through = self.clone();
        through.gates.push((gate, generation));
        through
    }

    /// How many gates the request came through.
    pub fn gates(&self) -> usize {
        self.gates.len()
    }

    /// The outermost gate that is shut by now, counted from 0; none where a call may still be sent.
    pub fn shut(&self) -> Option<usize> {
        self.gates.iter().position(|(gate, generation)| !gate.admits(*generation))
    }

    /// Tells that a call to a provider begins.
    pub fn called(&self) {
        if let Some(witness) = &self.witness {
            witness.called();
        }
    }

    /// Tells that the call that began last was not sent after all.
    pub fn withdrawn(&self) {
        if let Some(witness) = &self.witness {
            witness.withdrawn();
        }
    }

    /// Tells which of several models is asked.
    pub fn asked(&self, leg: impl FnOnce() -> Leg) {
        if let Some(witness) = &self.witness {
            witness.asked(leg());
        }
    }

    /// Tells which of several models has failed.
    pub fn failed(&self, leg: impl FnOnce() -> Leg, kind: ErrorKind) {
        if let Some(witness) = &self.witness {
            witness.failed(leg(), kind);
        }
    }
}

impl PartialEq for Calls {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.witness.is_some() { "Calls(seen)" } else { "Calls(unseen)" })
    }
}
