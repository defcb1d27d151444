//! What each error means: every `code` that a reply can have is told of, and none that no reply has.

use std::path::Path;

use openai_api::Code;

const PAGE: &str = "docs/operations.md";

const SECTION: &str = "\n## What each error means\n";

/// The codes that the table lacks, and those that no reply has.
pub(super) fn problems(root: &Path) -> Vec<String> {
    match std::fs::read_to_string(root.join(PAGE)) {
        Ok(page) => of(&page),
        Err(error) => vec![format!("{PAGE}: cannot be read: {error}")],
    }
}

fn of(page: &str) -> Vec<String> {
    let section = page.split_once(SECTION).map(|(_, section)| section).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    // The first column; its rows begin with a bar.
    let column = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    // The table's head is the first of them.
    let told: Vec<&str> = column.skip(1).flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    let known = || Code::ALL.iter().map(|code| code.name());
    let missing = known().filter(|code| !told.contains(code));
    let missing = missing.map(|code| format!("{PAGE}: the table of errors does not tell of `{code}`"));
    let gone = told.iter().filter(|code| !known().any(|known| known == **code));
    missing.chain(gone.map(|code| format!("{PAGE}: no reply has the code `{code}`"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_is_left_out_and_one_that_is_gone_are_told() {
        let rows: String = Code::ALL
            .iter()
            .skip(1)
            .map(|code| format!("| `{}` | same | why | what |\n", code.name()))
            .collect();
        let page = format!(
            "{SECTION}\n| `code` | `end_reason` |\n|---|---|\n{rows}| `gone` | x |\n\n## Next\n| `x` |"
        );
        let told = of(&page);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told.iter().any(|told| told.contains(Code::ALL[0].name())), "{told:?}");
        assert!(told.iter().any(|told| told.contains("`gone`")), "{told:?}");
    }
}
