//! What the benchmarks share: requests, replies, and the steps of a request one by one.
//!
//! The binary `bench` measures whole processes, `cargo bench --package bench` the time of each step, and the binary
//! `micro` runs one step so that its instructions can be counted (`cargo xtask instructions`).

pub mod micro;
pub mod replies;
pub mod scenario;

/// Whatever goes wrong.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
