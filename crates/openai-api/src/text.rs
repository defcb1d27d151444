//! Text onto the wire, and hostile text into messages.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

/// The longest piece of a client's own text that a message repeats, in characters.
const LONGEST: usize = 100;

/// Cuts a text for use in a message.
pub(crate) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Appends a value as JSON on one line.
///
/// Some clients split event streams at every character that Unicode calls a line end, so those are escaped.
pub(crate) fn write_json(out: &mut Vec<u8>, value: &impl Serialize) {
    // Writing to memory does not fail, and none of this crate's types refuses to be written.
    let _ = value.serialize(&mut Serializer::with_formatter(out, OneLine(CompactFormatter)));
}

/// Appends a text as a JSON string on one line.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    if is_one_line(text) {
        let _ = text.serialize(&mut Serializer::new(out));
    } else {
        write_json(out, &text);
    }
}

fn is_one_line(text: &str) -> bool {
    text.is_ascii() || !text.contains(LINE_ENDS)
}

/// Line ends that JSON lets stand in strings; those below U+0020 it escapes itself.
const LINE_ENDS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

/// Writes what the compact formatter writes, with [`LINE_ENDS`] escaped.
struct OneLine(CompactFormatter);

impl Formatter for OneLine {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if is_one_line(fragment) {
            return self.0.write_string_fragment(writer, fragment);
        }
        for piece in fragment.split_inclusive(LINE_ENDS) {
            let line = piece.trim_end_matches(LINE_ENDS);
            writer.write_all(line.as_bytes())?;
            for end in piece.chars().skip(line.chars().count()) {
                write!(writer, "\\u{:04x}", u32::from(end))?;
            }
        }
        Ok(())
    }

    fn write_raw_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // A line end within raw JSON can only stand in a string, or between tokens, where it is a space.
        let unbroken = fragment.replace(['\n', '\r'], " ");
        self.write_string_fragment(writer, &unbroken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_on_one_line_and_comes_back_whole() {
        let hostile = "a\n\ndata: x\r\u{0}\u{85}\u{2028}\u{2029}\u{2028}é🦀\"\\";
        let mut out = Vec::new();
        write_string(&mut out, hostile);
        let json = String::from_utf8(out).unwrap();
        assert!(!json.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), hostile);
    }

    #[test]
    fn raw_json_stays_on_one_line() {
        let raw =
            serde_json::value::RawValue::from_string("{\n \"a\": \"x\u{2028}\"\r\n}".to_owned()).unwrap();
        let mut out = Vec::new();
        write_json(&mut out, &raw);
        assert_eq!(String::from_utf8(out).unwrap(), "{  \"a\": \"x\\u2028\"  }");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shorten("é"), "é");
        assert_eq!(shorten(&"é".repeat(101)), format!("{}…", "é".repeat(100)));
    }
}
