//! Names that clients ask for must be distinguishable, also by people.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization as _;

use crate::problem::Problem;
use crate::sources::Sources;
use crate::spicepod::Spicepod;

/// Finds names that cannot be told apart, or that hold what no one can see.
pub(crate) fn problems(spicepod: &Spicepod, sources: &Sources) -> Vec<Problem> {
    let models = spicepod.models.iter().map(|model| (&model.name, &model.at));
    let workers = spicepod.workers.iter().map(|worker| (&worker.name, &worker.at));
    let mut problems = Vec::new();
    let mut seen = HashMap::new();
    for (name, at) in models.chain(workers) {
        let here = at.clone().key("name");
        if name.trim() != name || name.chars().any(is_invisible) {
            let message =
                format!("the name {name:?} holds white space at its ends, or characters that cannot be seen");
            problems.push(Problem::error(here, message).help("write letters, digits, `-`, `_`, `.` and `/`"));
            continue;
        }
        let folded: String = name.nfkc().flat_map(char::to_lowercase).collect();
        let line = sources.position(&here).map_or(0, |position| position.line);
        match seen.get(&folded) {
            None => drop(seen.insert(folded, (name.clone(), line))),
            Some((first, first_line)) => {
                let message = if first == name {
                    format!("the name `{name}` is taken on line {first_line}")
                } else {
                    format!("the name `{name}` cannot be told from `{first}` on line {first_line}")
                };
                problems
                    .push(Problem::error(here, message).help("give each model and worker a name of its own"));
            }
        }
    }
    problems
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{202a}'..='\u{202e}')
}
