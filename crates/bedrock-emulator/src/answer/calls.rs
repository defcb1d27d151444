//! Which tools the emulated model calls, and with what.

use serde_json::Value;

use super::words::{Words, all, telling};
use super::{Said, results, schema};
use crate::family::Maker;
use crate::request::{Choice, Message, Request, Tool};
use crate::seal;
use crate::service::Call;

/// The most calls of one answer.
const MOST: usize = 8;

/// Whether the request leaves the model no choice.
pub(super) fn are_forced(request: &Request) -> bool {
    request.choice != Choice::Auto
}

/// The calls of an answer, which are none where it is said in words.
pub(super) fn of(call: &Call, request: &Request) -> Vec<Said> {
    let words = Words::of(request);
    let mut inputs = Vec::new();
    for tool in chosen(request) {
        for input in all_inputs(request, &tool, &words) {
            inputs.push((tool, input));
        }
    }
    inputs.truncate(MOST);
    let turns = format!("{:?}", request.messages);
    let used = inputs.into_iter().enumerate().map(|(index, (tool, input))| Said::Use {
        id: match request.family.maker {
            Maker::Moonshot => format!("functions.{}:{index}", tool.name),
            Maker::Claude(..) | Maker::Nova | Maker::Nova2 | Maker::Other => {
                seal::tool_use_id(&format!("{} {turns} {index} {}", call.model_id, tool.name))
            }
        },
        name: tool.name.to_owned(),
        input,
    });
    used.collect()
}

/// The tools to call. Never one again of which the last turn brings a result, unless the choice leaves no other.
fn chosen(request: &Request) -> Vec<Tool<'_>> {
    let answered: Vec<&str> = results(request)
        .into_iter()
        .filter_map(|result| result.member("toolUseId"))
        .filter_map(|id| request.used(id))
        .collect();
    let offered: Vec<Tool<'_>> = request.tools().filter(|tool| !answered.contains(&tool.name)).collect();
    let fitting = fitting(request, &offered);
    match &request.choice {
        Choice::Named(name) => request.tools().filter(|tool| tool.name == name).collect(),
        Choice::Any if offered.is_empty() => request.tools().take(1).collect(),
        Choice::Any if fitting.is_empty() => offered.into_iter().take(1).collect(),
        Choice::Any | Choice::Auto => fitting,
    }
}

/// The tools that the last words of the user call for.
fn fitting<'a>(request: &Request, offered: &[Tool<'a>]) -> Vec<Tool<'a>> {
    let prompt = request.messages.last().map(Message::text).unwrap_or_default();
    let first = prompt.split_whitespace().next().unwrap_or_default().to_lowercase();
    if request.prefill().is_some() || (!are_forced(request) && matches!(first.as_str(), "say" | "repeat")) {
        return Vec::new();
    }
    let prompt = prompt.to_lowercase();
    let of = |fits: &dyn Fn(&Tool<'_>) -> bool| offered.iter().copied().filter(|tool| fits(tool)).collect();
    let names: Vec<String> = offered.iter().map(|tool| tool.name.to_lowercase()).collect();
    let called: Vec<Tool<'a>> = of(&|tool| is_called(&prompt, &tool.name.to_lowercase(), &names));
    if !called.is_empty() {
        return called;
    }
    let said = all(&prompt);
    let by_name: Vec<Tool<'a>> = of(&|tool| fits(&said, &name_words(tool.name)));
    if !by_name.is_empty() {
        return by_name;
    }
    let by_description: Vec<Tool<'a>> = of(&|tool| fits(&said, &telling(tool.description)));
    by_description.into_iter().take(1).collect()
}

/// Whether a prompt says to call a tool, or speaks of it by a name that is no word.
fn is_called(prompt: &str, name: &str, names: &[String]) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut words = prompt.split(|c: char| !in_word(c)).filter(|word| !word.is_empty());
    let mut calling = false;
    words.any(|word| {
        let called = word == name && (calling || name.contains(['_', '-']));
        let goes_on = matches!(word, "the" | "tool" | "tools" | "and" | "then")
            || names.iter().any(|name| name == word);
        calling = matches!(word, "call" | "use") || (calling && goes_on);
        called
    })
}

/// What a name such as `getCurrentWeather` or `get_weather` is made of.
fn name_words(name: &str) -> Vec<String> {
    let mut spaced = String::new();
    let mut before_lower = false;
    for character in name.chars() {
        if character.is_uppercase() && before_lower {
            spaced.push(' ');
        }
        before_lower = character.is_lowercase() || character.is_ascii_digit();
        spaced.push(character);
    }
    let words = telling(&spaced);
    // A name of common words alone is told by them.
    if words.is_empty() { vec![name.to_lowercase()] } else { words }
}

fn fits(said: &[String], words: &[String]) -> bool {
    let alike = |a: &str, b: &str| a == b || a.strip_suffix('s') == Some(b) || b.strip_suffix('s') == Some(a);
    said.iter().any(|said| words.iter().any(|word| alike(said, word)))
}

/// The inputs of a tool: one for each of several subjects, where one call takes only one.
fn all_inputs(request: &Request, tool: &Tool<'_>, words: &Words) -> Vec<Value> {
    let forced =
        matches!(&request.choice, Choice::Named(_)) || (are_forced(request) && request.tool_list.len() == 1);
    let free = forced && tool.schema.as_object().is_some_and(is_free);
    let subjects = if words.quoted.is_empty() { &words.subjects } else { &words.quoted };
    if free || forced || subjects.len() < 2 || schema::places(tool.schema) != 1 {
        return vec![schema::fill(tool.schema, words, free)];
    }
    subjects.iter().map(|subject| schema::fill(tool.schema, &words.about(subject), false)).collect()
}

/// Whether a schema says nothing but that there is an object.
fn is_free(schema: &serde_json::Map<String, Value>) -> bool {
    let told = ["properties", "anyOf", "oneOf", "allOf", "$ref"];
    !told.iter().any(|key| schema.contains_key(*key))
        && schema.get("additionalProperties") != Some(&Value::Bool(false))
}

#[cfg(test)]
mod tests {
    use super::{is_called, name_words};

    #[test]
    fn tools_are_called_by_name() {
        for (prompt, name, called) in [
            ("call ping", "ping", true),
            ("call the tool ping now", "ping", true),
            ("call pong and ping", "ping", true),
            ("please use get_file, then tell", "get_file", true),
            ("what is ping", "ping", false),
        ] {
            let names = ["ping".to_owned(), "pong".to_owned()];
            assert_eq!(is_called(prompt, name, &names), called, "{prompt}");
        }
        assert_eq!(name_words("getCurrentWeather"), ["weather"]);
        assert_eq!(name_words("get_data"), ["get_data"]);
    }
}
