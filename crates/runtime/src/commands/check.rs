//! `spicerack check`.

use std::path::Path;

use model_registry::ModelSpec;
use snafu::ResultExt as _;
use unicode_width::UnicodeWidthStr as _;

use super::error::{Error, OutputSnafu};
use crate::manifest::prepare;
use crate::output;

const COLUMNS: [&str; 5] = ["NAME", "FROM", "REGION", "CREDENTIALS", "GUARDRAIL"];

/// Shows all problems of a manifest, or the table of what it would serve.
pub(crate) async fn check(path: &Path) -> Result<(), Error> {
    let prepared = prepare(path, None).await;
    output::tell(&prepared.report());
    if !prepared.is_valid() {
        return Err(Error::Manifest);
    }
    output::answer(&table(&prepared.specs)).context(OutputSnafu)
}

fn table(specs: &[ModelSpec]) -> String {
    let models = specs.iter().map(|spec| {
        let summary = spec.summary();
        [spec.name(), spec.from(), &summary.region, &summary.credentials, &summary.guardrail]
    });
    let rows: Vec<[&str; 5]> = std::iter::once(COLUMNS).chain(models).collect();
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
