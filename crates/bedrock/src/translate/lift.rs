//! Reasoning that a model writes into its text: Nova begins many answers with `<thinking>…</thinking>`.

const OPEN: &str = "<thinking>";
const CLOSE: &str = "</thinking>";

/// Tells thoughts from text in a text that comes in pieces.
#[derive(Debug)]
pub(super) enum Lift {
    /// Nothing but the beginning of the opening tag, or white space, has come.
    Before(String),
    /// The thoughts so far, and what may be the beginning of the closing tag.
    Inside(String, String),
    /// The thoughts are over, and the text has not begun.
    Between,
    /// The rest is text.
    After,
}

/// What a piece turned out to be, in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lifted {
    /// A piece of the thoughts.
    pub(super) thought: Option<String>,
    /// All of the thoughts, once they are over.
    pub(super) whole: Option<String>,
    /// Text.
    pub(super) text: Option<String>,
}

impl Default for Lift {
    fn default() -> Self {
        Self::Before(String::new())
    }
}

impl Lift {
    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: &str) -> Lifted {
        match self {
            Self::Before(begun) => {
                begun.push_str(piece);
                let trimmed = begun.trim_start();
                if let Some(rest) = trimmed.strip_prefix(OPEN) {
                    let rest = rest.to_owned();
                    *self = Self::Inside(String::new(), String::new());
                    return self.push(&rest);
                }
                if OPEN.starts_with(trimmed) {
                    return Lifted::default();
                }
                let text = std::mem::take(begun);
                *self = Self::After;
                Lifted { text: Some(text), ..Lifted::default() }
            }
            Self::Inside(whole, tail) => {
                tail.push_str(piece);
                if let Some((thought, rest)) = tail.split_once(CLOSE) {
                    whole.push_str(thought);
                    let (thought, rest) = (thought.to_owned(), rest.to_owned());
                    let whole = std::mem::take(whole);
                    *self = Self::Between;
                    let text = self.push(&rest).text;
                    return Lifted { thought: Some(thought), whole: Some(whole), text };
                }
                let keep =
                    (1..CLOSE.len()).rev().find(|n| CLOSE.get(..*n).is_some_and(|s| tail.ends_with(s)));
                let sure = tail.len().saturating_sub(keep.unwrap_or(0));
                let thought: String = tail.drain(..sure).collect();
                whole.push_str(&thought);
                Lifted { thought: Some(thought), ..Lifted::default() }
            }
            Self::Between => {
                let text = piece.trim_start();
                if text.is_empty() {
                    return Lifted::default();
                }
                *self = Self::After;
                Lifted { text: Some(text.to_owned()), ..Lifted::default() }
            }
            Self::After => Lifted { text: Some(piece.to_owned()), ..Lifted::default() },
        }
    }

    /// Takes the end of the text, or a call in its place.
    pub(super) fn end(&mut self) -> Lifted {
        match std::mem::replace(self, Self::After) {
            Self::Before(text) if !text.is_empty() => Lifted { text: Some(text), ..Lifted::default() },
            Self::Inside(mut whole, tail) => {
                whole.push_str(&tail);
                Lifted { thought: Some(tail), whole: Some(whole), text: None }
            }
            Self::Before(_) | Self::Between | Self::After => Lifted::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifted(pieces: &[&str]) -> (String, Vec<String>, String) {
        let mut lift = Lift::default();
        let (mut thoughts, mut wholes, mut texts) = (String::new(), Vec::new(), String::new());
        let mut all: Vec<Lifted> = pieces.iter().map(|piece| lift.push(piece)).collect();
        all.push(lift.end());
        for Lifted { thought, whole, text } in all {
            thoughts.extend(thought);
            wholes.extend(whole);
            texts.extend(text);
        }
        (thoughts, wholes, texts)
    }

    #[test]
    fn thoughts_are_found_wherever_the_text_is_cut() {
        let text = "<thinking> a < b </thin </thinking>\n\nThe answer is <thinking>.";
        let chars: Vec<String> = text.chars().map(String::from).collect();
        let pieces: Vec<&str> = chars.iter().map(String::as_str).collect();
        for (thoughts, wholes, texts) in [lifted(&[text]), lifted(&pieces)] {
            assert_eq!(thoughts, " a < b </thin ");
            assert_eq!(wholes, [" a < b </thin "]);
            assert_eq!(texts, "The answer is <thinking>.");
        }
    }

    #[test]
    fn other_text_stays_as_it_is() {
        for text in ["plain", "  <thinks> no", "<thinking", "a <thinking>b</thinking>"] {
            assert_eq!(lifted(&[text]), (String::new(), Vec::new(), text.to_owned()), "{text}");
        }
    }

    #[test]
    fn thoughts_that_never_end_are_thoughts() {
        assert_eq!(lifted(&["<thinking>a</thin"]), ("a</thin".into(), vec!["a</thin".into()], String::new()));
    }
}
