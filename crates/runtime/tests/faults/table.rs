//! The rows as a page of the documentation.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::case::variable;
use crate::record;
use crate::rows::{How, ROWS};
use crate::support::workspace;

const PAGE: &str = "docs/faults.md";

const HEAD: &str = "\
# Faults

<!-- Written by `cargo xtask faults` from the rows of crates/runtime/tests/faults/rows.rs, and from what it ran. -->

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

`cargo xtask faults` runs everything, and writes in the last column what it ran: a row that fails, or did not run, is not
written as passed. A case is one request: one that meets the fault, or one that shows that nothing is left of it. An
ordinary run of the tests takes some of them (*in part* or *whole*, as the row says). `FAULTS_SEED` chooses other random
numbers.

| | fault | what the gateway does | shown by | ordinary run | last whole run |
|---|---|---|---|---|---|
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

/// What the last whole run of each row came to, by its fault, which no two rows share.
type Verdicts = BTreeMap<String, String>;

fn page(verdicts: &Verdicts) -> String {
    let mut page = HEAD.to_owned();
    for row in ROWS {
        let (shown, form) = match row.how {
            How::Run(by) => (by.to_owned(), "in part"),
            How::Whole(by) => (by.to_owned(), "no"),
            How::Held(file, test) => (format!("`{test}` in crates/{file}"), "whole"),
            How::Outside(file, test) => (format!("`{test}` in tests/{file}"), "in `.ci/run`"),
        };
        let verdict = verdicts.get(row.fault).map_or("not run", String::as_str);
        let (number, fault, does) = (number(row.name), row.fault, row.does);
        writeln!(page, "| {number} | {fault} | {does} | {shown} | {form} | {verdict} |").unwrap();
    }
    page
}

/// The page as it is.
fn present() -> String {
    std::fs::read_to_string(workspace().join(PAGE)).unwrap_or_default()
}

fn verdicts(page: &str) -> Verdicts {
    let rows = page.lines().filter(|line| line.starts_with("| F"));
    let columns = rows.map(|row| row.trim_end_matches(" |").split(" | ").collect::<Vec<&str>>());
    columns.map(|columns| (columns[1].to_owned(), columns[columns.len() - 1].to_owned())).collect()
}

/// Whether a row was run, and how often: once at least.
fn has_passed(verdict: &str) -> bool {
    let count = verdict.strip_prefix("passed: ").and_then(|rest| rest.split(' ').next()?.parse().ok());
    count.is_some_and(|count: u32| count > 0)
}

#[test]
fn every_number_has_a_row() {
    let numbers: Vec<String> = ROWS.iter().map(|row| number(row.name)).collect();
    assert!(numbers.is_sorted());
    for wanted in 1..=68 {
        let wanted = format!("F{wanted:02}");
        assert!(numbers.contains(&wanted), "{wanted} has no row");
    }
    let faults: std::collections::BTreeSet<&str> = ROWS.iter().map(|row| row.fault).collect();
    assert_eq!(faults.len(), ROWS.len(), "two rows are of the same fault");
}

#[test]
fn the_page_of_the_documentation_agrees_with_the_rows_and_every_row_has_passed() {
    if record::folder().is_some() {
        // It is about to be written.
        return;
    }
    let found = present();
    let verdicts = verdicts(&found);
    assert!(found == page(&verdicts), "{PAGE} differs from the rows: run `cargo xtask faults`");
    for row in ROWS {
        let verdict = verdicts[row.fault].as_str();
        let as_it_should = match row.how {
            How::Outside(..) => verdict == record::OUTSIDE,
            How::Run(_) | How::Whole(_) | How::Held(..) => has_passed(verdict),
        };
        assert!(
            as_it_should,
            "{PAGE}: {}: {verdict}: run `cargo xtask faults --only {}`",
            row.name, row.name
        );
    }
}

#[test]
fn only_a_row_that_has_run_has_passed() {
    for (verdict, passed) in [
        ("passed: 12 cases, seed 7", true),
        ("passed: 1 test", true),
        ("passed: 3 cases, seed 7; skipped: no root", true),
        ("passed: 0 cases, seed 7", false),
        ("skipped: no root", false),
        ("not run", false),
        (record::OUTSIDE, false),
    ] {
        assert_eq!(has_passed(verdict), passed, "{verdict}");
    }
}

/// The last step of `cargo xtask faults`, once all rows that were to run have passed. `FAULTS_ONLY` names those where it
/// was not all of them; the others keep what the page says of them, or what they ran when they last passed.
#[test]
#[ignore = "writes docs/faults.md: `cargo xtask faults`"]
fn the_page_is_written() {
    let folder = record::folder().unwrap();
    let only = variable("FAULTS_ONLY").unwrap_or_default();
    let before = verdicts(&present());
    let mut after = Verdicts::new();
    for row in ROWS {
        let stays = before.get(row.fault).filter(|verdict| !row.name.contains(&only) && has_passed(verdict));
        let verdict = stays.cloned().or_else(|| std::fs::read_to_string(folder.join(row.name)).ok());
        after.insert(row.fault.to_owned(), verdict.unwrap_or_else(|| panic!("{} did not run", row.name)));
    }
    std::fs::write(workspace().join(PAGE), page(&after)).unwrap();
}
