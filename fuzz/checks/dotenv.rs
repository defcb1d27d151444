//! What holds of any text of an `.env` file: variables have names, a line is a variable or is skipped and told without
//! its text, what is written down again is read as the same, and no line keeps the last one from being read.

/// Variables by their names, and what is told.
type Read = (Vec<(String, String)>, Vec<String>);

/// Why a line is skipped.
const REASONS: [&str; 4] = [
    "the line has no `=`, and is skipped",
    "what stands before `=` is not a name, and the line is skipped",
    "the quote is never closed, and the line is skipped",
    "text follows the closing quote, and the line is skipped",
];

/// Reads a text.
///
/// # Panics
///
/// Where something is lost, or made up.
pub(crate) fn check(text: &str, read: impl Fn(&str) -> Read) {
    let (variables, told) = read(text);
    let lines = text.lines().count();
    assert!(variables.len() + told.len() <= lines, "more than the text has lines");
    for (name, value) in &variables {
        assert!(!name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()), "{name:?}");
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)), "{name:?}");
        assert!(text.contains(name.as_str()), "{name:?} is made up");
        assert!(value.len() <= text.len(), "{name:?} is longer than the text");
    }
    let mut last = 0;
    for told in &told {
        let place = told.strip_prefix(".env:").and_then(|rest| rest.split_once(": warning: "));
        let Some((line, said)) = place else { panic!("it has no place: {told:?}") };
        let line: usize = line.parse().unwrap_or_default();
        assert!(line > last && line <= lines, "line {line} of {lines}, after {last}");
        last = line;
        // Nothing else is said, and so nothing of the line.
        let [reason, help] = said.lines().map(str::trim).collect::<Vec<_>>()[..] else { panic!("{said:?}") };
        assert!(REASONS.contains(&reason), "{reason:?}");
        assert_eq!(help, "help: write `NAME=value`");
    }
    again(&variables, &read);
    let (appended, _) = read(&format!("{text}\nLAST_OF_ALL=1"));
    let is_last = |(name, value): &(String, String)| name == "LAST_OF_ALL" && value == "1";
    assert!(appended.iter().any(is_last), "the last line is lost");
}

/// Writes variables down, and reads them again.
fn again(variables: &[(String, String)], read: &impl Fn(&str) -> Read) {
    let mut text = String::new();
    for (name, value) in variables {
        let value =
            value.replace('\\', "\\\\").replace('"', "\\\"").replace('\r', "\\r").replace('\n', "\\n");
        text.push_str(&format!("export {name} = \"{value}\" # note\r\n"));
    }
    let (same, told) = read(&text);
    assert_eq!(same, variables, "{text:?}");
    assert!(told.is_empty(), "{told:?}");
}
