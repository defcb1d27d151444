//! Faults between a gateway and its upstream, for tests alone: no binary depends on this crate.
//!
//! What an upstream says is scripted with the emulator's [`Reply`]: heads, events, raw bytes, gates. This crate adds
//! what happens to those bytes on their way ([`Proxy`]), frames that no correct encoder writes ([`Frame`]), and random
//! numbers that a failed test can be run with again ([`Seeds`]). [`Upstream`] is the emulator behind such a proxy.
//! What hands out credentials is in [`services`], each a [`Web`] server of which a test says what it answers. [`Names`]
//! says where names lead.
//!
//! Nothing here sleeps to wait for something: what has to be waited for is a record that changes, or a [`Gate`].

mod dates;
mod frame;
mod link;
mod names;
mod plan;
mod proxy;
mod record;
mod seeds;
pub mod services;
mod upstream;
mod web;

pub use bedrock_emulator::{Config, Gate, Reply};
pub use dates::{http_date, in_an_hour, in_seconds};
pub use frame::Frame;
pub use names::Names;
pub use plan::{Accept, Fault, How, Plan};
pub use proxy::Proxy;
pub use record::{Connection, Ended};
pub use seeds::Seeds;
pub use upstream::Upstream;
pub use web::{Answer, Asked, Web};
