//! spicepod.
