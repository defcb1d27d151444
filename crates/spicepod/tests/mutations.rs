//! Good manifests, each broken in many places: whatever comes out is shown, and nothing panics or hangs.

#![expect(clippy::unwrap_used, reason = "a failed assertion names its case")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// How often one manifest is broken in one way.
const TIMES: usize = 150;

fn manifests() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/valid");
    let paths: BTreeSet<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// Positions spread evenly over so many, the same ones in every run.
fn spread(count: usize) -> impl Iterator<Item = usize> {
    (0..count).step_by(count.div_ceil(TIMES).max(1))
}

/// Parses a text, and holds what is shown of it to the form that every problem has.
fn check(text: &str) {
    let loaded = spicepod::parse("spicepod.yaml", text);
    for problem in &loaded.problems {
        let shown = loaded.sources.render(std::slice::from_ref(problem));
        let head = shown.lines().next().unwrap();
        let mut parts = head.splitn(4, ':');
        assert_eq!(parts.next(), Some("spicepod.yaml"), "{text}\n{shown}");
        let numbers: Vec<usize> = parts.by_ref().take(2).map(|part| part.parse().unwrap()).collect();
        let [line, column] = numbers[..] else { unreachable!("two numbers were taken") };
        let count = text.lines().count().max(1);
        assert!((1..=count).contains(&line), "line {line} of {count}:\n{text}\n{shown}");
        let width = text.lines().nth(line - 1).unwrap_or_default().chars().count();
        assert!((1..=width + 1).contains(&column), "column {column} of {width}:\n{text}\n{shown}");
        assert!(head.contains(": error: ") || head.contains(": warning: "), "{shown}");
        assert!(
            text.trim_start_matches('\u{feff}').is_empty()
                || shown.lines().any(|line| line.trim_start().starts_with('^')),
            "{text}\n{shown}"
        );
        assert!(!problem.is_error() || problem.advice().is_some(), "no help:\n{text}\n{shown}");
        // The typed reader never has to refuse what the located one has let through.
        assert!(!shown.contains("cannot be read"), "{text}\n{shown}");
    }
}

#[test]
fn a_missing_character_is_survived() {
    for (_, text) in manifests() {
        let characters: Vec<char> = text.chars().collect();
        for position in spread(characters.len()) {
            let mutant: String = characters
                .iter()
                .enumerate()
                .filter(|(index, _)| *index != position)
                .map(|(_, c)| c)
                .collect();
            check(&mutant);
        }
    }
}

#[test]
fn a_strange_character_is_survived() {
    for (_, text) in manifests() {
        let characters: Vec<char> = text.chars().collect();
        for (turn, position) in spread(characters.len()).enumerate() {
            let strange =
                ['\t', '"', '\'', ':', '{', '[', '&', '*', '!', '|', '%', '@', '\0', 'é', '\u{feff}', '#'];
            let mut mutant = characters.clone();
            mutant.insert(position, strange[turn % strange.len()]);
            check(&mutant.into_iter().collect::<String>());
        }
    }
}

#[test]
fn a_text_that_ends_early_is_survived() {
    for (_, text) in manifests() {
        for position in spread(text.chars().count()) {
            check(&text.chars().take(position).collect::<String>());
        }
    }
}

fn with_lines(change: impl Fn(&mut Vec<String>, usize)) {
    for (_, text) in manifests() {
        let lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
        for position in spread(lines.len()) {
            let mut mutant = lines.clone();
            change(&mut mutant, position);
            check(&format!("{}\n", mutant.join("\n")));
        }
    }
}

#[test]
fn a_repeated_line_is_survived() {
    with_lines(|lines, position| lines.insert(position, lines[position].clone()));
}

#[test]
fn swapped_lines_are_survived() {
    with_lines(|lines, position| {
        let other = (position + 1) % lines.len();
        lines.swap(position, other);
    });
}

#[test]
fn changed_indentation_is_survived() {
    with_lines(|lines, position| lines[position].insert(0, ' '));
    with_lines(|lines, position| lines[position] = lines[position].trim_start().to_owned());
    with_lines(|lines, position| lines[position].insert(0, '\t'));
}
