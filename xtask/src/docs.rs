//! Pages that are generated from the code, so that they cannot disagree with it.

use std::path::Path;

const PARAMETERS: &str = "docs/parameters.md";

const PARAMETERS_HEAD: &str = "\
# Parameters of Bedrock models

<!-- Written by `cargo xtask docs` from the table in crates/model-registry/src/providers/bedrock/table.rs. -->

They stand under `params:` of a model. An unknown parameter is a problem, because a typo must not switch a
guardrail off. Any text may hold references to secrets: `${ env:KEY }` and `${ secrets:KEY }`.

The request defaults (`maxTokens`, `temperature`, `topP`, `topK`, `stopSequences` and their aliases) also stand behind
the prefix `bedrock_`, and behind the deprecated `openai_`. A request's own value always wins.

";

/// Writes the generated pages.
pub(crate) fn write(root: &Path) -> Vec<String> {
    match std::fs::write(root.join(PARAMETERS), parameters()) {
        Ok(()) => Vec::new(),
        Err(error) => vec![format!("{PARAMETERS}: {error}")],
    }
}

/// Says which generated pages differ from the code.
pub(crate) fn check(root: &Path) -> Vec<String> {
    let found = std::fs::read_to_string(root.join(PARAMETERS)).unwrap_or_default();
    if found == parameters() {
        return Vec::new();
    }
    vec![format!("{PARAMETERS} differs from the code: run `cargo xtask docs`")]
}

fn parameters() -> String {
    format!("{PARAMETERS_HEAD}{}", model_registry::params_markdown())
}
