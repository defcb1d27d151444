//! The documentation and the numbers name the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chat::{Leg, Readiness, Route, Standing};

use super::*;

/// A page on which every metric has something to say.
fn page() -> String {
    let metrics = Metrics::default();
    let model: Arc<str> = Arc::from("nova");
    let leg = Leg { model: Arc::clone(&model), region: None };
    let way = Route { leg, passed: Vec::new() };
    metrics.count(&Ended {
        route: "chat_completions",
        model: &model,
        status: 200,
        duration: Duration::from_secs(1),
        first_token: Some(Duration::from_secs(1)),
        usage: Some(Usage::default()),
        attempts: 1,
        way: Some(&way),
        budget_exhausted: true,
        failure: Some("throttled"),
    });
    metrics.overload.limited(Scope::Key, routing::Limit::Tokens);
    let mut now = Now::default();
    let leg = Leg { model: Arc::clone(&model), region: None };
    now.add(&model, &Readiness::Ready, vec![Standing { leg, left_out: false }]);
    metrics.text(now).unwrap()
}

/// The samples of a page: their names, each with its labels.
fn samples(page: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let samples = lines.map(|line| {
        let (sample, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = sample.split_once('{').unwrap_or((sample, ""));
        let labels = labels.trim_end_matches('}').split(',').filter_map(|label| label.split_once('='));
        (name, labels.map(|(name, _)| name).collect())
    });
    samples.collect()
}

/// What a page of the documentation says of our metrics: their names, each with the labels that it selects by.
fn mentioned(text: &str) -> Vec<(String, Vec<&str>)> {
    let pieces = text.split("spicerack_").skip(1);
    let mentioned = pieces.map(|piece| {
        let end = piece.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(piece.len());
        let (name, rest) = piece.split_at(end);
        let selected = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let labels = selected.map_or("", |(labels, _)| labels).split("\",");
        let labels = labels.filter_map(|label| label.split_once('=')).map(|(label, _)| label.trim());
        (format!("spicerack_{name}"), labels.collect())
    });
    // The prefix alone is no name.
    mentioned.filter(|(name, _)| name != "spicerack_").collect()
}

fn docs() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().and_then(Path::parent).unwrap();
    let pages = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|kind| kind == "md"));
    let pages = pages.chain([root.join("README.md"), root.join("CHANGELOG.md")]);
    pages.map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_metric_that_the_documentation_names_is_there_with_its_labels() {
    let page = page();
    let known = samples(&page);
    let mut count = 0;
    for (path, text) in docs() {
        for (name, labels) in mentioned(&text) {
            count += 1;
            // A histogram is called by its name, and asked for by those of its samples.
            let found = known.get(&*name).or_else(|| known.get(&*format!("{name}_bucket")));
            let Some(known) = found else { panic!("{path}: there is no `{name}`") };
            for label in labels {
                assert!(known.contains(label), "{path}: `{name}` has no label `{label}`");
            }
        }
    }
    assert!(count > 40, "{count}");
}

#[test]
fn every_metric_is_in_the_documentation() {
    let page = page();
    let (_, text) = docs().into_iter().find(|(path, _)| path.ends_with("docs/operations.md")).unwrap();
    let (_, table) = text.split_once("\n## Metrics\n").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let told: BTreeSet<String> = mentioned(table).into_iter().map(|(name, _)| name).collect();
    for name in samples(&page).into_keys() {
        let family =
            ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
        assert!(told.contains(family), "docs/operations.md does not tell of `{family}`");
        let row = table.lines().find(|line| line.contains(&format!("`{family}`"))).unwrap();
        for label in &samples(&page)[name] {
            assert!(
                *label == "le" || row.contains(&format!("`{label}`")),
                "`{family}` has a label `{label}`"
            );
        }
    }
}

#[test]
fn every_kind_of_failure_is_in_the_documentation() {
    let (_, text) = docs().into_iter().find(|(path, _)| path.ends_with("docs/operations.md")).unwrap();
    let (_, errors) = text.split_once("\n## What each error means\n").unwrap();
    let (errors, _) = errors.split_once("\n## ").unwrap();
    // What is wrong with a request is told in its message.
    let requests = ["invalid_request", "unsupported"];
    for kind in chat::ErrorKind::ALL.map(chat::ErrorKind::name) {
        assert!(requests.contains(&kind) || errors.contains(&format!("`{kind}`")), "{kind}");
    }
}
