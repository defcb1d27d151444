//! Texts that are made to cost time or memory: each is refused, or loads, before anyone would wonder.

#![expect(clippy::panic, reason = "a failed assertion names its case")]

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const HEAD: &str = "version: v1\nkind: Spicepod\nname: demo\n";

/// Far beyond what any of them takes of a processor, and far below what a text costs that gets through.
const LIMIT: Duration = Duration::from_secs(10);

/// What gets through may go on for hours.
const PATIENCE: Duration = Duration::from_secs(300);

/// Parses a text at a bounded cost, and gives what is shown of it. How long that takes depends on what else the machine
/// does.
fn shown(text: &str) -> String {
    let (sender, receiver) = mpsc::channel();
    let owned = text.to_owned();
    thread::spawn(move || {
        let loaded = spicepod::parse("spicepod.yaml", &owned);
        sender.send((loaded.sources.render(&loaded.problems), spent()))
    });
    let start: String = text.chars().take(100).collect();
    let (shown, spent) = receiver.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{error}: {start}"));
    assert!(spent < LIMIT, "{spent:?} of a processor: {start}");
    shown
}

/// The time of a processor that this thread has had; none where the system does not tell.
fn spent() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(told.split(' ').next().and_then(|spent| spent.parse().ok()).unwrap_or_default())
}

fn refused(text: &str, expected: &str) {
    let shown = shown(text);
    let start: String = shown.chars().take(500).collect();
    assert!(shown.contains(expected), "{expected} is not in: {start}");
    assert!(shown.contains(": error: "), "{start}");
}

