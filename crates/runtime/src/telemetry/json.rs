//! Events as JSON, one object a line: `timestamp`, `level`, then the event's fields in their order, and `sequence`.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::writer::Lines;

const DAY: u64 = 24 * 60 * 60;

/// Writes what is logged. Written out by hand, because every request ends here: a general serialiser of events takes
/// as long as translating a short prompt.
pub(super) struct JsonLines(pub(super) Lines);

impl<S: Subscriber> Layer<S> for JsonLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        thread_local! {
            static LINE: RefCell<String> = const { RefCell::new(String::new()) };
        }
        LINE.with(|line| {
            // A value whose rendering logs something itself would meet its own line here.
            let Ok(mut line) = line.try_borrow_mut() else { return };
            line.clear();
            line.push_str("{\"timestamp\":\"");
            #[expect(clippy::disallowed_methods, reason = "a log tells the time of the machine")]
            push_time(&mut line, SystemTime::now());
            line.push_str("\",\"level\":\"");
            line.push_str(event.metadata().level().as_str());
            line.push('"');
            event.record(&mut Members(&mut line));
            self.0.push_numbered(line.as_bytes());
        });
    }
}

/// The members of an object that is being written.
struct Members<'a>(&'a mut String);

impl Members<'_> {
    fn name(&mut self, field: &Field) -> &mut String {
        self.0.push_str(",\"");
        // Names of fields are identifiers of the code.
        self.0.push_str(field.name());
        self.0.push_str("\":");
        self.0
    }
}

impl Visit for Members<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let line = self.name(field);
        line.push('"');
        // Writing to memory does not fail; a value whose rendering does is cut off.
        let _ = write!(Escaped(line), "{value:?}");
        line.push('"');
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let line = self.name(field);
        line.push('"');
        push_escaped(line, value);
        line.push('"');
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.name(field).push_str(if value { "true" } else { "false" });
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.name(field).push_str(itoa::Buffer::new().format(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.name(field).push_str(itoa::Buffer::new().format(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        let line = self.name(field);
        if value.is_finite() {
            let _ = write!(line, "{value}");
        } else {
            line.push_str("null");
        }
    }
}

/// Text in a JSON string.
struct Escaped<'a>(&'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        push_escaped(self.0, text);
        Ok(())
    }
}

/// Appends text as it stands in a JSON string. Whatever a terminal or a reader of lines could act on is escaped.
fn push_escaped(line: &mut String, text: &str) {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if text.as_bytes().iter().all(is_plain) {
        line.push_str(text);
        return;
    }
    for character in text.chars() {
        match character {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            control if control.is_control() || matches!(control, '\u{2028}' | '\u{2029}') => {
                let _ = write!(line, "\\u{:04x}", u32::from(control));
            }
            plain => line.push(plain),
        }
    }
}

/// Appends `2026-01-31T23:59:59.123456Z`.
fn push_time(line: &mut String, time: SystemTime) {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let (day, second) = (since.as_secs() / DAY, since.as_secs() % DAY);
    let (year, month, date) = civil(day);
    let parts = [
        (year, 4, '-'),
        (month, 2, '-'),
        (date, 2, 'T'),
        (second / 3600, 2, ':'),
        (second / 60 % 60, 2, ':'),
        (second % 60, 2, '.'),
        (since.subsec_micros().into(), 6, 'Z'),
    ];
    for (value, width, end) in parts {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(value);
        (digits.len()..width).for_each(|_| line.push('0'));
        line.push_str(digits);
        line.push(end);
    }
}

/// The date of a day since 1970, in the proleptic Gregorian calendar: years are counted from March, so that the day
/// that comes and goes is their last.
fn civil(day: u64) -> (u64, u64, u64) {
    // From the first of March of the year 0; 400 years have 146,097 days.
    let day = day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let date = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.000007Z"),
            (951_782_400, "2000-02-29T00:00:00.000007Z"),
            (951_868_799, "2000-02-29T23:59:59.000007Z"),
            (951_868_800, "2000-03-01T00:00:00.000007Z"),
            (1_767_225_599, "2025-12-31T23:59:59.000007Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000007Z"),
        ] {
            let mut text = String::new();
            push_time(&mut text, SystemTime::UNIX_EPOCH + Duration::new(seconds, 7_000));
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn whatever_a_value_holds_the_line_is_one_line_of_json() {
        let hostile = "a\"b\\c\nd\re\tf\u{0}\u{1b}[31m\u{7f}\u{85}\u{2028}é😀";
        let mut text = String::new();
        push_escaped(&mut text, hostile);
        assert!(!text.contains(|c: char| c.is_control() || c == '\u{2028}'), "{text}");
        let read: String = serde_json::from_str(&format!("\"{text}\"")).unwrap();
        assert_eq!(read, hostile);
    }
}
