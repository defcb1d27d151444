//! Faults between a gateway and its upstream, for tests alone: no binary depends on this crate.
//!
//! What an upstream says is scripted with the emulator's [`Reply`]: heads, events, raw bytes, gates. This crate adds
//! what happens to those bytes on their way ([`Proxy`]), frames that no correct encoder writes ([`Frame`]), and random
//! numbers that a failed test can be run with again ([`Seeds`]). [`Upstream`] is the emulator behind such a proxy.
//!
//! Nothing here sleeps to wait for something: what has to be waited for is a record that changes, or a [`Gate`].

mod frame;
mod link;
mod plan;
mod proxy;
mod record;
mod seeds;
mod upstream;

pub use bedrock_emulator::{Gate, Reply};
pub use frame::Frame;
pub use plan::{Accept, Fault, How, Plan};
pub use proxy::Proxy;
pub use record::{Connection, Ended};
pub use seeds::Seeds;
pub use upstream::Upstream;
