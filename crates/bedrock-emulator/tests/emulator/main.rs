//! The emulator as SDKs see it: at the socket, with AWS's own signer and reader of frames.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a reply of another form fails the test")]

mod acting;
mod answers;
mod client;
mod faults;
mod guardrail;
mod refusals;
mod signatures;
mod transport;
