//! Which parts of a text are never shown: values that may be secrets.

use std::collections::HashMap;

use crate::yaml::{Entry, Node, NodeKind};

/// Columns of a line, from and to; the end is exclusive.
pub(crate) type Span = (usize, usize);

/// The places of secrets in a parsed text, by line.
#[derive(Debug, Default)]
pub(crate) struct Hidden(HashMap<usize, Vec<Span>>);

impl Hidden {
    /// Finds the values of keys that name a secret, also of those that are in no tree.
    pub(crate) fn of(tree: &Node, repeated: &[Entry]) -> Self {
        let mut hidden = Self::default();
        hidden.add(tree, false);
        repeated.iter().for_each(|entry| hidden.add(&entry.value, is_secret_key(&entry.key)));
        hidden
    }

    /// What to hide of a line.
    pub(crate) fn on(&self, line: usize) -> &[Span] {
        self.0.get(&line).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, node: &Node, secret: bool) {
        match &node.kind {
            NodeKind::Scalar { text, .. } if secret && !is_reference(text) => {
                let mark = node.mark;
                for line in mark.line..=mark.end_line {
                    let from = if line == mark.line { mark.column } else { 1 };
                    let to = if line == mark.end_line { mark.end_column } else { usize::MAX };
                    self.0.entry(line).or_default().push((from, to));
                }
            }
            NodeKind::Scalar { .. } => {}
            NodeKind::Sequence(items) => items.iter().for_each(|item| self.add(item, secret)),
            NodeKind::Mapping(entries) => {
                for entry in entries.iter() {
                    let harmless = matches!(&*entry.key, "name" | "models" | "enabled");
                    self.add(&entry.value, is_secret_key(&entry.key) || secret && !harmless);
                }
            }
        }
    }
}

/// Judges a line of a text that could not be parsed by its looks: what stands behind a key that names a secret, and
/// what such a key's next lines hold.
pub(crate) fn by_looks(lines: &[String], line: usize) -> Vec<Span> {
    let Some(text) = lines.get(line.saturating_sub(1)) else { return Vec::new() };
    let everything = |from: usize| vec![(from + 1, usize::MAX)];
    let secret = text.match_indices(':').find(|(at, _)| is_secret_key(word_before(text, *at)));
    if let Some((at, _)) = secret {
        let (before, value) = text.split_at_checked(at + 1).unwrap_or((text, ""));
        return everything(before.chars().count() + indentation(value));
    }
    let indent = indentation(text);
    let has_key = key_of(text).is_some();
    let above = lines.iter().take(line.saturating_sub(1)).rev();
    let entry = text.trim_start().starts_with('-');
    let mut parents = above.filter(|other| {
        indentation(other) < indent
            || entry && indentation(other) == indent && !other.trim_start().starts_with('-')
    });
    let parent = parents.find(|other| !other.trim().is_empty()).and_then(|parent| key_of(parent));
    match parent {
        Some(key) if is_secret_key(key) && (!has_key || key == "keys") => {
            everything(indent + usize::from(entry))
        }
        _ => Vec::new(),
    }
}

fn indentation(line: &str) -> usize {
    line.chars().take_while(|c| c.is_whitespace()).count()
}

/// The word that ends at a byte of a line, without quotes.
fn word_before(line: &str, end: usize) -> &str {
    let before = line.get(..end).unwrap_or_default().trim_end().trim_end_matches(['"', '\'']);
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    before.rsplit(|c| !word(c)).next().unwrap_or_default()
}

/// The key that a line begins with.
fn key_of(line: &str) -> Option<&str> {
    let content = line.trim().trim_start_matches("- ");
    let (key, rest) = content.split_once(':')?;
    (rest.is_empty() || rest.starts_with(' ')).then(|| key.trim_matches(['"', '\'', ' ']))
}

/// Whether a text is one reference and nothing else.
fn is_reference(text: &str) -> bool {
    let inner = text.trim().strip_prefix("${").and_then(|text| text.strip_suffix('}'));
    inner.is_some_and(|inner| !inner.contains(['{', '}']))
}

/// Says whether the value of a key is better not shown.
fn is_secret_key(key: &str) -> bool {
    let key: String = key.to_ascii_lowercase().replace(['-', '_'], "");
    let token = key.contains("token") && !key.contains("tokens") && !key.contains("tokenizer");
    let words =
        ["password", "passwd", "passphrase", "accesskey", "apikey", "privatekey", "secret", "credential"];
    token
        || key != "secrets" && words.iter().any(|word| key.contains(word))
        || matches!(key.as_str(), "key" | "keys" | "certificate")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, line: usize) -> String {
        let lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
        let spans = by_looks(&lines, line);
        let is_hidden = |column: usize| spans.iter().any(|(from, to)| (*from..*to).contains(&(column + 1)));
        let characters = lines[line - 1].chars().enumerate();
        characters.map(|(column, c)| if is_hidden(column) { '*' } else { c }).collect()
    }

    #[test]
    fn a_line_that_cannot_be_parsed_shows_no_secret() {
        for (text, line) in [
            ("aws_secret_access_key: hunter2: x", 1),
            ("  \"apiKey\" : hunter2: x", 1),
            ("params: { region: us, client_secret: hunter2: x }", 1),
            ("keys:\n  - hunter2: x", 2),
            ("keys:\n- \"hunter2", 2),
            ("keys:\n  - a\n\n  - hunter2:y", 4),
            ("password:\n  hunter2", 2),
            ("bearer_token: |\n  a\n  hunter2", 3),
        ] {
            let shown = shown(text, line);
            assert!(!shown.contains("hunter2"), "{text}: {shown}");
        }
    }

    #[test]
    fn a_line_without_secrets_is_shown_whole() {
        for (text, line) in [
            ("from: bedrock: amazon.nova", 1),
            ("max_tokens: 3: 4", 1),
            ("models:\n  - from: a: b", 2),
            ("secrets:\n  - from: env: x", 2),
            ("api-key:\n  enabled: true: x", 2),
            ("- - - -", 1),
        ] {
            let whole = text.lines().nth(line - 1).unwrap();
            assert_eq!(shown(text, line), whole);
        }
    }
}
