//! The threats of docs/security.md: each is held by a test, and the tests that are named there exist.

use std::path::Path;

use super::Source;

const PAGE: &str = "docs/security.md";

pub(super) fn problems(root: &Path, sources: &[Source]) -> Vec<String> {
    match std::fs::read_to_string(root.join(PAGE)) {
        Ok(page) => of(&page, |test| sources.iter().any(|source| holds(&source.text, test))),
        Err(error) => vec![format!("{PAGE}: cannot be read: {error}")],
    }
}

fn of(page: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut problems = Vec::new();
    for name in tests(page).filter(|name| !exists(name)) {
        problems.push(format!("{PAGE}: there is no test `{name}`"));
    }
    let rows = page.lines().skip_while(|line| !line.ends_with("| held by |")).skip(2);
    for row in rows.take_while(|line| line.starts_with('|')) {
        if tests(row).next().is_none() {
            problems.push(format!("{PAGE}: no test holds this: {row}"));
        }
    }
    problems
}

/// The tests that a text names: `module::a_sentence`.
fn tests(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2).filter_map(|code| {
        let (_, name) = code.rsplit_once("::")?;
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        (!name.is_empty() && name.chars().all(is_name)).then_some(name)
    })
}

/// Whether a text holds the test of this name.
fn holds(text: &str, test: &str) -> bool {
    let Some((before, _)) = text.split_once(&format!("fn {test}(")) else { return false };
    before.lines().rev().take(4).any(|line| line.trim().starts_with("#[t") && line.contains("test"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_threat_without_a_test_and_a_test_that_is_gone_are_told() {
        let page = "| threat | held by |\n|---|---|\n| one | `a::is_here` |\n| two | `a.rs` |\n| three | `a::is_gone` |\n\nand `a::is_gone_too`, `PR::Other`\n";
        let told = super::of(page, |name| name == "is_here");
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(super::holds("    #[tokio::test]\n    async fn is_here() {", "is_here"));
        assert!(!super::holds("fn is_here() {", "is_here"));
        assert!(!super::holds("#[test]\nfn is_here_too() {", "is_here"));
    }
}
