//! Pages that are generated from the code, so that they cannot disagree with it.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

mod codes;

const PARAMETERS: &str = "docs/parameters.md";

const PARAMETERS_HEAD: &str = "\
# Parameters of Bedrock models

<!-- Written by `cargo xtask docs` from the table in crates/model-registry/src/providers/bedrock/table.rs. -->

They stand under `params:` of a model. An unknown parameter is a problem, because a typo must not switch a
guardrail off. Any text may hold references to secrets: `${ env:KEY }` and `${ secrets:KEY }`.

The request defaults (`maxTokens`, `temperature`, `topP`, `topK`, `stopSequences` and their aliases,
`reasoning_effort`, `parallel_tool_calls`, `service_tier`) also stand behind the prefix `bedrock_`, and behind the
deprecated `openai_`. A request's own value always wins.

";

const CASES: &str = "fixtures/chat/README.md";

const CASES_HEAD: &str = "\
# Golden cases of translation

<!-- Written by `cargo xtask docs` from the files of this folder. -->

Each file is one request of OpenAI's dialect, the exact body that reaches Bedrock (`converse`) or the exact refusal
(`refused`), what the reply's headers announce (`ignored`, `adjusted`), and where the answer matters, Bedrock's reply
and stream (`reply`, `events`) with the exact answers to them (`answer`, `chunks`). Every case runs twice, whole and
streamed, and both send the same body. The runner is crates/runtime/tests/it/golden.rs, which also names the tests that
hold what takes more than one exchange.

| case | rules | what it shows |
|---|---|---|
";

/// Every generated page: its path and its text.
fn pages(root: &Path) -> Vec<(&'static str, String)> {
    vec![(PARAMETERS, parameters()), (CASES, cases(root))]
}

/// Writes the generated pages.
pub(crate) fn write(root: &Path) -> Vec<String> {
    let written = |(path, text): (&str, String)| match std::fs::write(root.join(path), text) {
        Ok(()) => None,
        Err(error) => Some(format!("{path}: {error}")),
    };
    pages(root).into_iter().filter_map(written).collect()
}

/// Says which pages differ from the code.
pub(crate) fn check(root: &Path) -> Vec<String> {
    let differs = |(path, text): (&str, String)| {
        let found = std::fs::read_to_string(root.join(path)).unwrap_or_default();
        (found != text).then(|| format!("{path} differs from the code: run `cargo xtask docs`"))
    };
    pages(root).into_iter().filter_map(differs).chain(codes::problems(root)).collect()
}

fn parameters() -> String {
    format!("{PARAMETERS_HEAD}{}", model_registry::params_markdown())
}

fn cases(root: &Path) -> String {
    let mut rows = Vec::new();
    for entry in std::fs::read_dir(root.join("fixtures/chat")).into_iter().flatten().flatten() {
        let path = entry.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".json")) else {
            continue;
        };
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let case: Value = serde_json::from_str(&text).unwrap_or_default();
        let rules = case.get("rules").and_then(Value::as_array).into_iter().flatten();
        let rules: Vec<String> = rules.map(Value::to_string).collect();
        let about = case.get("about").and_then(Value::as_str).unwrap_or_default();
        rows.push(format!("| [{name}]({name}.json) | {} | {about} |", rules.join(", ")));
    }
    rows.sort();
    let mut page = String::from(CASES_HEAD);
    for row in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "{row}");
    }
    page
}
