//! Which of several models answered.

use std::sync::Arc;

use crate::ErrorKind;

/// One model of several that a request may go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// The model's name.
    pub model: Arc<str>,
    /// Where it was called, where that is known.
    pub region: Option<Arc<str>>,
}

/// How one of several models stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which one.
    pub leg: Leg,
    /// Whether it has failed, and is asked for nothing now while others can be.
    pub left_out: bool,
}

/// The way of a request that several models could answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Who answered, or failed in the end.
    pub leg: Leg,
    /// Who failed before, and why, in the order of the calls.
    pub passed: Vec<(Leg, ErrorKind)>,
}
