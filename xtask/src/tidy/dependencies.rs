//! Which crate may name which: the table of ARCHITECTURE.md.

use std::path::Path;

/// Each crate, and those of ours that it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("chat", &[]),
    ("spicepod", &[]),
    ("secrets", &["spicepod"]),
    ("secrets-aws", &["secrets"]),
    ("secrets-kubernetes", &["secrets"]),
    ("openai-api", &["chat"]),
    ("bedrock", &["chat"]),
    ("routing", &["chat"]),
    ("model-registry", &["spicepod", "secrets", "chat", "bedrock", "routing"]),
    (
        "runtime",
        &[
            "chat",
            "spicepod",
            "secrets",
            "secrets-aws",
            "secrets-kubernetes",
            "openai-api",
            "routing",
            "model-registry",
            "bedrock-emulator",
        ],
    ),
    ("bedrock-emulator", &[]),
    ("fault-kit", &["bedrock-emulator"]),
];

/// Crates of others, and the only ones of ours that name them.
const EXCLUSIVE: &[(&str, &[&str])] = &[
    ("serde_yaml", &["spicepod"]),
    ("saphyr-parser", &["spicepod"]),
    ("aws-config", &["bedrock", "secrets-aws"]),
    ("aws-sdk-bedrockruntime", &["bedrock"]),
    ("aws-sdk-secretsmanager", &["secrets-aws"]),
    ("aws-sigv4", &["bedrock", "bedrock-emulator"]),
    ("aws-smithy-eventstream", &["bedrock", "bedrock-emulator"]),
    ("axum", &["runtime"]),
    ("clap", &["runtime"]),
    ("listenfd", &["runtime"]),
    ("nix", &["bedrock", "runtime", "spicepod"]),
    ("sd-notify", &["runtime"]),
    ("tracing-subscriber", &["runtime"]),
];

pub(super) fn problems(root: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    let ours: Vec<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    for (name, allowed) in ALLOWED {
        let path = format!("crates/{name}/Cargo.toml");
        let Ok(manifest) = std::fs::read_to_string(root.join(&path)) else {
            problems.push(format!("{path}: cannot be read"));
            continue;
        };
        for dependency in dependencies(&manifest) {
            if ours.contains(&dependency) && !allowed.contains(&dependency) {
                problems.push(format!("{path}: `{name}` must not depend on `{dependency}`"));
            }
            let owner = EXCLUSIVE.iter().find(|(external, _)| *external == dependency);
            if let Some((external, users)) = owner.filter(|(_, users)| !users.contains(name)) {
                problems.push(format!("{path}: only {} may name `{external}`", users.join(" and ")));
            }
        }
    }
    problems
}

/// The names under `[dependencies]`; what tests use is their own affair.
fn dependencies(manifest: &str) -> impl Iterator<Item = &str> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
}
