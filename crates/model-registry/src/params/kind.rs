//! What values a parameter takes.

/// What values a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ParamKind {
    /// Any text that is not empty.
    Text,
    /// Text that stays out of every message.
    Secret,
    /// Text of a form that the provider checks; the example shows it.
    Form {
        /// A value of that form.
        example: &'static str,
    },
    /// A text of a form that the provider checks, or a list of them.
    Forms {
        /// A value of that form.
        example: &'static str,
        /// The longest list.
        max: usize,
    },
    /// One of these words, in any case.
    Choice(&'static [&'static str]),
    /// A whole number.
    Integer {
        /// The smallest.
        min: u32,
        /// The largest.
        max: u32,
    },
    /// A number.
    Number {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// A list of texts that are not empty; one text is a list of one.
    Texts {
        /// The longest list.
        max: usize,
    },
    /// `true` or `false`.
    Switch,
    /// A length of time, such as `500ms`, `30s` or `5m`.
    Duration,
    /// Known from Spice and without effect here: one warning.
    Ignored,
    /// Known from Spice, and Bedrock has no such thing: a problem that says why.
    Refused(&'static str),
}

impl ParamKind {
    /// Describes the values for people.
    pub fn describe(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Secret => "secret".to_owned(),
            Self::Form { example } => format!("text such as `{example}`"),
            Self::Forms { example, max } => format!("text such as `{example}`, or a list of up to {max}"),
            Self::Choice(words) => {
                words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
            }
            Self::Integer { min, max } if max >= i32::MAX.unsigned_abs() => {
                format!("whole number, at least {min}")
            }
            Self::Integer { min, max } => format!("whole number, {min} to {max}"),
            Self::Number { min, max } => format!("number, {min} to {max}"),
            Self::Texts { max } => format!("text, or a list of up to {max}"),
            Self::Switch => "`true` or `false`".to_owned(),
            Self::Duration => "duration such as `500ms`, `30s`, `5m`".to_owned(),
            Self::Ignored => "accepted without effect, with a warning".to_owned(),
            Self::Refused(reason) => format!("refused: {reason}"),
        }
    }
}
