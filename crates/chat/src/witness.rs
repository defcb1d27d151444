//! Who learns of a request's calls while they are made.

use std::fmt;
use std::sync::Arc;

use crate::{ErrorKind, Leg};

/// Learns of the calls for a request while they are made. A reply says the same at its end, but whoever asked may go
/// before there is one.
pub trait Witness: Send + Sync {
    /// A call to a provider begins.
    fn called(&self);

    /// One of several models is asked.
    fn asked(&self, leg: Leg);

    /// One of several models has failed.
    fn failed(&self, leg: Leg, kind: ErrorKind);
}

/// A request's witness, if it has one. It is no part of what is asked: requests that differ by it alone are equal.
#[derive(Clone, Default)]
pub struct Calls(Option<Arc<dyn Witness>>);

impl Calls {
    /// Tells this witness.
    pub fn seen_by(witness: Arc<dyn Witness>) -> Self {
        Self(Some(witness))
    }

    /// Tells that a call to a provider begins.
    pub fn called(&self) {
        if let Some(witness) = &self.0 {
            witness.called();
        }
    }

    /// Tells which of several models is asked.
    pub fn asked(&self, leg: impl FnOnce() -> Leg) {
        if let Some(witness) = &self.0 {
            witness.asked(leg());
        }
    }

    /// Tells which of several models has failed.
    pub fn failed(&self, leg: impl FnOnce() -> Leg, kind: ErrorKind) {
        if let Some(witness) = &self.0 {
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
        f.write_str(if self.0.is_some() { "Calls(seen)" } else { "Calls(unseen)" })
    }
}