#[test]
fn deep_nesting_of_every_style_is_refused_at_once() {
    let times = 100_000;
    for text in ["{a: ", "[", "- ", "? ", "{", "[a, "] {
        refused(&text.repeat(times), "nested deeper than 64 levels");
        refused(&format!("{HEAD}metadata: {}", text.repeat(times)), ": error: ");
    }
    let steps: String = (0..1000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    refused(&steps, "nested deeper than 64 levels");
}

#[test]
fn aliases_expand_to_nothing_large() {
    let level =
        |name: char, of: char| format!("  {name}: &{name} [{}]\n", vec![format!("*{of}"); 9].join(", "));
    let levels: String = ('b'..='i').zip('a'..='h').map(|(name, of)| level(name, of)).collect();
    let laughs = format!("{HEAD}metadata:\n  a: &a [x, x, x, x, x, x, x, x, x]\n{levels}");
    refused(&laughs, "aliases expand the manifest");
    // One long text instead of many short ones.
    let long =
        format!("{HEAD}metadata:\n  a: &a {}\n  b: [{}]\n", "x".repeat(500_000), "*a,".repeat(100_000));
    refused(&long, "aliases expand the manifest");
    let key = format!(
        "{HEAD}metadata:\n  a: &a {{? {} : 1}}\n  b:\n{}",
        "x".repeat(400_000),
        "  - <<: *a\n".repeat(40_000)
    );
    refused(&key, "aliases expand the manifest");
    // Depth by aliases, which no bracket shows.
    let step = |n: usize| format!("  a{}: &a{} {}*a{n}{}\n", n + 1, n + 1, "[".repeat(50), "]".repeat(50));
    let steps: String = (0..100).map(step).collect();
    refused(&format!("{HEAD}metadata:\n  a0: &a0 x\n{steps}"), "nested deeper than 64 levels");
}

#[test]
fn many_keys_do_not_cost_much() {
    let keys: String = (0..70_000).map(|n| format!("  k{n}: 1\n")).collect();
    assert_eq!(shown(&format!("{HEAD}metadata:\n{keys}")), "");
}

#[test]
fn many_anchors_do_not_cost_much() {
    let anchors: String = (0..40_000).map(|n| format!("&a{n} x,*a{n},")).collect();
    assert_eq!(shown(&format!("{HEAD}metadata:\n  a: [{anchors}]\n")), "");
}

#[test]
fn many_problems_do_not_cost_much() {
    let unknown: String = (0..70_000).map(|n| format!("k{n}: 1\n")).collect();
    refused(&format!("{HEAD}{unknown}"), "these are the first 1000 problems");
}

#[test]
fn a_key_that_stands_there_for_many_times_does_not_cost_much() {
    let twice = "a: 1\n".repeat(100_000);
    refused(&format!("{HEAD}{twice}"), "stands here twice");
}

#[test]
fn a_long_key_is_cut() {
    let long = format!("{HEAD}? {}\n: 1\n", "a".repeat(900_000));
    refused(&long, "is not a key of a manifest");
    assert!(shown(&long).len() < 2000, "a long key is cut");
}

#[test]
fn a_text_beyond_one_mebibyte_is_refused() {
    let comment = "#".repeat(1024 * 1024 - HEAD.len());
    assert_eq!(shown(&format!("{HEAD}{comment}")), "");
    refused(&format!("{HEAD}{comment}#"), "has 1048577 bytes, and at most 1048576 are read");
    let folder = tempfile::tempdir().unwrap();
    // The limit falls into the middle of a character.
    std::fs::write(folder.path().join("spicepod.yaml"), format!("{HEAD}#{}", "é".repeat(1024 * 1024)))
        .unwrap();
    let loaded = spicepod::load(folder.path());
    let shown = loaded.sources.render(&loaded.problems);
    assert!(shown.contains("has 2097191 bytes, and at most 1048576 are read"), "{shown}");
}

/// So many models.
fn models(count: usize) -> String {
    let model =
        |n| format!("- {{from: bedrock:amazon.nova-lite-v1:0, name: m{n}, params: {{a: 1, b: 2, c: 3}}}}\n");
    format!("{HEAD}models:\n{}", (0..count).map(model).collect::<String>())
}

#[test]
fn ten_thousand_models_are_served() {
    assert_eq!(shown(&models(10_000)), "");
}

#[test]
fn more_than_ten_thousand_models_are_refused() {
    refused(
        &models(10_001),
        "spicepod.yaml:4:1: error: models: has 10001 entries, and at most 10000 are served",
    );
}

#[test]
fn ten_thousand_models_with_shared_parts_are_served() {
    let shared: String = (0..10_000).map(|n| format!("- {{<<: *m, name: m{n}}}\n")).collect();
    let base = "metadata: {m: &m {from: a:b, params: {a: 1, b: 2, c: 3, d: 4, e: 5}}}\n";
    assert_eq!(shown(&format!("{HEAD}{base}models:\n{shared}")), "");
}

#[test]
fn a_nul_and_bytes_that_are_no_text_are_refused() {
    refused("version: v1\0\n", r"spicepod.yaml:1:12: error: the character \u{0} cannot stand in a manifest");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spicepod.yaml");
    std::fs::write(&path, b"version: v1\nname: \xff\n").unwrap();
    let loaded = spicepod::load(&path);
    let shown = loaded.sources.render(&loaded.problems);
    assert!(shown.contains("spicepod.yaml: error: is not UTF-8 (line 2)\nhelp: save it as UTF-8"), "{shown}");
}

#[test]
fn what_is_no_file_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let shown = |path: &std::path::Path| {
        let loaded = spicepod::load(path);
        loaded.sources.render(&loaded.problems)
    };
    assert!(shown(folder.path()).contains("there is no spicepod.yaml or spicepod.yml in this folder"));
    assert!(
        shown(&folder.path().join("nope.yaml")).contains("nope.yaml: error: cannot be read: No such file")
    );
    if std::path::Path::new("/dev/zero").exists() {
        assert!(shown("/dev/zero".as_ref()).contains("is not a regular file"));
    }
}

#[cfg(unix)]
#[test]
fn a_link_does_not_lead_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let pod = folder.path().join("pod");
    std::fs::create_dir(&pod).unwrap();
    std::fs::write(folder.path().join("model.yaml"), "from: a:b\nname: m\n").unwrap();
    std::os::unix::fs::symlink(folder.path(), pod.join("link")).unwrap();
    std::fs::write(pod.join("spicepod.yaml"), format!("{HEAD}models:\n  - ref: link\n")).unwrap();
    let loaded = spicepod::load(&pod);
    let shown = loaded.sources.render(&loaded.problems);
    assert!(
        shown.contains("spicepod.yaml:5:10: error: models[0].ref: the file lies outside the folder"),
        "{shown}"
    );
    assert!(loaded.spicepod.models.is_empty());
}
