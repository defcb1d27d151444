//! Manifests in, values and problems out.

use std::collections::HashMap;

use super::*;
use crate::env::Environment;
use crate::store::{BoxFuture, SecretStore};
use crate::stores::{Selector, StoreKind, StoreKinds};

const MODEL: &str = "version: v1\nkind: Spicepod\nname: demo\nmodels:\n  - from: bedrock:amazon.nova-lite-v1:0\n    name: nova\n    params:\n";

struct Outcome {
    resolved: ResolvedSpicepod,
    shown: String,
}

impl Outcome {
    fn secret(&self, name: &str) -> &str {
        use secrecy::ExposeSecret as _;
        match self.resolved.models[0].params.get(name) {
            Some(Value::Secret(secret)) => secret.expose_secret(),
            other => panic!("{name} is {other:?}: {}", self.shown),
        }
    }
}

/// Kinds with a store that never works, and one that this build does not hold.
fn kinds() -> StoreKinds {
    StoreKinds::default()
        .with(StoreKind {
            name: "broken",
            selector: Selector::Required { what: "the place", example: "broken:here" },
            params: &["one", "two"],
            open: |opening| Ok(Box::new(Broken(opening.selector().to_owned(), opening.text("one")))),
        })
        .without("kubernetes", "secrets-kubernetes")
}

struct Broken(String, Option<String>);

impl SecretStore for Broken {
    fn get<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<SecretString>, StoreError>> {
        let message = format!("{} is broken", self.1.as_deref().unwrap_or("it"));
        Box::pin(async move { Err(StoreError::new(message, "mend it")) })
    }

    fn describe(&self) -> String {
        format!("shards {}", self.0)
    }

    fn advice(&self, key: &str) -> String {
        format!("glue {key}")
    }
}

/// Whether problems say each line of a text; excerpts stand between a message and its help.
fn says(outcome: &Outcome, expected: &str) -> bool {
    expected.lines().all(|line| outcome.shown.contains(line))
}

async fn run(manifest: &str, environment: &Environment, skip: fn(&str) -> bool) -> Outcome {
    let loaded = spicepod::parse("spicepod.yaml", manifest);
    let (stores, mut problems) = Stores::open(&loaded.spicepod.secrets, environment, &kinds());
    let (resolved, found) = resolve(&loaded.spicepod, &stores, &skip).await;
    problems.extend(loaded.problems);
    problems.extend(found);
    Outcome { resolved, shown: loaded.sources.render(&problems) }
}

async fn with_params(params: &str, variables: &[(&str, &str)]) -> Outcome {
    let environment = Environment::from_pairs(variables.iter().copied());
    run(&format!("{MODEL}{params}"), &environment, |_| false).await
}

#[tokio::test]
async fn a_reference_becomes_its_value_and_is_not_scanned_again() {
    let params = "      a: ${ secrets:KEY }\n      b: x ${env:KEY} ${ secrets:other }!\n      c: [plain, \"${ env:KEY }\"]\n      d: $5 {x}\n";
    let outcome = with_params(params, &[("KEY", "${ env:OTHER }"), ("SPICE_OTHER", "o")]).await;
    assert_eq!(outcome.shown, "");
    assert_eq!(outcome.secret("a"), "${ env:OTHER }");
    assert_eq!(outcome.secret("b"), "x ${ env:OTHER } o!");
    let params = &outcome.resolved.models[0].params;
    assert!(
        matches!(&params["c"], Value::List(items) if matches!(items[..], [Value::Text(_), Value::Secret(_)]))
    );
    assert!(matches!(&params["d"], Value::Text(text) if text == "$5 {x}"));
    assert!(!format!("{:?}", outcome.resolved).contains("OTHER"));
}

