//! Valid JSON, looked at without taking it apart.
//!
//! Schemas and arguments are most of an agent's request, and strings are most of them: what is asked here is answered
//! at the speed at which a string's end can be found.

use memchr::memchr2;

/// Says how deep valid JSON nests: 0 for a number, 1 for `{}`.
pub fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let mut rest = json.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'"' => rest = behind_string(behind),
            b'{' | b'[' => {
                depth = depth.saturating_add(1);
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Finds the value of a member of a valid JSON object: the text from its first byte on, or `None` where there is no
/// such member, or more than one. `key` is a name that needs no escapes.
pub fn member<'a>(json: &'a str, key: &str) -> Option<&'a str> {
    let mut found = None;
    let mut depth = 0_usize;
    let mut rest = json.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'"' => {
                rest = behind_string(behind);
                // Only a key has a colon behind it.
                let Some(value) = rest.trim_ascii_start().strip_prefix(b":").filter(|_| depth == 1) else {
                    continue;
                };
                let name = behind.strip_prefix(key.as_bytes());
                if name.is_some_and(|name| name.first() == Some(&b'"')) && found.replace(value).is_some() {
                    return None;
                }
            }
            b'{' | b'[' => depth = depth.saturating_add(1),
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    // What stands behind the first byte of a token begins at a character.
    std::str::from_utf8(found?.trim_ascii_start()).ok()
}

/// Skips a string whose opening quote is behind already.
fn behind_string(mut rest: &[u8]) -> &[u8] {
    while let Some(at) = memchr2(b'"', b'\\', rest) {
        let is_end = rest.get(at) == Some(&b'"');
        // An escape takes the byte behind it along.
        rest = rest.get(at.saturating_add(if is_end { 1 } else { 2 })..).unwrap_or_default();
        if is_end {
            return rest;
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_in_strings_do_not_nest() {
        assert_eq!(depth(r#"{"a":[{"[[[":"{\"{\\"}],"b":[]}"#), 3);
        assert_eq!(depth("5"), 0);
        assert_eq!(depth("{}"), 1);
    }

    #[test]
    fn a_member_is_found_where_it_is_the_objects_own_and_the_only_one() {
        for (json, expected) in [
            (r#"{"type":"object"}"#, Some("\"object\"}")),
            ("{ \"a\" : {\"type\": 1}, \"b\\\"type\": 2,\n\"type\" : \"x\" }", Some("\"x\" }")),
            (r#"{"a":"type","b":["type"],"é":"\\","type":{"é":1}}"#, Some("{\"é\":1}}")),
            (r#"{"a":{"type":"object"}}"#, None),
            (r#"{"typed":1,"a type":2}"#, None),
            (r#"{"type":1,"type":2}"#, None),
            ("[]", None),
        ] {
            assert_eq!(member(json, "type"), expected, "{json}");
        }
    }
}
