//! Keys as digests: what is compared, and what is kept.

use http::HeaderMap;
use secrets::{ApiKey, Auth};

use super::*;

const TEXTS: [&str; 4] = ["sk-first", "sk-second", "sk-third", "sk-last"];

fn keys() -> Keys {
    let key = |text: &&str| ApiKey {
        key: SecretString::from(*text),
        name: Some((*text).replace("sk", "name")),
        models: None,
        limits: KeyLimits::default(),
    };
    Keys::new(&Auth { keys: TEXTS.iter().map(key).collect() })
}

fn digest(text: &str) -> Digest32 {
    Sha256::digest(text).into()
}

#[test]
fn every_key_is_compared_whichever_is_presented() {
    let keys = keys();
    let strangers = ["", "sk-firs", "sk-first2", "sk-seconD", "x"];
    for text in TEXTS.into_iter().chain(strangers) {
        let presented = digest(text);
        let mut compared = Vec::new();
        let found = keys.of_digest(&presented, |known, given| {
            assert_eq!(*given, presented);
            compared.push(*known);
            known.ct_eq(given)
        });
        assert_eq!(compared, TEXTS.map(digest), "{text}");
        let name = found.and_then(|caller| caller.name.clone());
        let expected = TEXTS.contains(&text).then(|| text.replace("sk", "name"));
        assert_eq!(name, expected, "{text}");
    }
}

#[test]
fn what_is_not_presented_as_a_key_is_none() {
    let keys = keys();
    let carried = |name: &'static str, values: &[&'static str]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, HeaderValue::from_static(value));
        }
        keys.caller(&headers).and_then(|caller| caller.name.clone())
    };
    assert_eq!(carried("authorization", &["Bearer sk-last"]).as_deref(), Some("name-last"));
    assert_eq!(carried("x-api-key", &["sk-last"]).as_deref(), Some("name-last"));
    for values in [&["sk-last"][..], &["Basic sk-last"], &["Bearer"], &["Bearer sk-last", "Bearer sk-last"]] {
        assert_eq!(carried("authorization", values), None, "{values:?}");
    }
}

#[test]
fn neither_a_key_nor_its_digest_is_rendered() {
    let keys = keys();
    let caller = keys.of_digest(&digest("sk-first"), |one, other| one.ct_eq(other)).unwrap();
    // `printf %s sk-first | sha256sum`
    assert_eq!(&*caller.key_id, "2a19f16b");
    let shown = format!("{keys:?} {caller:?}");
    let whole: String = digest("sk-first").iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!shown.contains("sk-first") && !shown.contains(&whole), "{shown}");
}