#[tokio::test]
async fn the_names_of_a_variable_are_tried_in_the_order_of_spice() {
    let names = ["SPICE_my_key", "my_key", "SPICE_MY_KEY", "MY_KEY"];
    for first in 0..names.len() {
        let variables: Vec<(&str, &str)> = names[first..].iter().map(|name| (*name, *name)).collect();
        let outcome = with_params("      a: ${ secrets:my_key }\n", &variables).await;
        assert_eq!(outcome.secret("a"), names[first]);
    }
}

#[tokio::test]
async fn a_missing_secret_names_the_reference_the_stores_and_the_place() {
    let outcome = with_params("      aws_access_key_id: ${ secrets:AWS_KEY }\n", &[]).await;
    assert!(outcome.shown.starts_with("spicepod.yaml:8:26: error: "), "{}", outcome.shown);
    assert!(
        outcome
            .shown
            .contains("`${ secrets:AWS_KEY }` is not in any of the stores searched: `env` (the environment)")
    );
    assert!(outcome.shown.contains("help: set AWS_KEY in the environment or in .env"));
    assert!(matches!(outcome.resolved.models[0].params["aws_access_key_id"], Value::Missing));
}

#[tokio::test]
async fn an_empty_secret_an_unknown_store_and_a_malformed_reference_are_problems() {
    let cases = [
        ("${ secrets:K }", "is empty in the store"),
        ("${ secret:K }", "did you mean `secrets`?"),
        ("${ vault:K }", "stores: env, secrets"),
        ("${ secrets.K }", "no `:`"),
        ("${ secrets:K", "never closed"),
    ];
    for (text, expected) in cases {
        let outcome = with_params(&format!("      a: \"{text}\"\n"), &[("K", "")]).await;
        assert!(outcome.shown.contains(expected), "{text}: {}", outcome.shown);
        assert!(matches!(outcome.resolved.models[0].params["a"], Value::Missing));
    }
}

#[tokio::test]
async fn a_malformed_reference_in_a_prompt_is_text() {
    let outcome = with_params("      system_prompt: \"cost: ${x} ${ env:K }\"\n", &[("K", "v")]).await;
    assert_eq!(outcome.secret("system_prompt"), "cost: ${x} v");
}

#[tokio::test]
async fn a_skipped_parameter_is_not_looked_up() {
    let manifest = format!("{MODEL}      aws_access_key_id: ${{ secrets:NOPE }}\n      b: 1\n");
    let outcome = run(&manifest, &Environment::default(), |name| name.starts_with("aws_")).await;
    assert_eq!(outcome.shown, "");
    assert_eq!(outcome.resolved.models[0].params.keys().collect::<Vec<_>>(), ["b"]);
}

#[tokio::test]
async fn the_process_wins_over_env_local_and_that_over_env() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), "A=env\nB=env\nC=env\n").unwrap();
    std::fs::write(folder.path().join(".env.local"), "A=local\nB=local\n").unwrap();
    std::fs::write(folder.path().join("other.env"), "B=other\n").unwrap();
    let process = HashMap::from([("A".to_owned(), "process".to_owned().into())]);
    let (environment, problems) = Environment::with_files(process, folder.path());
    assert!(problems.is_empty());
    let params = "      a: ${ env:A }\n      b: ${ env:B }\n      c: ${ env:C }\n";
    let outcome = run(&format!("{MODEL}{params}"), &environment, |_| false).await;
    assert_eq!((outcome.secret("a"), outcome.secret("b"), outcome.secret("c")), ("process", "local", "env"));

    let stores = "secrets:\n  - from: env\n  - {from: env, name: other, params: {file_path: other.env}}\n";
    let manifest = format!(
        "{MODEL}      a: ${{ secrets:A }}\n      b: ${{ secrets:B }}\n      c: ${{ env:B }}\n{stores}"
    );
    let outcome = run(&manifest, &environment, |_| false).await;
    assert_eq!(outcome.shown, "");
    assert_eq!(
        (outcome.secret("a"), outcome.secret("b"), outcome.secret("c")),
        ("process", "other", "local")
    );
}

