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
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Compactor(Cursor);

impl Compactor {
    /// Appends what is left of the next piece.
    pub(crate) fn push(&mut self, piece: &str, out: &mut String) {
        for c in piece.chars() {
            if self.0.take(c) || !matches!(c, ' ' | '\t' | '\n' | '\r') {
                out.push(c);
            }
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
}
