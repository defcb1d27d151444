//! JSON as text: looked at, and made shorter, without taking it apart.

/// How deep passed-on JSON may nest. A reader with the limit of `serde_json` still takes it with a body around it.
pub(crate) const DEEPEST: usize = 120;

/// Follows JSON text, piece by piece.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    in_string: bool,
    escaped: bool,
}

impl Cursor {
    /// Takes the next character, and says whether it belongs to a string.
    fn take(&mut self, c: char) -> bool {
        if !self.in_string {
            self.in_string = c == '"';
            return self.in_string;
        }
        if self.escaped {
            self.escaped = false;
        } else if c == '\\' {
            self.escaped = true;
        } else if c == '"' {
            self.in_string = false;
        }
        true
    }
}

/// Takes the white space out of JSON that arrives in pieces; keys, numbers and strings stay as they are.
///
/// What is no JSON does not become some: `1 000` stays two numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Compactor {
    cursor: Cursor,
    /// The last token is a number or a word, which another one would make longer.
    bare: bool,
    /// White space stood behind it.
    gap: bool,
}

impl Compactor {
    /// Appends what is left of the next piece.
    pub(crate) fn push(&mut self, piece: &str, out: &mut String) {
        for c in piece.chars() {
            if !self.cursor.take(c) {
                if matches!(c, ' ' | '\t' | '\n' | '\r') {
                    self.gap = true;
                    continue;
                }
                let bare = !matches!(c, '{' | '}' | '[' | ']' | ':' | ',');
                if bare && self.bare && self.gap {
                    out.push(' ');
                }
                self.bare = bare;
                self.gap = false;
            }
            out.push(c);
        }
    }
}

/// Takes the white space out of JSON.
pub(crate) fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    Compactor::default().push(json, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_white_space_between_tokens_goes() {
        let json = "{ \"b c\" :\t[1.50,\r\n \"x \\\" y \\\\\" , 1e5 ] , \"a\": \" \" }";
        let short = r#"{"b c":[1.50,"x \" y \\",1e5],"a":" "}"#;
        assert_eq!(compact(json), short);
        let mut pieces = String::new();
        let mut compactor = Compactor::default();
        json.chars().for_each(|c| compactor.push(&c.to_string(), &mut pieces));
        assert_eq!(pieces, short);
    }

    #[test]
    fn what_is_no_json_does_not_become_some() {
        for (text, short) in [
            ("[1 000]", "[1 000]"),
            ("[- 1 ]", "[- 1]"),
            ("{\"a\": tr ue}", "{\"a\":tr ue}"),
            ("[1\n\n2, \"a\" 3]", "[1 2,\"a\"3]"),
            ("[1 , 2 ]", "[1,2]"),
        ] {
            assert_eq!(compact(text), short);
            assert_eq!(compact(&compact(text)), short);
        }
    }
}
