//! The rows as a page of the documentation.

use std::fmt::Write as _;

use crate::case::Run;
use crate::rows::{How, ROWS};
use crate::support::workspace;

const PAGE: &str = "docs/faults.md";

const HEAD: &str = "\
# Faults

<!-- Written by `cargo xtask faults` from the rows of crates/runtime/tests/faults/rows.rs. -->

What can go wrong between a client, the gateway, Amazon Bedrock and the machine, what the gateway does, and what shows
it. Most rows run on the built binary, against a scripted upstream behind a proxy that cuts, delays and damages bytes
(crates/fault-kit), whole and streamed, on fresh connections and on used ones. After every one of their cases:

- what was delivered of the text is a beginning of what was sent;
- a stream ends with `[DONE]` only where `messageStop` was sent, and otherwise with an error event;
- the upstream was called no more often than the row allows;
- nothing is in flight or waits any more, no place for chats is lost, and no task and no descriptor is left open;
- the process lives and `/health` is 200;
- neither secrets, prompts nor answers are in logs, metrics, heads or errors;
- the log holds exactly one line for each request.

`cargo xtask faults` runs everything; an ordinary run of the tests takes some of the cases (*in part* or *whole*, as
the row says). `FAULTS_SEED` chooses other random numbers.

| | fault | what the gateway does | shown by | ordinary run |
|---|---|---|---|---|
";

/// Another target's test is there.
pub(crate) fn holds(file: &str, test: &str) {
    let text = std::fs::read_to_string(workspace().join("crates").join(file)).unwrap();
    assert!(text.contains(&format!("fn {test}(")), "{file} holds no test `{test}`");
}

/// A check of the built binary is there.
pub(crate) fn holds_outside(file: &str, test: &str) {
    let text = std::fs::read_to_string(workspace().join("tests").join(file)).unwrap();
    assert!(text.contains(&format!("\ndef {test}(")), "{file} holds no check `{test}`");
}

/// The number of a row, such as `F01`.
fn number(name: &str) -> String {
    name.chars().take(3).collect::<String>().to_uppercase()
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for row in ROWS {
        let (shown, form) = match row.how {
            How::Run(by) => (by.to_owned(), "in part"),
            How::Whole(by) => (by.to_owned(), "no"),
            How::Held(file, test) => (format!("`{test}` in crates/{file}"), "whole"),
            How::Outside(file, test) => (format!("`{test}` in tests/{file}"), "in `.ci/run`"),
        };
        writeln!(page, "| {} | {} | {} | {shown} | {form} |", number(row.name), row.fault, row.does).unwrap();
    }
    page
}

#[test]
fn every_number_has_a_row() {
    let numbers: Vec<String> = ROWS.iter().map(|row| number(row.name)).collect();
    assert!(numbers.is_sorted());
    for wanted in 1..=68 {
        let wanted = format!("F{wanted:02}");
        assert!(numbers.contains(&wanted), "{wanted} has no row");
    }
}

#[test]
fn the_page_of_the_documentation_agrees_with_the_rows() {
    let path = workspace().join(PAGE);
    if Run::from_environment().whole {
        std::fs::write(&path, page()).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page(), "{PAGE} differs from the rows: run `cargo xtask faults`");
}
