//! What the located parser says of broken YAML, for people.

use saphyr_parser::ScanError;

use super::builder::too_deep;
use crate::problem::Problem;
use crate::sources::Position;

/// What the parser says of common mistakes, and what to do about them.
const ADVICE: &[(&str, &str)] = &[
    (
        "mapping values are not allowed",
        "put a value that holds `: ` in quotes, and begin keys of one mapping in one column",
    ),
    ("simple key expect", "write `:` behind the key; it may be missing on a line above"),
    ("escape", "double the backslash, or put the text in single quotes"),
    ("cannot start any token", "put the text in quotes"),
    ("directive", "remove the line that begins with `%`"),
    ("an anchor", "put text that begins with `*` or `&` in quotes"),
    ("an alias", "put text that begins with `*` or `&` in quotes"),
    ("anchor or alias", "put text that begins with `*` or `&` in quotes"),
    ("trailing content", "put the whole value in quotes, with `\\\"` for a quote in it"),
    ("quoted", "close the quote, and indent lines that go on"),
    ("unexpected character", "put the text in quotes"),
    ("plain scalar cannot start", "put the text in quotes, or write a space behind `-`"),
    ("node content", "close what `[`, `{` or a quote opened"),
    ("flow", "close `[` with `]` and `{` with `}`, with `,` between entries"),
    ("expected '-'", "begin the keys of one mapping, and the entries of one list, in one column"),
    ("expected key", "begin the keys of one mapping, and the entries of one list, in one column"),
    ("block scalar", "indent the text below `|` or `>`"),
];

const OTHERWISE: &str = "check the indentation, and the quotes and brackets up to here";

/// Tells of an error where its cause is, in our words where ours are better.
pub(super) fn problem(file: usize, text: &str, error: &ScanError) -> Problem {
    let (line, column) = (error.marker().line().max(1), error.marker().col() + 1);
    let position = inside(text, Position { line, column, length: 1 });
    let info = error.info();
    if let Some(position) = tab(text, line, info.contains("tab")) {
        return Problem::in_text(file, position, "a tab cannot indent").help("indent with spaces");
    }
    // The parser has a limit of its own, far beyond ours.
    if info.contains("recursion limit") {
        return Problem::in_text(file, position, too_deep()).help("use fewer levels");
    }
    if info.contains("unknown anchor") {
        let problem = Problem::in_text(file, position, "there is no anchor for this alias");
        return problem
            .help("mark the value that is meant with `&name`; text that begins with `*` is put in quotes");
    }
    advised(file, position, info)
}

/// Tells of what the typed reader alone does not take.
pub(crate) fn of_typed_reader(file: usize, text: &str, position: Position, info: &str) -> Problem {
    if let Some(position) = tab(text, position.line, false) {
        return Problem::in_text(file, position, "a tab cannot indent").help("indent with spaces");
    }
    // It says the place in the middle of its sentences, too.
    let mut parts = info.split(" at line ");
    let mut said = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, rest) = part.split_once(" column ").unwrap_or(("", part));
        said.push_str(rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    advised(file, inside(text, position), &said)
}

fn advised(file: usize, position: Position, info: &str) -> Problem {
    let advice = ADVICE.iter().find(|(said, _)| info.contains(said)).map_or(OTHERWISE, |(_, advice)| advice);
    Problem::in_text(file, position, format!("this is not YAML: {info}")).help(advice)
}

/// What is missing at the end of a text is shown behind its last line.
fn inside(text: &str, position: Position) -> Position {
    let last = text.lines().count().max(1);
    if position.line <= last {
        return position;
    }
    let column = text.lines().last().map_or(0, |line| line.chars().count()) + 1;
    Position { line: last, column, length: 1 }
}

/// Finds a tab in the indentation of a line, or of a later one where the parser looked ahead.
fn tab(text: &str, line: usize, ahead: bool) -> Option<Position> {
    let lines = text.lines().enumerate().skip(line - 1).take(if ahead { usize::MAX } else { 1 });
    let tab = |text: &str| text.chars().take_while(|c| c.is_whitespace()).position(|c| c == '\t');
    let mut found = lines.filter_map(|(index, text)| Some((index + 1, tab(text)? + 1)));
    found.next().map(|(line, column)| Position { line, column, length: 1 })
}
