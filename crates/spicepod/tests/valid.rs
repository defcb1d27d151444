//! Good manifests in, what a server would serve out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed assertion names its case")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use spicepod::{Loaded, ParamValue, Spicepod, Version};

fn valid(name: &str) -> Loaded {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/valid").join(name).with_extension("yaml");
    spicepod::load(&path)
}

/// Loads a manifest that nothing is wrong with.
fn clean(name: &str) -> Spicepod {
    let loaded = valid(name);
    assert_eq!(loaded.sources.render(&loaded.problems), "", "{name}");
    loaded.spicepod
}

fn warnings(loaded: &Loaded) -> Vec<&str> {
    for problem in &loaded.problems {
        assert!(!problem.is_error(), "{}", loaded.sources.render(&loaded.problems));
    }
    loaded.problems.iter().map(spicepod::Problem::message).collect()
}

fn number(value: &ParamValue) -> f64 {
    let ParamValue::Number(number) = value else { panic!("{value:?} is no number") };
    number.as_f64().unwrap()
}

#[test]
fn a_manifest_without_models_serves_none() {
    for name in ["minimal", "models_with_nothing"] {
        let spicepod = clean(name);
        assert_eq!((spicepod.name.as_str(), spicepod.version), ("demo", Version::V1));
        assert!(spicepod.models.is_empty() && spicepod.workers.is_empty() && spicepod.secrets.is_empty());
    }
    let spicepod = clean("version_two");
    assert_eq!((spicepod.name.as_str(), spicepod.version), ("no", Version::V2));
}

#[test]
fn the_form_of_the_text_does_not_matter() {
    for name in ["byte_order_mark_and_crlf", "flow_style"] {
        let spicepod = clean(name);
        assert_eq!(spicepod.models[0].name, "nova", "{name}");
        assert_eq!(spicepod.models[0].from, "bedrock:amazon.nova-lite-v1:0", "{name}");
    }
}

#[test]
fn anchors_and_merge_keys_give_the_values_that_stand_nearest() {
    let spicepod = clean("anchors");
    let nova = &spicepod.models[0].params;
    // What is written comes first and in its order; what is merged follows.
    assert_eq!(
        nova.keys().collect::<Vec<_>>(),
        ["zeta", "alpha", "system_prompt", "temperature", "aws_region"]
    );
    assert!(number(&nova["temperature"]).abs() < f64::EPSILON, "the merged mapping has merged one itself");
    assert_eq!(nova["aws_region"], ParamValue::String("us-east-1".to_owned()));
    assert_eq!(nova["system_prompt"], ParamValue::String("You are terse: one word.\n".to_owned()));
    assert_eq!(spicepod.models[1].name, "second");
    assert_eq!(spicepod.models[1].params, *nova);
    let third = &spicepod.models[2].params;
    assert!(number(&third["temperature"]).abs() < f64::EPSILON, "the first of a list wins");
    assert!((number(&third["top_p"]) - 0.9).abs() < f64::EPSILON);
}

#[test]
fn parameters_stay_as_they_are_written() {
    let spicepod = clean("params_of_every_kind");
    let model = &spicepod.models[0];
    assert_eq!(model.description, None);
    assert!(matches!(&model.metadata["owner"], ParamValue::List(items) if items.len() == 2));
    let text = |text: &str| ParamValue::String(text.to_owned());
    let params = &model.params;
    assert_eq!(params["nothing"], ParamValue::Null);
    assert_eq!(params["truth"], ParamValue::Bool(true));
    assert_eq!(params["whole"], ParamValue::Number(7.into()));
    assert_eq!(params["negative"], ParamValue::Number((-3).into()));
    assert_eq!(params["hexadecimal"], ParamValue::Number(31.into()));
    assert!((number(&params["float"]) - 0.7).abs() < f64::EPSILON);
    assert_eq!(params["text"], text("no"));
    assert_eq!(params["zip"], text("007"));
    assert_eq!(params["tagged"], text("12"));
    assert_eq!(params["list"], ParamValue::List(vec![ParamValue::Number(1.into()), text("two")]));
    assert_eq!(params["reference"], text("${ secrets:KEY }"));
    assert_eq!(params.keys().next_back().unwrap(), "reference");
}

#[test]
fn keys_of_callers_are_texts_or_mappings_under_both_spellings() {
    let auth = clean("auth_with_a_hyphen").runtime.auth.unwrap();
    assert!(auth.enabled);
    assert_eq!(auth.keys[0].key, "${ secrets:API_KEY }");
    assert_eq!(auth.keys[0].models, None);
    assert_eq!(auth.keys[1].name.as_deref(), Some("team"));
    assert_eq!(auth.keys[1].models.as_deref(), Some(&["nova".to_owned()][..]));
    assert_eq!(auth.keys[2].models.as_deref(), Some(&[][..]), "nothing is no model, and not every model");
    let auth = clean("auth_with_an_underscore").runtime.auth.unwrap();
    assert!(!auth.enabled);
    assert_eq!(auth.keys[0].key, "${ secrets:API_KEY }");
}

