//! What holds of any model that a manifest declares: it is served with a region and an id, or what is wrong with it is
//! shown, and no secret in either.

use model_registry::{Options, validate};
use secrets::{Environment, Stores, resolve};

/// The value of every variable that a reference may name.
const SECRET: &str = "vHq8Zt2LmXw4";

/// Checks a model: the first line is its `from`, the others its `params`.
///
/// # Panics
///
/// Where what comes of it breaks a rule.
pub(crate) fn check(text: &str) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        panic!("there is no runtime")
    };
    runtime.block_on(declared(text));
}

async fn declared(text: &str) {
    let mut lines = text.lines();
    let from = lines.next().unwrap_or_default();
    let mut manifest =
        format!("version: v1\nkind: Spicepod\nname: demo\nmodels:\n  - from: {from}\n    name: nova\n");
    manifest.push_str("    params:\n");
    for line in lines {
        manifest.push_str("      ");
        manifest.push_str(line);
        manifest.push('\n');
    }
    let loaded = spicepod::parse("spicepod.yaml", &manifest);
    // With a region, nobody has to ask the machine for one.
    let variables = [("AWS_REGION", "us-east-1"), ("AWS_EC2_METADATA_DISABLED", "true"), ("SECRET", SECRET)];
    let environment = Environment::from_pairs(variables);
    let stores = Stores::environment(&environment);
    let (resolved, mut problems) = resolve(&loaded.spicepod, &stores, &|_| false).await;
    let (specs, found) = validate(&resolved.models, &stores, &environment, &Options::default()).await;
    problems.extend(loaded.problems);
    problems.extend(found);
    let shown = loaded.sources.render(&problems);
    assert!(!shown.contains(SECRET), "a secret is shown: {shown}");
    assert!(
        problems.iter().all(|problem| !problem.is_error() || problem.advice().is_some()),
        "no help: {shown}"
    );
    let is_refused = problems.iter().any(spicepod::Problem::is_error);
    assert!(is_refused || specs.len() == loaded.spicepod.models.len(), "a model is gone without a word");
    for spec in &specs {
        let summary = spec.summary();
        assert!(!summary.regions.is_empty(), "a model without a region: {manifest}");
        assert!(!format!("{spec:?}").contains(SECRET), "a secret is shown");
    }
}
