//! `spicerack check`.

use std::time::Duration;

use futures_util::future::join_all;
use model_registry::{Access, ModelSpec, Sessions, Summary, describe_worker};
use snafu::{ResultExt as _, ensure};
use unicode_width::UnicodeWidthStr as _;

use super::error::{Error, OutputSnafu, UnresolvedSnafu};
use crate::cli::CheckArgs;
use crate::manifest::prepare;
use crate::output;

const COLUMNS: [&str; 5] = ["NAME", "FROM", "REGION", "CREDENTIALS", "GUARDRAIL"];

const WORKER_COLUMNS: [&str; 2] = ["WORKER", "ROUTING"];

const POLICY_COLUMNS: [&str; 2] = ["NAME", "POLICY"];

const ONLINE_COLUMNS: [&str; 5] = ["NAME", "REGION", "SOURCE", "EXPIRES", "STATUS"];

/// All credentials must be found within this.
const DEADLINE: Duration = Duration::from_secs(30);

/// Shows all problems of a manifest, or the table of what it would serve, or whose credentials it would use.
pub(crate) async fn check(arguments: &CheckArgs) -> Result<(), Error> {
    let prepared = prepare(&arguments.path, None, &Sessions::default()).await;
    output::tell(&prepared.report());
    if !prepared.is_valid() {
        return Err(Error::Manifest);
    }
    if arguments.online {
        return online(&prepared.specs).await;
    }
    let models = prepared.specs.iter().map(|spec| {
        let Summary { credentials, guardrail, .. } = spec.summary();
        let region = spec.summary().region();
        [spec.name().to_owned(), spec.from().to_owned(), region, credentials.clone(), guardrail.clone()]
    });
    let mut text = table(&COLUMNS, models);
    if !prepared.specs.is_empty() {
        text.push('\n');
        text.push_str(&if arguments.verbose { policies(&prepared.specs) } else { in_words(&prepared.specs) });
    }
    if !prepared.workers.is_empty() {
        let workers = prepared.workers.iter().map(|worker| [worker.name.clone(), describe_worker(worker)]);
        text.push('\n');
        text.push_str(&table(&WORKER_COLUMNS, workers));
    }
    output::answer(&text).context(OutputSnafu)
}

/// The policy by which each model is called, in a line: what it has no limit of is left out.
fn in_words(specs: &[ModelSpec]) -> String {
    let rows = specs.iter().map(|spec| {
        let policy = spec.summary().policy.iter().filter(|(_, value)| value != "-");
        let words: Vec<String> =
            policy.map(|(name, value)| format!("{} {value}", name.to_lowercase())).collect();
        [spec.name().to_owned(), words.join(", ")]
    });
    table(&POLICY_COLUMNS, rows)
}

/// The policy by which each model is called, each part of it in a column.
fn policies(specs: &[ModelSpec]) -> String {
    let mut columns = vec!["NAME"];
    for (column, _) in specs.iter().flat_map(|spec| &spec.summary().policy) {
        if !columns.contains(column) {
            columns.push(column);
        }
    }
    let rows = specs.iter().map(|spec| {
        let policy = &spec.summary().policy;
        let cell = |column: &&str| {
            let found = policy.iter().find(|(name, _)| name == column);
            found.map_or("-", |(_, value)| value.as_str())
        };
        let cells = columns.iter().skip(1).map(cell);
        std::iter::once(spec.name()).chain(cells).map(str::to_owned).collect::<Vec<_>>()
    });
    table(&columns, rows)
}

async fn online(specs: &[ModelSpec]) -> Result<(), Error> {
    let late = || Err(format!("was not found within {} s", DEADLINE.as_secs()));
    let finding = specs.iter().map(|spec| tokio::time::timeout(DEADLINE, spec.access()));
    let found: Vec<Result<Access, String>> =
        join_all(finding).await.into_iter().map(|result| result.unwrap_or_else(|_| late())).collect();
    let rows = specs.iter().zip(&found).map(|(spec, found)| row(spec, found));
    output::answer(&table(&ONLINE_COLUMNS, rows)).context(OutputSnafu)?;
    let mut failed = 0_usize;
    for (spec, found) in specs.iter().zip(&found) {
        match found {
            Ok(access) => {
                for passed in &access.passed {
                    let name = spec.name();
                    output::tell(&format!(
                        "warning: {name}: a source does not work; another one serves: {passed}\n"
                    ));
                }
            }
            Err(reason) => {
                failed = failed.saturating_add(1);
                output::tell(&format!("{}: {reason}\n", spec.name()));
            }
        }
    }
    ensure!(failed == 0, UnresolvedSnafu { failed });
    Ok(())
}

fn row(spec: &ModelSpec, found: &Result<Access, String>) -> [String; 5] {
    let summary = spec.summary();
    let (source, expires, status) = match found {
        Ok(Access { source, expires_in, .. }) => {
            (source.clone(), expires_in.map_or("-".to_owned(), expiry), "ok")
        }
        Err(_) => (summary.credentials.clone(), "-".to_owned(), "failed"),
    };
    [spec.name().to_owned(), summary.region(), source, expires, status.to_owned()]
}

/// Says when something ends: `in 59m`.
fn expiry(left: Duration) -> String {
    let (days, hours, minutes) = (left.as_secs() / 86400, left.as_secs() / 3600, left.as_secs() / 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("in {}s", left.as_secs()),
        (0, 0, _) => format!("in {minutes}m"),
        (0, _, _) => format!("in {hours}h{}m", minutes % 60),
        _ => format!("in {days}d"),
    }
}

/// Lines the columns up.
fn table<R: AsRef<[String]>>(columns: &[&str], rows: impl Iterator<Item = R>) -> String {
    let mut lines: Vec<Vec<String>> = vec![columns.iter().map(ToString::to_string).collect()];
    lines.extend(rows.map(|row| row.as_ref().to_vec()));
    let mut widths = vec![0; columns.len()];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.width());
        }
    }
    let mut text = String::new();
    for line in &lines {
        let mut shown = String::new();
        for (width, cell) in widths.iter().zip(line) {
            shown.push_str(cell);
            shown.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + 2));
        }
        text.push_str(shown.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_told_in_its_two_largest_units_at_most() {
        for (seconds, told) in [
            (0, "in 0s"),
            (59, "in 59s"),
            (3599, "in 59m"),
            (3600, "in 1h0m"),
            (43_100, "in 11h58m"),
            (200_000, "in 2d"),
        ] {
            assert_eq!(expiry(Duration::from_secs(seconds)), told);
        }
    }
}
