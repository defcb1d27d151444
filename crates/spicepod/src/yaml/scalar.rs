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
    /// A whole number that 64 bits do not hold.
    TooLarge,
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
        if unsigned.starts_with(['+', '-']) {
            return Self::Text;
        }
        if let Some(whole) = whole(text.starts_with('-'), unsigned) {
            return whole;
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

/// Reads digits of one of four bases; `None` where there is something else.
fn whole(negative: bool, unsigned: &str) -> Option<Plain> {
    let based = [("0x", 16), ("0o", 8), ("0b", 2)];
    let (digits, radix) = based
        .into_iter()
        .find_map(|(prefix, radix)| Some((unsigned.strip_prefix(prefix)?, radix)))
        .unwrap_or((unsigned, 10));
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    // A leading zero is no octal number in YAML 1.2, and text to the typed reader.
    if radix == 10 && digits.len() > 1 && digits.starts_with('0') {
        return Some(Plain::Text);
    }
    let limit = if negative { i64::MIN.unsigned_abs() } else { u64::MAX };
    let fits = u64::from_str_radix(digits, radix).is_ok_and(|number| number <= limit);
    Some(if fits { Plain::Integer } else { Plain::TooLarge })
}

/// Whether a plain scalar is text here, and a truth value to readers of YAML 1.1.
pub(crate) fn is_disputed(text: &str) -> bool {
    ["y", "n", "yes", "no", "on", "off"].iter().any(|word| word.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::Plain;

    /// What `serde_yaml` makes of the same text.
    fn typed(text: &str) -> Plain {
        match serde_yaml::from_str(text) {
            Ok(serde_yaml::Value::Null) => Plain::Null,
            Ok(serde_yaml::Value::Bool(_)) => Plain::Bool,
            Ok(serde_yaml::Value::Number(number)) if number.is_f64() => {
                if number.as_f64().is_some_and(f64::is_finite) { Plain::Float } else { Plain::NotFinite }
            }
            Ok(serde_yaml::Value::Number(_)) => Plain::Integer,
            Ok(_) => Plain::Text,
            Err(_) => Plain::TooLarge,
        }
    }

    #[test]
    fn both_parsers_agree_on_what_a_plain_scalar_is() {
        let texts = "~ null Null nULL true True tRUE false no yes 0 -0 +0 1 -1 +1 +-1 -+1 --1 007 -01 00 0x1F -0x1f \
            0xg 0x 0o17 0o8 0b101 0b2 1. .5 -.5 +.5 . .. 1e5 1E+5 1e-5 1e 1e5e5 1.2.3 1_000 12:30 .inf -.inf +.Inf \
            .nan -.nan inf nan infinity 01.5 1.10 18446744073709551615 18446744073709551616 -9223372036854775808 \
            -9223372036854775809 0xffffffffffffffffff e5 +e5 5m - v1";
        for text in texts.split_whitespace().filter(|text| *text != "-") {
            assert_eq!(Plain::of(text), typed(text), "{text}");
        }
        // Infinite to us and text to the other: refused as a number, so that it never becomes text by surprise.
        assert_eq!(Plain::of("1e400"), Plain::NotFinite);
    }
}
