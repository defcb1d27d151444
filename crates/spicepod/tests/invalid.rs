//! Bad manifests in, what `spicerack check` says about them out.
//!
//! Each `tests/invalid/<case>.yaml` has a `<case>.txt` that holds every problem as a user sees it.

#![expect(clippy::unwrap_used, reason = "a failed assertion names its case")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Files that the manifests of the cases refer to, next to them.
const FILES: &[(&str, &str)] = &[
    ("outside.yaml", "from: bedrock:amazon.nova-lite-v1:0\nname: outside\n"),
    ("pod/models/good/model.yaml", "from: bedrock:amazon.nova-lite-v1:0\nname: good\n"),
    ("pod/models/empty/model.yml", "# nothing yet\n"),
    ("pod/models/bad.yaml", "from: bedrock:amazon.nova-lite-v1:0\nnam: bad\n"),
    ("pod/models/folder.yaml/note", ""),
    (
        "pod/spicepods/team/pod/spicepod.yaml",
        "version: v1\nkind: Spicepod\nname: team\nruntime: {}\nmodels:\n  - from: bedrock:amazon.nova-lite-v1:0\n    name: team\n",
    ),
];

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/invalid");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.collect::<BTreeSet<_>>().into_iter().filter(|path| path.extension().unwrap() == "yaml").collect()
}

/// Loads a case as the manifest of a folder, and shows its problems without the folder's name.
fn shown(case: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in FILES {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let pod = folder.path().join("pod");
    fs::copy(case, pod.join("spicepod.yaml")).unwrap();
    let loaded = spicepod::load(&pod);
    assert!(loaded.problems.iter().any(spicepod::Problem::is_error), "{} has no error", case.display());
    let shown = loaded.sources.render(&loaded.problems);
    shown.replace(&format!("{}/", pod.display()), "").replace(&pod.display().to_string(), ".")
}

/// The lines of two texts, side by side where they differ.
fn difference(expected: &str, actual: &str) -> String {
    let (expected, actual): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let mut text = String::new();
    for line in 0..expected.len().max(actual.len()) {
        let (wanted, found) = (expected.get(line), actual.get(line));
        if wanted != found {
            let wanted = wanted.map_or("(nothing)", |line| line);
            let found = found.map_or("(nothing)", |line| line);
            writeln!(text, "  line {}\n    expected {wanted}\n    actual   {found}", line + 1).unwrap();
        }
    }
    text
}

#[test]
fn every_bad_manifest_is_refused_in_exactly_these_words() {
    let cases = cases();
    assert!(cases.len() >= 45, "only {} cases were found", cases.len());
    let mut failures = String::new();
    for case in cases {
        let expected = fs::read_to_string(case.with_extension("txt")).unwrap_or_default();
        let actual = shown(&case);
        if expected != actual {
            let difference = difference(&expected, &actual);
            writeln!(failures, "{}\n{difference}  the whole text:\n{actual}", case.display()).unwrap();
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn every_problem_says_where_it_is_and_what_to_write_instead() {
    for case in cases() {
        let shown = shown(&case);
        let errors = shown.lines().filter(|line| line.contains(": error: ")).count();
        let helps = shown.lines().filter(|line| line.starts_with("help: ")).count();
        assert!(helps >= errors, "{}:\n{shown}", case.display());
        assert!(!shown.contains("hunter2"), "{} shows a secret:\n{shown}", case.display());
    }
}

#[test]
fn every_expectation_belongs_to_a_case() {
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/invalid")).unwrap() {
        let path = entry.unwrap().path();
        let Some(extension) = path.extension() else { panic!("{} is no case", path.display()) };
        assert!(extension == "yaml" || extension == "txt", "{} is no case", path.display());
        assert!(path.with_extension("yaml").is_file(), "{} has no case", path.display());
    }
}