#[tokio::test]
async fn stores_that_cannot_be_opened_are_problems() {
    let cases = [
        ("from: vault", "there is no secret store `vault`\nhelp: stores: env, file, broken"),
        ("from: enf", "there is no secret store `enf`\nhelp: did you mean `env`?"),
        ("from: kubernets", "there is no secret store `kubernets`\nhelp: did you mean `kubernetes`?"),
        ("from: hashicorp_vault:x", "the secret store `hashicorp_vault` is not served by this version"),
        (
            "from: kubernetes:team",
            "this build has no secret store `kubernetes`\nhelp: build it with `--features secrets-kubernetes`",
        ),
        ("from: env:x", "takes nothing behind a colon\nhelp: write `from: env`"),
        ("from: 'env:'", "takes nothing behind a colon"),
        ("from: file", "the store `file` wants the folder behind a colon"),
        ("from: 'file: '", "help: write for example `from: file:/run/secrets`"),
        ("{from: file:x, params: {mode: '1'}}", "has no parameter `mode`\nhelp: it takes none"),
        ("{from: env, params: {file_path: nope.env}}", "`nope.env` cannot be read"),
        ("{from: env, params: {file_path: ''}}", "`file_path` is empty"),
        ("{from: env, params: {file_path: [a]}}", "`file_path` is not text"),
        (
            "{from: env, params: {path: nope.env}}",
            "has no parameter `path`\nhelp: it takes `file_path` alone",
        ),
        ("{from: env, params: {file_pth: a}}", "help: did you mean `file_path`?"),
        ("{from: broken:x, params: {three: a}}", "help: it takes one, two"),
        ("{from: broken:x, params: {one: '${ env:NOPE }'}}", "`${ env:NOPE }` is not in the environment"),
        ("{from: broken:x, params: {one: '${ other:K }'}}", "looked up in the environment alone"),
        ("{from: broken:x, params: {one: '${ env }'}}", "begins no reference to a secret here"),
        ("{from: env, name: secrets}", "stands for all stores"),
    ];
    for (store, expected) in cases {
        let manifest = format!("version: v1\nkind: Spicepod\nname: demo\nsecrets:\n  - {store}\n");
        let outcome = run(&manifest, &Environment::default(), |_| false).await;
        assert!(says(&outcome, expected), "{store}: {}", outcome.shown);
        assert_eq!(outcome.shown.matches(": error: ").count(), 1, "{store}: {}", outcome.shown);
    }
}

#[tokio::test]
async fn a_store_that_fails_is_skipped_with_one_warning() {
    let environment = Environment::from_pairs([("A", "a"), ("B", "b"), ("WHAT", "the mill")]);
    let stores =
        "secrets:\n  - from: env\n  - {from: broken:x, name: mill, params: {one: \"${ env:WHAT }\"}}\n";
    let params = "      a: ${ secrets:A }\n      b: ${ secrets:B }\n";
    let outcome = run(&format!("{MODEL}{params}{stores}"), &environment, |_| false).await;
    assert_eq!((outcome.secret("a"), outcome.secret("b")), ("a", "b"));
    let expected = "spicepod.yaml:12:5: warning: secrets[1]: the store `mill` (shards x) is skipped: \
                    the mill is broken\nhelp: mend it";
    assert!(says(&outcome, expected), "{}", outcome.shown);
    assert_eq!(outcome.shown.matches("is broken").count(), 1, "{}", outcome.shown);

    // Without a reference, models look their keys up themselves.
    let loaded = spicepod::parse("spicepod.yaml", &format!("{MODEL}{stores}"));
    let (stores, _) = Stores::open(&loaded.spicepod.secrets, &environment, &kinds());
    assert!(stores.get("A").await.is_some() && stores.get("NOPE").await.is_none());
    assert_eq!((stores.warnings().len(), stores.warnings().len()), (1, 0));
}

