//! What a prompt speaks of: its quoted texts, its subjects and its numbers.

use serde_json::Number;

use crate::request::{Block, Request};

/// Words that name no subject where a sentence begins with them, nor say what a tool is for.
const COMMON: &[&str] = &[
    "a",
    "about",
    "all",
    "also",
    "an",
    "and",
    "any",
    "are",
    "ask",
    "at",
    "be",
    "by",
    "call",
    "can",
    "check",
    "compare",
    "could",
    "current",
    "currently",
    "data",
    "do",
    "does",
    "each",
    "fetch",
    "find",
    "for",
    "from",
    "get",
    "gets",
    "give",
    "given",
    "hello",
    "help",
    "hey",
    "hi",
    "how",
    "i",
    "in",
    "information",
    "into",
    "is",
    "it",
    "its",
    "json",
    "just",
    "let",
    "list",
    "look",
    "make",
    "me",
    "my",
    "name",
    "need",
    "no",
    "not",
    "of",
    "on",
    "one",
    "only",
    "or",
    "our",
    "please",
    "return",
    "returns",
    "run",
    "search",
    "set",
    "she",
    "should",
    "show",
    "some",
    "tell",
    "that",
    "the",
    "their",
    "them",
    "then",
    "there",
    "this",
    "to",
    "tool",
    "use",
    "used",
    "user",
    "using",
    "want",
    "we",
    "what",
    "when",
    "where",
    "which",
    "who",
    "why",
    "will",
    "with",
    "would",
    "yes",
    "you",
    "your",
];

/// More words by which a sentence may begin and that name nothing.
const OPENERS: &[&str] = &[
    "add",
    "answer",
    "book",
    "calculate",
    "classify",
    "convert",
    "create",
    "delete",
    "describe",
    "draw",
    "email",
    "estimate",
    "explain",
    "extract",
    "generate",
    "greet",
    "invite",
    "load",
    "open",
    "order",
    "parse",
    "play",
    "read",
    "remind",
    "repeat",
    "reply",
    "respond",
    "save",
    "say",
    "schedule",
    "see",
    "send",
    "start",
    "stop",
    "store",
    "summarise",
    "summarize",
    "think",
    "translate",
    "update",
    "verify",
    "write",
];

/// Marks that open and close a quotation.
const QUOTES: &[(char, char)] = &[('"', '"'), ('\'', '\''), ('`', '`'), ('“', '”'), ('«', '»'), ('「', '」')];

/// What a prompt speaks of.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    pub(super) prompt: String,
    pub(super) quoted: Vec<String>,
    pub(super) subjects: Vec<String>,
    pub(super) numbers: Vec<Number>,
    /// The words that are asked for as keys of an object.
    pub(super) keys: Vec<String>,
}

impl Words {
    /// The words of the last text of the user; keys may be named by the system as well.
    pub(super) fn of(request: &Request) -> Self {
        let mut words = Self::read(&request.last_text());
        let system: Vec<&str> =
            request.system.iter().filter_map(|block: &Block| block.text.as_deref()).collect();
        if words.keys.is_empty() {
            words.keys = keys(&system.join("\n"));
        }
        words
    }

    pub(super) fn read(prompt: &str) -> Self {
        let numbers = prompt.split(|c: char| c.is_whitespace() || ",;()°%$€*+/=".contains(c));
        let quoted = quoted(prompt);
        let is_quoted = |subject: &str| quoted.iter().any(|text| text.contains(subject));
        let subjects = subjects(prompt).into_iter().filter(|subject| !is_quoted(subject)).collect();
        Self {
            prompt: prompt.trim().to_owned(),
            subjects,
            quoted,
            numbers: numbers.filter_map(number).collect(),
            keys: keys(prompt),
        }
    }

    /// The first token that holds some text, such as an address.
    pub(super) fn holding(&self, text: &str) -> Option<String> {
        let token = self.prompt.split_whitespace().find(|token| token.contains(text))?;
        Some(trimmed(token).to_owned())
    }

