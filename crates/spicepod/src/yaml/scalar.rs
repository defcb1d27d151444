//! What a scalar without quotes means.

/// The meaning of a plain scalar in YAML's core schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plain {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer,
    /// A number with a point or an exponent.
    Float,
    /// `.inf` or `.nan`.
    NotFinite,
    /// Anything else.
    Text,
}

impl Plain {
    /// Reads a plain scalar.
    pub(crate) fn of(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Self::Null,
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return Self::Bool,
            _ => {}
        }
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        if matches!(text, ".nan" | ".NaN" | ".NAN") || matches!(unsigned, ".inf" | ".Inf" | ".INF") {
            return Self::NotFinite;
        }
        let radix = |prefix: &str, digit: fn(char) -> bool| {
            unsigned.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.chars().all(digit))
        };
        let decimal = !unsigned.is_empty() && unsigned.chars().all(|c| c.is_ascii_digit());
        if decimal
            || radix("0x", |c| c.is_ascii_hexdigit())
            || radix("0o", |c| matches!(c, '0'..='7'))
            || radix("0b", |c| matches!(c, '0' | '1'))
        {
            // A leading zero is no octal number in YAML 1.2, and text to the typed reader.
            return if decimal && unsigned.len() > 1 && unsigned.starts_with('0') {
                Self::Text
            } else {
                Self::Integer
            };
        }
        let numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
        if unsigned.chars().all(numeric)
            && unsigned.contains(|c: char| c.is_ascii_digit())
            && let Ok(number) = unsigned.parse::<f64>()
        {
            return if number.is_finite() { Self::Float } else { Self::NotFinite };
        }
        Self::Text
    }
}
