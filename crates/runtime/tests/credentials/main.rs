//! Credentials: the built binary, each source over real protocol servers, and an emulator that verifies who called.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed assertion names its case"
)]

mod failures;
mod order;
mod refresh;
mod refusals;
mod sources;
mod support;
