//! The invariants of ARCHITECTURE.md that a look at the text can check.

use super::Source;

/// The files that may expose secrets: one for each crate that uses them.
const EXPOSING: &[&str] = &[
    "crates/bedrock/src/transport/credentials.rs",
    "crates/model-registry/src/params/reader/scalar.rs",
    "crates/runtime/src/http/auth.rs",
    "crates/secrets/src/expose.rs",
    "crates/secrets-aws/src/credentials.rs",
    "crates/secrets-kubernetes/src/client.rs",
];

pub(super) fn problems(sources: &[Source]) -> Vec<String> {
    let mut problems = Vec::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        let body = source.body();
        let mut report = |rule: &str| problems.push(format!("{}: {rule}", source.path));
        // I1: wire types live beside the wire.
        if source.krate() == "chat"
            && (body.contains("Serialize") || body.contains("Deserialize"))
            && source.path != "crates/chat/src/lib.rs"
        {
            report("the domain derives neither Serialize nor Deserialize");
        }
        // I2: AWS types stay in the transport.
        let in_transport = source.path.starts_with("crates/bedrock/src/transport");
        if source.krate() == "bedrock" && !in_transport && body.contains("aws_") && body.contains("use aws_")
        {
            report("AWS types stay in crates/bedrock/src/transport");
        }
        // I3: translation is pure.
        let impure = ["tracing::", "tokio::", "async fn", "SystemTime", "Instant", "fastrand", "getrandom"];
        if source.path.contains("/translate") && impure.iter().any(|word| body.contains(word)) {
            report("translation has no async, clock, randomness or logging");
        }
        // I8: secrets are exposed where they are used, and nowhere else.
        let exposes = concat!("expose_", "secret(");
        if body.contains(exposes) && !EXPOSING.contains(&source.path.as_str()) {
            report("secrets are exposed in one file of a crate; xtask/src/tidy/invariants.rs lists them");
        }
    }
    problems
}