#[tokio::test]
async fn only_where_every_store_fails_is_that_the_problem() {
    let stores = "secrets:\n  - from: env\n  - {from: broken:x, name: mill}\n";
    let params = "      a: ${ mill:A }\n      b: ${ secrets:B }\n";
    let outcome = run(&format!("{MODEL}{params}{stores}"), &Environment::default(), |_| false).await;
    for expected in [
        "models[0].params.a: `${ mill:A }` cannot be looked up: `mill` (shards x): it is broken\nhelp: mend it",
        "models[0].params.b: `${ secrets:B }` is not in any of the stores searched: `env` (the environment); \
         and these failed: `mill` (shards x): it is broken\nhelp: mend it",
    ] {
        assert!(says(&outcome, expected), "{}", outcome.shown);
    }
    let stores = "secrets:\n  - {from: broken:x, name: one}\n  - {from: broken:y, name: two}\n";
    let params = "      a: ${ secrets:A }\n";
    let outcome = run(&format!("{MODEL}{params}{stores}"), &Environment::default(), |_| false).await;
    let expected = "cannot be looked up: `two` (shards y): it is broken; `one` (shards x): it is broken";
    assert!(says(&outcome, expected), "{}", outcome.shown);
}

#[tokio::test]
async fn files_stand_beside_the_environment_and_the_last_store_wins() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("mounted")).unwrap();
    std::fs::write(folder.path().join("mounted/A"), "file\n").unwrap();
    let process =
        HashMap::from([("A".to_owned(), "env".to_owned().into()), ("B".to_owned(), "env".to_owned().into())]);
    let (environment, _) = Environment::with_files(process, folder.path());
    let params =
        "      a: ${ secrets:A }\n      b: ${ secrets:B }\n      c: ${ secrets:C }\n      d: ${ env:A }\n";
    let stores = "secrets:\n  - from: env\n  - {from: file:mounted, name: files}\n";
    let outcome = run(&format!("{MODEL}{params}{stores}"), &environment, |_| false).await;
    assert_eq!((outcome.secret("a"), outcome.secret("b"), outcome.secret("d")), ("file", "env", "env"));
    let expected = "searched: `files` (files in mounted), `env` (the environment)\n\
                    help: write the file mounted/C, or set C in the environment or in .env";
    assert!(says(&outcome, expected), "{}", outcome.shown);
}

#[tokio::test]
async fn api_keys_lose_their_suffix_and_must_be_usable() {
    use secrecy::ExposeSecret as _;
    let auth = |keys: &str| {
        format!(
            "version: v1\nkind: Spicepod\nname: demo\nruntime:\n  auth:\n    api-key:\n      enabled: true\n      keys: {keys}\n"
        )
    };
    let environment = Environment::from_pairs([("KEY", "abc:rw")]);
    let manifest = auth("['${ secrets:KEY }', 'def:ro', 'g:h', {key: ijk, name: team, models: [nova]}]");
    let outcome = run(&manifest, &environment, |_| false).await;
    let auth_of = outcome.resolved.runtime.auth.as_ref().unwrap();
    let keys: Vec<&str> = auth_of.keys.iter().map(|key| key.key.expose_secret()).collect();
    assert_eq!(keys, ["abc", "def", "g:h", "ijk"]);
    assert_eq!(auth_of.keys[3].name.as_deref(), Some("team"));

    for (keys, expected) in [
        ("[':rw']", "empty"),
        ("['a b']", "header"),
        ("[a, 'a:rw']", "twice"),
        ("['${ env:NO }']", "NO"),
        ("[]", "none in `keys`"),
        ("[{key: a, models: []}]", "may use no model"),
        ("[{key: a, models: [nova, nvoa]}]", "not declared: `nvoa`\nhelp: did you mean `nova`?"),
    ] {
        let models = "models:\n  - from: bedrock:us.amazon.nova-lite-v1:0\n    name: nova\n";
        let outcome = run(&format!("{}{models}", auth(keys)), &environment, |_| false).await;
        assert!(says(&outcome, expected), "{keys}: {}", outcome.shown);
        assert!(outcome.shown.contains("error"), "{keys}: {}", outcome.shown);
    }
}

