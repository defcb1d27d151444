//! Files stay small, and say what they are for.

use super::Source;

/// The longest a file may be without its tests.
const LONGEST_BODY: usize = 400;

pub(super) fn problems(sources: &[Source]) -> Vec<String> {
    let mut problems = Vec::new();
    for source in sources {
        let lines = source.body().lines().count();
        if lines > LONGEST_BODY && !source.is_test() {
            problems.push(format!(
                "{}: {lines} lines, and a file holds one thing in {LONGEST_BODY}",
                source.path
            ));
        }
        if !source.text.starts_with("//!") {
            problems.push(format!("{}: begins without `//!`, which says what the module owns", source.path));
        }
        let todo = concat!("TO", "DO");
        if source.text.contains(todo) {
            problems.push(format!("{}: holds a {todo}", source.path));
        }
    }
    problems
}
