//! Times as AWS and HTTP write them, reckoned from the machine's clock.

use std::time::{SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// A time so many seconds from now, as AWS writes it; in the past where they are negative.
pub fn in_seconds(seconds: i64) -> String {
    let Date { year, month, day, time } = Date::of(from_now(seconds));
    format!("{year:04}-{month:02}-{day:02}T{time}Z")
}

/// The time until which most credentials of tests are good.
pub fn in_an_hour() -> String {
    in_seconds(3599)
}

/// A time so many seconds from now, as HTTP writes it; in the past where they are negative.
pub fn http_date(seconds: i64) -> String {
    http(from_now(seconds))
}

fn from_now(seconds: i64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "what tests hand out ends by the wall clock")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    now.saturating_add_signed(seconds)
}

fn http(since_1970: u64) -> String {
    let Date { year, month, day, time } = Date::of(since_1970);
    let name = |names: &[&'static str], index: u64| {
        usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or_default()
    };
    let weekday = name(&WEEKDAYS, since_1970 / 86_400 % 7);
    format!("{weekday}, {day:02} {} {year:04} {time} GMT", name(&MONTHS, month.saturating_sub(1)))
}

struct Date {
    year: u64,
    month: u64,
    day: u64,
    time: String,
}

impl Date {
    fn of(seconds: u64) -> Self {
        let (mut days, rest) = (seconds / 86_400, seconds % 86_400);
        let is_leap =
            |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let mut year = 1970;
        while days >= if is_leap(year) { 366 } else { 365 } {
            days -= if is_leap(year) { 366 } else { 365 };
            year += 1;
        }
        let lengths = [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let mut month = 1;
        for length in lengths {
            if days < length {
                break;
            }
            days -= length;
            month += 1;
        }
        let time = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
        Self { year, month, day: days + 1, time }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_aws_and_http_write_them() {
        for (seconds, year, month, day, time) in
            [(951_782_399, 2000, 2, 28, "23:59:59"), (1_893_546_245, 2030, 1, 2, "01:04:05")]
        {
            let date = Date::of(seconds);
            assert_eq!((date.year, date.month, date.day, &*date.time), (year, month, day, time));
        }
        assert_eq!(http(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(in_seconds(0).len(), "2000-02-28T23:59:59Z".len());
    }
}
