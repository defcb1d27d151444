//! What holds of anything that a `credential_process` prints: it is keys, each of them a text of the output, or it is
//! refused by a clause that quotes nothing.

use serde_json::Value;

use super::{Printed, printed};

/// What is wrong with an output, in words that are the same whatever it is.
const REFUSALS: [&str; 5] = [
    "something that is not a JSON object",
    "no `\"Version\": 1`",
    "no `AccessKeyId`",
    "no `SecretAccessKey`",
    "an `Expiration` that is not a time",
];

/// Reads an output.
///
/// # Panics
///
/// Where it is taken for what it is not.
pub(crate) fn check(output: &[u8]) {
    let Printed { keys: (id, secret, token), expiry } = match printed(output) {
        Ok(printed) => printed,
        Err(error) => {
            let said = error.strip_prefix("its `credential_process` printed ");
            assert!(said.is_some_and(|said| REFUSALS.contains(&said)), "{error}");
            return;
        }
    };
    let Ok(Value::Object(members)) = serde_json::from_slice(output) else { panic!("it is no object") };
    let is_there = |name: &str, text: &str| {
        let mut named = members.iter().filter(|(member, _)| member.eq_ignore_ascii_case(name));
        named.any(|(_, value)| value.as_str() == Some(text))
    };
    assert!(!id.is_empty() && is_there("AccessKeyId", &id), "{id}");
    assert!(!secret.is_empty() && is_there("SecretAccessKey", &secret), "{secret}");
    assert!(token.is_none_or(|token| !token.is_empty() && is_there("SessionToken", &token)));
    let said = members.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("Expiration") && value.as_str().is_some_and(|text| !text.is_empty())
    });
    assert!(expiry.is_none() || said, "keys that nobody said would end");
    assert_eq!(members.get("Version").and_then(Value::as_u64), Some(1));
}
