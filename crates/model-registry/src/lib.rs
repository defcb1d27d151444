//! model-registry.
