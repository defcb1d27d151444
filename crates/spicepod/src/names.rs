//! Names that clients ask for must be distinguishable, also by people.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization as _;

use crate::problem::{Problem, clip};
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
            let name = clip(name);
            let message = format!(
                "the name \"{name}\" holds white space at its ends, or characters that cannot be seen"
            );
            problems.push(Problem::error(here, message).help("write letters, digits, `-`, `_`, `.` and `/`"));
            continue;
        }
        let folded: String = name.nfkc().flat_map(char::to_lowercase).collect();
        match seen.get(&folded) {
            None => drop(seen.insert(folded, (name, here))),
            Some((first, there)) => {
                let place = sources.seen_from(there, &here);
                let message = if *first == name {
                    format!("the name `{}` is taken {place}", clip(name))
                } else {
                    format!("the name `{}` cannot be told from `{}` {place}", clip(name), clip(first))
                };
                let problem = Problem::error(here, message);
                problems.push(problem.help("give each model and worker a name of its own"));
            }
        }
    }
    problems
}

/// Whether a character takes no room on a screen, or moves others.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}
