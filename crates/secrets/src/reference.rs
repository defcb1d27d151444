//! `${ store:KEY }` in a text.

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Text as it is.
    Text(&'a str),
    /// A reference to a secret.
    Reference { store: &'a str, key: &'a str },
    /// `${` that begins no reference.
    Malformed { text: &'a str, reason: &'static str },
}

/// Splits a text; the pieces are never scanned again.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, reference) = rest.split_at(at);
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        let (piece, length) = read(reference);
        pieces.push(piece);
        rest = reference.split_at(length).1;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// Reads a reference, and says how long it is in bytes.
fn read(text: &str) -> (Piece<'_>, usize) {
    let body = text.strip_prefix("${").unwrap_or(text);
    let Some((inner, _)) = body.split_once('}') else {
        return (Piece::Malformed { text, reason: "it is never closed with `}`" }, text.len());
    };
    let length = text.len() - body.len() + inner.len() + 1;
    let whole = text.split_at(length).0;
    let malformed = |reason| (Piece::Malformed { text: whole, reason }, length);
    if inner.starts_with('{') {
        return malformed("it has two braces, and one is meant");
    }
    let Some((store, key)) = inner.split_once(':') else {
        return malformed("it has no `:` between the store and the key");
    };
    match (token(store), token(key)) {
        (Some(store), Some(key)) => (Piece::Reference { store, key }, length),
        (None, _) => malformed("the store's name is not a letter followed by letters, digits, `_` and `-`"),
        (_, None) => malformed("the key is not a letter followed by letters, digits, `_` and `-`"),
    }
}

/// A name with free white space around it.
fn token(text: &str) -> Option<&str> {
    let name = text.trim_matches([' ', '\t', '\n', '\r', '\u{c}']);
    let mut letters = name.chars();
    let valid = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    valid.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_stand_anywhere_in_a_text_with_free_space() {
        let found = pieces("a ${ secrets:KEY }${env:b-c_1}\t$ $$ {x} ${\n secrets \t: KEY\n} z");
        let expected = [
            Piece::Text("a "),
            Piece::Reference { store: "secrets", key: "KEY" },
            Piece::Reference { store: "env", key: "b-c_1" },
            Piece::Text("\t$ $$ {x} "),
            Piece::Reference { store: "secrets", key: "KEY" },
            Piece::Text(" z"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_malformed_reference_does_not_hide_the_next() {
        for malformed in [
            "${}",
            "${x}",
            "${ :K }",
            "${ s: }",
            "${ s:_K }",
            "${ s:1 }",
            "${{ s:K }",
            "${ s:a.b }",
            "${ s:ä }",
        ] {
            let text = format!("{malformed}${{ env:K }}");
            let found = pieces(&text);
            assert!(matches!(found[0], Piece::Malformed { text, .. } if text == malformed), "{found:?}");
            assert_eq!(found[1], Piece::Reference { store: "env", key: "K" });
        }
        assert!(matches!(pieces("x ${ s:K")[1], Piece::Malformed { text: "${ s:K", .. }));
    }
}
