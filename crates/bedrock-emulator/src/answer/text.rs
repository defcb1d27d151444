//! What the emulated model says.

use super::{media, results};
use crate::request::{Block, Message, Request};

/// The most characters of a prompt that are repeated.
const QUOTED: usize = 500;

/// The most words of `repeat`.
const REPEATED: usize = 100_000;

/// The characters of the longest token.
const TOKEN: usize = 8;

/// The whole answer to a request: what `say` and `repeat` ask for, or else about the request.
pub(super) fn full(model_id: &str, request: &Request) -> String {
    let said = request.last_of_user().map(Message::text).unwrap_or_default();
    if let Some(text) = command(&said, "say") {
        return text.to_owned();
    }
    if let Some((count, word)) =
        command(&said, "repeat").and_then(|rest| rest.split_once(char::is_whitespace))
        && let Ok(count) = count.parse::<usize>()
    {
        return vec![word.trim(); count.min(REPEATED)].join(" ");
    }
    let turn = request.messages.len().div_ceil(2);
    let system = if request.system.is_empty() { "no system prompt" } else { "a system prompt" };
    let about = about(request, &said);
    format!("{about}\n\nThis is turn {turn} with an emulated {model_id} and {system}.")
}

/// What came from the user: results of tools, words, and what there is to see.
fn about(request: &Request, said: &str) -> String {
    let seen = request.last_of_user().map(media::seen).unwrap_or_default();
    let mut parts: Vec<String> = results(request).iter().map(|result| told(request, result)).collect();
    if !said.is_empty() {
        parts.push(quote(said));
    }
    if !seen.is_empty() {
        parts.push(format!("You sent: {}.", seen.join(", ")));
    }
    if parts.is_empty() {
        let blocks = request.last_of_user().map(|message| message.content.as_slice()).unwrap_or_default();
        let kinds: Vec<&str> = blocks.iter().map(|block| block.kind.as_str()).collect();
        parts.push(format!("You sent: {}", kinds.join(", ")));
    }
    parts.join("\n\n")
}

/// What a tool told.
fn told(request: &Request, result: &Block) -> String {
    let name = result.member("toolUseId").and_then(|id| request.used(id)).unwrap_or("A tool");
    let failed = if result.member("status") == Some("error") { " failed and" } else { "" };
    let inside = result.inside();
    let texts: Vec<String> = inside
        .iter()
        .filter_map(|block| match block.kind.as_str() {
            "text" => block.text.clone(),
            "json" | "searchResult" => Some(block.value.to_string()),
            _ => None,
        })
        .collect();
    let texts = if texts.is_empty() { "nothing in words".to_owned() } else { texts.join("\n") };
    format!("{name}{failed} says: {texts}")
}

/// What follows a command at the beginning of a prompt.
fn command<'a>(prompt: &'a str, name: &str) -> Option<&'a str> {
    let (first, rest) = prompt.trim().split_once(char::is_whitespace)?;
    first.eq_ignore_ascii_case(name).then(|| rest.trim_start())
}

fn quote(said: &str) -> String {
    let mut quoted: String = said.chars().take(QUOTED).collect();
    if quoted.len() < said.len() {
        quoted.push('…');
    }
    format!("You said: {quoted}")
}

/// What is left to say of an answer that the assistant has begun.
pub(super) fn continued(full: &str, prefill: Option<&str>) -> String {
    let Some(prefill) = prefill else { return full.to_owned() };
    if let Some(rest) = full.strip_prefix(prefill) {
        return rest.to_owned();
    }
    let space = if prefill.ends_with(char::is_whitespace) { "" } else { " " };
    format!("{space}{full}")
}

/// As much of an answer as was asked for.
pub(super) struct Cut<'a> {
    pub(super) text: &'a str,
    pub(super) stop_reason: &'static str,
}

/// Ends an answer before the first stop sequence, or after so many tokens.
pub(super) fn cut<'a>(text: &'a str, stop_sequences: &[String], max_tokens: Option<usize>) -> Cut<'a> {
    let stop = stop_sequences.iter().filter_map(|sequence| text.find(sequence)).min();
    let stopped = stop.and_then(|stop| text.get(..stop)).unwrap_or(text);
    let most: usize = pieces(stopped).take(max_tokens.unwrap_or(usize::MAX)).map(str::len).sum();
    let stop_reason = match stop {
        _ if most < stopped.len() => "max_tokens",
        Some(_) => "stop_sequence",
        None => "end_turn",
    };
    Cut { text: stopped.get(..most).unwrap_or(stopped), stop_reason }
}

/// An answer's tokens: words with the white space before them, long ones in pieces.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let word = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let mut end = rest.len();
        let characters = rest.char_indices().skip_while(|(index, _)| *index < word);
        for (count, (index, character)) in characters.enumerate() {
            if count == TOKEN || character.is_whitespace() {
                end = index;
                break;
            }
        }
        let (piece, others) = rest.split_at_checked(end)?;
        rest = others;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::{continued, cut, pieces};

    #[test]
    fn pieces_are_words_and_make_up_the_text() {
        for text in ["", " ", "one two", " emphatically so\n", "日本語の文章はここにあります", "a\n\nb  c "]
        {
            assert_eq!(pieces(text).collect::<String>(), text);
            assert!(pieces(text).all(|piece| piece.trim().chars().count() <= 8), "{text}");
        }
        assert_eq!(
            pieces("You said: emphatically").collect::<Vec<_>>(),
            ["You", " said:", " emphatic", "ally"]
        );
    }

    #[test]
    fn the_nearer_limit_ends_an_answer() {
        let stops = ["three".to_owned(), " two".to_owned()];
        for (stops, max_tokens, text, reason) in [
            (&[][..], None, "one two three", "end_turn"),
            (&[], Some(3), "one two three", "end_turn"),
            (&[], Some(2), "one two", "max_tokens"),
            (&stops, None, "one", "stop_sequence"),
            (&stops[..1], Some(1), "one", "max_tokens"),
        ] {
            let cut = cut("one two three", stops, max_tokens);
            assert_eq!((cut.text, cut.stop_reason), (text, reason));
        }
    }

    #[test]
    fn a_begun_answer_goes_on() {
        assert_eq!(continued("You said: hi", None), "You said: hi");
        assert_eq!(continued("You said: hi", Some("You said:")), " hi");
        assert_eq!(continued("You said: hi", Some("Well,")), " You said: hi");
    }
}
