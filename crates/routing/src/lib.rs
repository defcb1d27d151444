//! One model out of several: who is asked first, who is asked next, and who is left alone for a while.
//!
//! Owns the strategies ([`Router`]), and the circuit [`Breaker`] and the [`Limiter`] of each model. Must not know a provider, a dialect or
//! the manifest: a leg is any [`chat::ChatModel`].
//!
//! - The legs with the lowest [`Leg::order`] come first. Among those of one order, weights give each its share, and
//!   without weights they take turns.
//! - A session stays with its leg, so that the prompt cache there stays warm: weighted rendezvous hashing, which
//!   needs no table and gives the same leg in every process.
//! - A leg that fails before its answer has begun is passed over, and after that left out for a while. Errors of the
//!   caller move nothing, and an answer that was paid for is not asked for again.
//! - A leg at its limit is passed over as well, and is not to blame.

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;

mod blame;
mod breaker;
mod limiter;
mod rendezvous;
mod router;

pub use breaker::Breaker;
pub use limiter::{Allowance, Limit, Limiter, Met, Reserved, Running};
pub use router::{Leg, Router};