#[tokio::test]
async fn braces_that_are_no_reference_are_problems_where_they_stand() {
    for (text, expected) in [
        ("${{ x }}", "it has two braces, and one is meant"),
        ("${{ secrets:K }}", "it has two braces, and one is meant"),
        ("${}", "no `:`"),
        ("${x}", "no `:`"),
        ("${ :K }", "the store's name is not a letter"),
        ("${ secrets: }", "the key is not a letter"),
        ("${ secrets:_K }", "the key is not a letter"),
        ("${ secrets:a.b }", "the key is not a letter"),
    ] {
        let outcome = with_params(&format!("      a: [x, \"{text}\"]\n"), &[("K", "v")]).await;
        assert!(
            outcome.shown.starts_with("spicepod.yaml:8:14: error: models[0].params.a[1]: "),
            "{}",
            outcome.shown
        );
        assert!(outcome.shown.contains(expected), "{text}: {}", outcome.shown);
        assert!(outcome.shown.contains("help: write `${ secrets:KEY }`"), "{text}: {}", outcome.shown);
    }
}

#[tokio::test]
async fn every_reference_of_a_text_that_has_no_value_is_named() {
    let outcome = with_params("      a: ${ env:A }-${ env:B }-${x}-${ env:C }\n", &[("B", "v")]).await;
    assert_eq!(outcome.shown.matches(": error: ").count(), 3, "{}", outcome.shown);
    for text in ["${ env:A }", "no `:`", "${ env:C }"] {
        assert!(outcome.shown.contains(text), "{}", outcome.shown);
    }
}

#[tokio::test]
async fn the_last_store_is_asked_first_and_all_that_were_searched_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("one.env", "A=one\nB=one\n"), ("two.env", "A=two\n"), (".env", "C=dot\n")] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let (environment, _) = Environment::with_files(HashMap::new(), folder.path());
    let store = |name: &str| format!("  - {{from: env, name: {name}, params: {{file_path: {name}.env}}}}\n");
    let params =
        "      a: ${ secrets:A }\n      b: ${ secrets:B }\n      c: ${ one:A }\n      d: ${ secrets:C }\n";
    let manifest = format!("{MODEL}{params}secrets:\n{}{}", store("one"), store("two"));
    let outcome = run(&manifest, &environment, |_| false).await;
    assert_eq!((outcome.secret("a"), outcome.secret("b"), outcome.secret("c")), ("two", "one", "one"));
    // A store with a file of its own does not read `.env`.
    let searched = "searched: `two` (the environment, two.env), `one` (the environment, one.env)";
    assert!(outcome.shown.contains(searched), "{}", outcome.shown);
}

#[tokio::test]
async fn spices_prefix_wins_wherever_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), "SPICE_KEY=prefixed\n").unwrap();
    let process = HashMap::from([("KEY".to_owned(), "plain".to_owned().into())]);
    let (environment, _) = Environment::with_files(process, folder.path());
    let outcome = run(&format!("{MODEL}      a: ${{ secrets:KEY }}\n"), &environment, |_| false).await;
    assert_eq!(outcome.secret("a"), "prefixed");
}

#[tokio::test]
async fn references_to_a_store_that_cannot_be_opened_add_no_problem() {
    let params = "      a: ${ vault:K }\n      b: ${ secrets:K }\n      c: ${ valt:K }\n";
    let manifest = format!("{MODEL}{params}secrets:\n  - from: env\n  - from: vault\n");
    let outcome = run(&manifest, &Environment::default(), |_| false).await;
    assert_eq!(outcome.shown.matches(": error: ").count(), 2, "{}", outcome.shown);
    assert!(outcome.shown.contains("there is no secret store `valt`"), "{}", outcome.shown);
}

