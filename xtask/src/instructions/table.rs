//! Numbers beside those that are accepted.

use std::fmt::Write as _;

/// By how many per cent a step may grow without a word.
const TOLERATED: u64 = 2;

/// What is accepted begins with this.
const HEAD: &str =
    "# Instructions of each step of a request; `cargo xtask instructions --bless` writes them.";

/// What stands before the tools that the numbers were counted with.
const WITH: &str = "# With ";

/// One step.
#[derive(Debug)]
pub(super) struct Counted {
    /// Its name.
    pub(super) name: String,
    /// What it is, for people.
    pub(super) title: String,
    /// What taking it once takes.
    pub(super) instructions: u64,
}

/// The steps beside the numbers that are accepted for them.
#[derive(Debug)]
pub(super) struct Table<'a> {
    rows: Vec<(&'a Counted, Option<u64>)>,
    /// Accepted, and no step any more.
    gone: Vec<&'a str>,
    /// The tools of then and now, where they differ.
    tools: Option<(&'a str, &'a str)>,
}

impl<'a> Table<'a> {
    pub(super) fn new(counted: &'a [Counted], accepted: &'a str, tools: &'a str) -> Self {
        let numbers: Vec<(&str, u64)> = accepted
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter_map(|(name, number)| Some((name, number.trim().parse().ok()?)))
            .collect();
        let of = |name: &str| numbers.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
        let is_gone = |name: &str| counted.iter().all(|counted| counted.name != name);
        let then = accepted.lines().find_map(|line| line.strip_prefix(WITH));
        Self {
            rows: counted.iter().map(|counted| (counted, of(&counted.name))).collect(),
            gone: numbers.iter().map(|(name, _)| *name).filter(|name| is_gone(name)).collect(),
            tools: then.filter(|then| *then != tools).map(|then| (then, tools)),
        }
    }

    pub(super) fn to_markdown(&self) -> String {
        let mut table =
            "| step | | instructions | accepted | change |\n|---|---|---:|---:|---:|\n".to_owned();
        for (Counted { name, title, instructions }, accepted) in &self.rows {
            let (before, change) = match accepted {
                Some(accepted) => (grouped(*accepted), change(*instructions, *accepted)),
                None => ("–".to_owned(), "–".to_owned()),
            };
            // Writing to a string cannot fail.
            let _ =
                writeln!(table, "| `{name}` | {title} | {} | {before} | {change} |", grouped(*instructions));
        }
        if let Some((then, now)) = self.tools {
            let _ = writeln!(
                table,
                "\nThe accepted numbers are of other tools, which may be the difference: {then}; here {now}."
            );
        }
        table
    }

    /// What is worse than accepted, or not known.
    pub(super) fn problems(&self) -> Vec<String> {
        let bless = "`cargo xtask instructions --bless` accepts that";
        let judged = self.rows.iter().filter_map(|(Counted { name, instructions, .. }, accepted)| {
            let Some(accepted) = accepted else {
                return Some(format!("{name}: no number is accepted yet; {bless}"));
            };
            let grew = instructions.saturating_mul(100) > accepted.saturating_mul(100 + TOLERATED);
            grew.then(|| {
                let (now, then) = (grouped(*instructions), grouped(*accepted));
                let change = change(*instructions, *accepted);
                format!("{name}: {now} instructions and not {then} ({change}); {bless}")
            })
        });
        let gone = self.gone.iter().map(|name| format!("{name}: is no step any more; {bless}"));
        judged.chain(gone).collect()
    }
}

/// The text of the numbers, once they are accepted.
pub(super) fn accepted(counted: &[Counted], tools: &str) -> String {
    let mut text = format!("{HEAD}\n{WITH}{tools}\n");
    for Counted { name, instructions, .. } in counted {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name} {instructions}");
    }
    text
}

/// The number in what callgrind says at its end: `==42== Collected : 1234`.
pub(super) fn collected(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// Divides to the nearest number.
pub(super) fn rounded(total: u64, by: u64) -> u64 {
    total.saturating_add(by / 2).checked_div(by).unwrap_or(0)
}

/// By how many per cent a number is another, to the nearest tenth.
fn change(now: u64, then: u64) -> String {
    let (sign, difference) = if now < then { ("−", then - now) } else { ("+", now - then) };
    let tenths = rounded(difference.saturating_mul(1000), then);
    if tenths == 0 { "0 %".to_owned() } else { format!("{sign}{}.{} %", tenths / 10, tenths % 10) }
}

/// Writes a number in groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(name: &str, instructions: u64) -> Counted {
        Counted { name: name.to_owned(), title: format!("what {name} is"), instructions }
    }

    #[test]
    fn what_grew_by_more_than_two_per_cent_is_told() {
        let steps =
            [counted("same", 1_000), counted("a-little", 1_020), counted("more", 1_021), counted("less", 1)];
        let accepted = accepted(&["same", "a-little", "more", "less"].map(|name| counted(name, 1_000)), "a");
        let table = Table::new(&steps, &accepted, "a");
        let problems = table.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("more: 1,021 instructions and not 1,000 (+2.1 %)"), "{problems:?}");
        let markdown = table.to_markdown();
        assert!(markdown.contains("| `less` | what less is | 1 | 1,000 | −99.9 % |"), "{markdown}");
        assert!(markdown.contains("| `same` | what same is | 1,000 | 1,000 | 0 % |"), "{markdown}");
        assert!(!markdown.contains("other tools"), "{markdown}");
    }

    #[test]
    fn steps_that_are_new_or_gone_are_told_until_they_are_accepted() {
        let (old, new) = ([counted("old", 5)], [counted("new", 5)]);
        let accepted_then = accepted(&old, "a");
        let problems = Table::new(&new, &accepted_then, "a").problems();
        assert!(problems[0].starts_with("new: no number"), "{problems:?}");
        assert!(problems[1].starts_with("old: is no step"), "{problems:?}");
        let accepted_now = accepted(&new, "a");
        assert!(Table::new(&new, &accepted_now, "a").problems().is_empty());
    }

    #[test]
    fn other_tools_are_named() {
        let steps = [counted("step", 5)];
        let accepted = accepted(&steps, "rustc 1");
        let markdown = Table::new(&steps, &accepted, "rustc 2").to_markdown();
        assert!(markdown.contains("rustc 1; here rustc 2."), "{markdown}");
    }

    #[test]
    fn the_number_is_found_in_what_valgrind_says() {
        let said = "==7== Events    : Ir\n==7== Collected : 281193\n==7==\n";
        assert_eq!(collected(said), Some(281_193));
        assert_eq!(collected("==7== Process terminating"), None);
        assert_eq!(grouped(1_281_193), "1,281,193");
        assert_eq!(rounded(149, 100), 1);
        assert_eq!(rounded(150, 100), 2);
    }
}