#[test]
fn settings_of_the_process_are_read() {
    let runtime = clean("runtime").runtime;
    let cors = runtime.cors.unwrap();
    assert!(cors.enabled);
    assert_eq!(cors.allowed_origins, ["*"]);
    let tls = runtime.tls.unwrap();
    assert!(tls.enabled);
    assert_eq!(tls.certificate_file.as_deref(), Some("cert.pem"));
    assert_eq!(runtime.shutdown_timeout, Some(Duration::from_secs(30)));
    let runtime = clean("runtime_with_nothing").runtime;
    assert!(runtime.auth.is_none() && runtime.tls.is_none());
    assert!(runtime.cors.unwrap().allowed_origins.is_empty());
}

#[test]
fn secret_stores_keep_their_order_and_selectors() {
    let stores = clean("secret_stores").secrets;
    assert_eq!(stores[0].params["file_path"], ParamValue::String(".env.production".to_owned()));
    assert_eq!((stores[1].kind.as_str(), stores[1].name.as_str()), ("aws_secrets_manager", "team"));
    assert_eq!(stores[1].selector.as_deref(), Some("team/app"));
}

#[test]
fn workers_are_read_with_turns_and_shares() {
    let workers = clean("workers").workers;
    assert_eq!(
        workers.iter().map(|worker| worker.name.as_str()).collect::<Vec<_>>(),
        ["turns", "shares", "fallback", "both"]
    );
    assert_eq!(workers[1].routing[1].weight, Some(16));
    assert_eq!(workers[2].routing[0].order, Some(2));
    let both = &workers[3].routing;
    assert_eq!((both[0].order, both[0].weight, both[2].weight), (Some(1), Some(3), None));
}

#[test]
fn what_workers_do_in_spice_and_not_here_is_a_warning_each() {
    let loaded = valid("workers_of_spice");
    let not_served = |name: &str| format!("`{name}` is not served here, and has no effect");
    let expected = ["type", "cron", "params", "sql"].map(not_served);
    assert_eq!(warnings(&loaded), expected);
    let names: Vec<&str> = loaded.spicepod.workers.iter().map(|worker| worker.name.as_str()).collect();
    assert_eq!(names, ["scheduled"], "a worker that only runs SQL is none here");
}

#[test]
fn a_manifest_of_spice_loads_with_one_warning_for_each_section_that_is_not_served() {
    let loaded = valid("all_of_spice");
    let mut shown = warnings(&loaded);
    shown.sort_unstable();
    let mut expected: Vec<String> = "catalogs caching dataset_load_parallelism datasets datasets dependsOn \
        embeddings evals extensions files flight functions management memory_limit metrics metrics output_level \
        params query ready_state rerankers results_cache scheduler search_engines snapshots task_history telemetry \
        temp_directory tools tracing views"
        .split_whitespace()
        .map(|name| format!("`{name}` is not served here, and has no effect"))
        .collect();
    expected.push("`v1beta1` is an old version, read as `v1`".to_owned());
    expected.sort_unstable();
    assert_eq!(shown, expected);
    assert_eq!(loaded.spicepod.models[0].name, "nova");
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

#[test]
fn references_and_dependencies_bring_the_components_of_other_files() {
    let folder = tempfile::tempdir().unwrap();
    let head = "version: v1\nkind: Spicepod\nname: demo\n";
    let model = |name: &str| format!("from: bedrock:amazon.nova-lite-v1:0\nname: {name}\n");
    let root = format!(
        "{head}models:\n  - ref: models/first\n  - ref: ./models/second.yml\n  - {{from: x:y, name: third}}\nworkers:\n  - ref: workers/w\ndependencies: team/pod\n"
    );
    // References of a dependency count from its own folder.
    let dependency = format!("{head}models:\n  - ref: models/first\nsecrets: []\n");
    write(
        folder.path(),
        &[
            ("spicepod.yml", &root),
            ("models/first/model.yaml", &model("first")),
            ("models/second.yml", &model("second")),
            ("workers/w/worker.yaml", "name: w\nload_balance: {routing: [{from: first}]}\n"),
            ("spicepods/team/pod/spicepod.yaml", &dependency),
            ("spicepods/team/pod/models/first/model.yml", &model("fourth")),
        ],
    );
    let loaded = spicepod::load(folder.path());
    assert_eq!(warnings(&loaded), ["`secrets` of a dependency has no effect"]);
    let names: Vec<&str> = loaded.spicepod.models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["first", "second", "third", "fourth"]);
    let at = loaded.sources.position(&loaded.spicepod.models[3].at.clone().key("name")).unwrap();
    assert_eq!((at.line, at.column), (2, 7), "a problem with it is shown in its own file");
    assert_eq!(loaded.spicepod.workers[0].name, "w");
}

#[test]
fn debug_output_shows_no_values_that_may_be_secrets() {
    let text = "version: v1\nkind: Spicepod\nname: demo\nmodels:\n  - from: a:b\n    name: m\n    params: {aws_secret_access_key: hunter2}\nruntime:\n  auth: {api-key: {keys: [hunter2, {key: hunter2}]}}\n  tls: {key: hunter2}\n";
    let loaded = spicepod::parse("spicepod.yaml", text);
    assert!(loaded.problems.is_empty());
    assert!(!format!("{loaded:?}").contains("hunter2"));
}
