//! What a gateway has to survive: every fault is a row, and after every case the same seven things must hold.
//!
//! `cargo test --package runtime --test faults` runs every row in a small form. `cargo xtask faults` runs them whole,
//! and writes `docs/faults.md` with what each row ran. `FAULTS_SEED` chooses the random numbers; a case that fails
//! prints its own.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failed assertion names its case, and its seed and what is skipped are told"
)]

mod bodies;
mod case;
mod clients;
mod connect;
mod credentials;
mod heads;
mod lane;
mod load;
mod names;
mod process;
mod record;
mod rest;
mod rows;
mod streams;
#[path = "../it/support.rs"]
#[expect(dead_code, reason = "what the other tests need is more than what these do")]
mod support;
mod table;