    /// The same words about one of the subjects.
    pub(super) fn about(&self, subject: &str) -> Self {
        Self { subjects: vec![subject.to_owned()], quoted: Vec::new(), ..self.clone() }
    }
}

/// The words of a text in lower case.
pub(super) fn all(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// The words of a text without those that all texts have.
pub(super) fn telling(text: &str) -> Vec<String> {
    all(text).into_iter().filter(|word| !COMMON.contains(&word.as_str())).collect()
}

fn number(token: &str) -> Option<Number> {
    let token = token.trim_end_matches(['.', '?', '!', ':']);
    if let Ok(whole) = token.parse::<i64>() {
        return Some(whole.into());
    }
    let digits = token.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    token.parse::<f64>().ok().filter(|_| digits).and_then(Number::from_f64)
}

/// The texts in quotation marks; an apostrophe inside a word is none.
fn quoted(prompt: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut before = ' ';
    let mut characters = prompt.char_indices();
    while let Some((start, character)) = characters.next() {
        let close = QUOTES.iter().find(|(open, _)| *open == character).map(|(_, close)| *close);
        if let Some(close) = close.filter(|_| !before.is_alphanumeric()) {
            let rest = prompt.get(start + character.len_utf8()..).unwrap_or_default();
            if let Some(text) = rest.find(close).and_then(|end| rest.get(..end))
                && !text.trim().is_empty()
            {
                found.push(text.to_owned());
                let skipped = text.chars().count();
                characters.nth(skipped);
                before = ' ';
                continue;
            }
        }
        before = character;
    }
    found
}

/// Names: capitalised words and those of scripts without capitals, neighbours together.
fn subjects(prompt: &str) -> Vec<String> {
    let mut subjects: Vec<String> = Vec::new();
    let mut openers: Vec<String> = Vec::new();
    let mut phrase: Vec<&str> = Vec::new();
    let (mut begins, mut opening) = (true, true);
    let tokens: Vec<&str> = prompt.split_whitespace().collect();
    for (index, token) in tokens.iter().enumerate() {
        let word = trimmed(token);
        let lower = word.to_lowercase();
        let common = COMMON.contains(&lower.as_str()) || OPENERS.contains(&lower.as_str());
        let named = is_name(word) && !(common && begins);
        if named {
            if phrase.is_empty() {
                opening = begins;
            }
            phrase.push(word);
        }
        // A state behind its city is part of its name.
        let goes_on =
            token.ends_with(',') && tokens.get(index + 1).is_some_and(|next| is_state(trimmed(next)));
        let stopped = !goes_on && token.ends_with(|c: char| !c.is_alphanumeric()) || token.ends_with("'s");
        begins = token.ends_with(['.', '?', '!', ':', '\n']) && !token.ends_with("...");
        if phrase.is_empty() || (named && !stopped && index + 1 < tokens.len()) {
            continue;
        }
        let joined = match phrase.split_last() {
            Some((state, city)) if is_state(state) && !city.is_empty() => {
                format!("{}, {state}", city.join(" "))
            }
            _ => phrase.join(" "),
        };
        let listed = token.ends_with(',') || matches!(tokens.get(index), Some(&("and" | "or" | "&")));
        // A word may be capital only because a sentence begins with it.
        let chosen = if opening && phrase.len() == 1 && !listed { &mut openers } else { &mut subjects };
        if !chosen.contains(&joined) {
            chosen.push(joined);
        }
        phrase.clear();
    }
    match (subjects.is_empty(), openers.is_empty()) {
        (false, _) => subjects,
        (true, false) => openers,
        (true, true) => objects(&tokens),
    }
}

/// Two capitals, as in "San Francisco, CA".
fn is_state(word: &str) -> bool {
    word.len() == 2 && word.chars().all(|c| c.is_ascii_uppercase()) && !matches!(word, "OK" | "AM" | "PM")
}

/// Where there is no name: the word that `in`, `for`, `about`, `named` or `called` leads to.
fn objects(tokens: &[&str]) -> Vec<String> {
    let mut leading = false;
    for token in tokens {
        let word = trimmed(token);
        let lower = word.to_lowercase();
        let tells = word.chars().all(char::is_alphabetic) && !COMMON.contains(&lower.as_str());
        if leading && tells && !word.is_empty() {
            return vec![word.to_owned()];
        }
        leading = matches!(lower.as_str(), "in" | "for" | "about" | "named" | "called")
            || (leading && lower == "the");
    }
    Vec::new()
}

fn is_name(word: &str) -> bool {
    let mut characters = word.chars();
    let Some(first) = characters.next() else { return false };
    let acronym = matches!(word, "API" | "JSON" | "OK" | "PDF" | "PNG" | "I");
    !acronym && (first.is_uppercase() || (!first.is_ascii() && !first.is_lowercase()))
}

/// A token without the marks around it.
fn trimmed(token: &str) -> &str {
    let token = token.strip_suffix("'s").unwrap_or(token);
    token.trim_matches(|c: char| {
        c.is_ascii_punctuation()
            || matches!(c, '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff1f}')
            || matches!(c, '«' | '»' | '¿' | '¡')
    })
}

/// Words that look like keys: those after `keys`, or else single words in quotation marks.
fn keys(prompt: &str) -> Vec<String> {
    let is_key =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    let quoted: Vec<String> = quoted(prompt).into_iter().filter(|word| is_key(word)).collect();
    if !quoted.is_empty() {
        return quoted;
    }
    let mut tokens = prompt.split_whitespace();
    let introduces = |token: &str| {
        matches!(trimmed(token).to_lowercase().as_str(), "key" | "keys" | "field" | "fields" | "properties")
    };
    if !tokens.any(introduces) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for token in tokens {
        let word = trimmed(token);
        if is_key(word) && !COMMON.contains(&word.to_lowercase().as_str()) {
            found.push(word.to_owned());
        } else if !matches!(word, "and" | "or" | "" | "the" | "a" | "an") {
            break;
        }
        if token.ends_with(['.', ';', '!', '?']) {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::Words;

    #[test]
    fn subjects_are_names() {
        for (prompt, subjects) in [
            ("What is the weather in Paris and London?", &["Paris", "London"][..]),
            ("What is the weather in Seattle and San Francisco today?", &["Seattle", "San Francisco"]),
            ("weather in Paris, London and New York", &["Paris", "London", "New York"]),
            ("Paris and London weather", &["Paris", "London"]),
            ("Weather in Paris's streets", &["Paris"]),
            ("What is the weather in San Francisco, CA?", &["San Francisco, CA"]),
            ("weather in Austin, TX and Rome", &["Austin, TX", "Rome"]),
            ("ask 李雷 how old he is", &["李雷"]),
            ("Please ask Zoë.", &["Zoë"]),
            ("hello there", &[]),
            ("weather in paris and wind today", &["paris"]),
            ("a joke about cats", &["cats"]),
            ("Paris?", &["Paris"]),
        ] {
            assert_eq!(Words::read(prompt).subjects, subjects, "{prompt}");
        }
    }

    #[test]
    fn quoted_texts_and_numbers_are_found() {
        let words = Words::read("don't say \"hello world\" or `x` 3 times, but 2.5 and -1.");
        assert_eq!(words.quoted, ["hello world", "x"]);
        let numbers: Vec<String> = words.numbers.iter().map(ToString::to_string).collect();
        assert_eq!(numbers, ["3", "2.5", "-1"]);
    }

    #[test]
    fn keys_are_named_in_words() {
        for (prompt, keys) in [
            ("a joke as JSON with keys setup and punchline", &["setup", "punchline"][..]),
            ("Tell a joke. Reply in JSON with `setup` and `punchline`.", &["setup", "punchline"]),
            ("JSON with the keys: setup, punchline. Be short.", &["setup", "punchline"]),
            ("a joke", &[]),
        ] {
            assert_eq!(Words::read(prompt).keys, keys, "{prompt}");
        }
    }
}