#[tokio::test]
async fn certificates_and_their_files_may_be_references() {
    use secrecy::ExposeSecret as _;
    let manifest = |enabled: bool| {
        format!(
            "version: v1\nkind: Spicepod\nname: demo\nruntime:\n  tls:\n    enabled: {enabled}\n    certificate: ${{ env:CERT }}\n    key: ${{ env:KEY }}\n    certificate_file: ${{ env:DIR }}/c.pem\n    key_file: k.pem\n"
        )
    };
    let environment = Environment::from_pairs([("CERT", "cert"), ("KEY", "hunter2"), ("DIR", "/tls")]);
    let outcome = run(&manifest(true), &environment, |_| false).await;
    assert_eq!(outcome.shown, "");
    assert!(!format!("{:?}", outcome.resolved).contains("hunter2"));
    let tls = outcome.resolved.runtime.tls.unwrap();
    assert_eq!(tls.certificate.as_deref(), Some("cert"));
    assert_eq!(tls.certificate_file.as_deref(), Some("/tls/c.pem"));
    assert_eq!(tls.key_file.as_deref(), Some("k.pem"));
    assert_eq!(tls.key.unwrap().expose_secret(), "hunter2");
    let outcome = run(&manifest(false), &Environment::default(), |_| false).await;
    assert_eq!(outcome.shown, "", "what is switched off needs no secrets");
    assert!(!outcome.resolved.runtime.tls.unwrap().enabled);
}

#[tokio::test]
async fn debug_output_shows_no_value() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), "A=hunter2\n").unwrap();
    let process = HashMap::from([("B".to_owned(), "hunter2".to_owned().into())]);
    let (environment, _) = Environment::with_files(process, folder.path());
    let auth = "runtime:\n  auth: {api-key: {keys: [hunter2, '${ env:A }x']}}\n  tls: {key: hunter2}\n";
    let params = "      a: ${ env:A }\n      b: [{c: \"x ${ env:B }\"}]\n      aws_session_token: hunter2\n";
    let manifest = format!("{MODEL}{params}{auth}");
    let loaded = spicepod::parse("spicepod.yaml", &manifest);
    let stores = Stores::environment(&environment);
    let (resolved, problems) = resolve(&loaded.spicepod, &stores, &|_| false).await;
    assert!(problems.is_empty());
    let shown = format!("{environment:?} {stores:?} {resolved:?} {loaded:?} {problems:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("aws_session_token"), "{shown}");
}

#[tokio::test]
async fn a_malformed_line_is_warned_about_with_its_number_and_the_others_count() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), "A=1\nhunter2\nB=2\nC=\"hunter2\nD=4\n").unwrap();
    let (environment, problems) = Environment::with_files(HashMap::new(), folder.path());
    let shown = spicepod::Sources::default().render(&problems);
    assert!(!problems.iter().any(Problem::is_error) && problems.len() == 2, "{shown}");
    for expected in [
        ".env:2: warning: the line has no `=`, and is skipped\nhelp: write `NAME=value`",
        ".env:4: warning: the quote is never closed, and the line is skipped",
    ] {
        assert!(shown.contains(expected), "{shown}");
    }
    assert!(!shown.contains("hunter2"), "{shown}");
    let found = |name: &str| environment.get(name);
    assert_eq!(
        (found("A"), found("B"), found("C"), found("D")),
        (Some("1".into()), Some("2".into()), None, Some("4".into()))
    );
}

#[test]
fn a_file_that_is_none_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("secrets.env")).unwrap();
    let (environment, _) = Environment::with_files(HashMap::new(), folder.path());
    for (path, expected) in [("secrets.env", "not a regular file"), ("/dev/zero", "not a regular file")] {
        let error = environment.with_file(path).map(|_| ()).unwrap_err();
        assert!(error.contains(expected), "{path}: {error}");
    }
}
