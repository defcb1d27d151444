//! `.env` files: `NAME=value`, with `export`, comments and quotes, and without `$NAME` expansion.

use std::collections::HashMap;
use std::path::Path;

use secrecy::zeroize::Zeroizing;
use spicepod::{Problem, Severity, file};

use crate::expose::Draft;

const MAX_BYTES: u64 = 1024 * 1024;

/// Variables with their values, which are wiped when they go.
pub(crate) type Variables = HashMap<String, Zeroizing<String>>;

/// Reads a file; the later of two lines with one name counts. Values never reach a message.
pub(crate) fn read(path: &Path, shown: &str) -> Result<(Variables, Vec<Problem>), String> {
    let contents = file::read(path, MAX_BYTES).map_err(|error| error.to_string())?;
    let mut problems: Vec<Problem> = contents.warning(shown).into_iter().collect();
    let bytes = Zeroizing::new(contents.bytes);
    let text = str::from_utf8(&bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
    let (variables, skipped) = parse(text, shown);
    problems.extend(skipped);
    Ok((variables, problems))
}

/// Reads the lines of a file, and says which it skipped.
pub(crate) fn parse(text: &str, shown: &str) -> (Variables, Vec<Problem>) {
    let (mut variables, mut problems) = (HashMap::new(), Vec::new());
    let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let mut ahead = lines.clone();
        match assignment(line, || ahead.next().map(|(_, line)| line)) {
            Ok(None) => {}
            Ok(Some((name, value))) => {
                lines = ahead;
                variables.insert(name, value);
            }
            Err(reason) => {
                let at = format!("{shown}:{}", index + 1);
                problems.push(Problem::of_file(Severity::Warning, at, reason).help("write `NAME=value`"));
            }
        }
    }
    (variables, problems)
}

/// Reads one assignment; a quoted value may go on over lines.
fn assignment<'a>(
    line: &'a str,
    more: impl FnMut() -> Option<&'a str>,
) -> Result<Option<(String, Zeroizing<String>)>, &'static str> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    let Some((name, value)) = line.split_once('=') else {
        return Err("the line has no `=`, and is skipped");
    };
    let name = name.trim();
    let valid = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(valid) {
        return Err("what stands before `=` is not a name, and the line is skipped");
    }
    let value = value.trim_start();
    let value = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => quoted(value, quote, more)?,
        _ => Zeroizing::new(comment(value).map_or(value, |(value, _)| value).trim_end().to_owned()),
    };
    Ok(Some((name.to_owned(), value)))
}

/// Splits a comment off a value without quotes: it begins behind white space, because `#` may be part of a value.
fn comment(value: &str) -> Option<(&str, &str)> {
    let at = value.match_indices('#').map(|(at, _)| at);
    let mut parts = at.map(|at| value.split_at(at));
    parts.find(|(before, _)| before.ends_with([' ', '\t']))
}

/// Reads a quoted value up to its closing quote. `\n`, `\t`, `\"` and `\\` count between double quotes.
fn quoted<'a>(
    value: &'a str,
    quote: char,
    mut more: impl FnMut() -> Option<&'a str>,
) -> Result<Zeroizing<String>, &'static str> {
    let mut text = Draft::with_capacity(value.len());
    let mut rest = value.strip_prefix(quote).unwrap_or(value).chars();
    loop {
        match rest.next() {
            Some(c) if c == quote => break,
            Some('\\') if quote == '"' => match rest.next() {
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some('t') => text.push('\t'),
                Some(c @ ('"' | '\\' | '$')) => text.push(c),
                Some(c) => {
                    text.push('\\');
                    text.push(c);
                }
                None => text.push('\\'),
            },
            Some(c) => text.push(c),
            None => {
                let Some(line) = more() else {
                    return Err("the quote is never closed, and the line is skipped");
                };
                text.push('\n');
                rest = line.chars();
            }
        }
    }
    let after = rest.as_str().trim_start();
    if after.is_empty() || after.starts_with('#') {
        Ok(text.wiped())
    } else {
        Err("text follows the closing quote, and the line is skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Variables, Vec<Problem>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        std::fs::write(&path, text).unwrap();
        read(&path, ".env").unwrap()
    }

    #[test]
    fn values_lose_quotes_comments_and_surrounding_space_alone() {
        let text = "\u{feff}# note\nA=1\nexport B = two words # note\nC=\"x # y\" # z\nD='$A\\n'\nE=\"l1\\nl2\"\nF=a=b\nG=\nH=\"a\nb\"\nA=2\n";
        let (variables, problems) = parsed(text);
        assert!(problems.is_empty(), "{problems:?}");
        let expected = [
            ("A", "2"),
            ("B", "two words"),
            ("C", "x # y"),
            ("D", "$A\\n"),
            ("E", "l1\nl2"),
            ("F", "a=b"),
            ("G", ""),
            ("H", "a\nb"),
        ];
        for (name, value) in expected {
            assert_eq!(variables.get(name).map(|value| value.as_str()), Some(value), "{name}");
        }
        assert_eq!(variables.len(), expected.len());
    }

    #[test]
    fn a_malformed_line_is_a_warning_without_its_text_and_the_others_count() {
        let (variables, problems) =
            parsed("A=1\nhunter2\n2B=hunter2\nC=\"hunter2\" hunter2\nD=4\nE='hunter2\nF=6\n");
        let mut names: Vec<&str> = variables.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["A", "D", "F"]);
        let shown = spicepod::Sources::default().render(&problems);
        assert_eq!(problems.len(), 4);
        assert!(!shown.contains("hunter2"), "{shown}");
        for line in [".env:2: warning:", ".env:3: warning:", ".env:4: warning:", ".env:6: warning:"] {
            assert!(shown.contains(line), "{shown}");
        }
    }
}
