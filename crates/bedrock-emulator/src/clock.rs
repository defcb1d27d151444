//! The wall clock, which signatures are dated by.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "clients date their signatures by the wall clock")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).ok().and_then(|time| i64::try_from(time.as_secs()).ok()).unwrap_or(0)
}

/// Reads `20261122T115518Z` as seconds since 1970.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let digits = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let valid = text.len() == 16 && text.get(8..9) == Some("T") && text.ends_with('Z');
    if !valid {
        return None;
    }
    let (year, month, day) = (digits(0..4)?, digits(4..6)?, digits(6..8)?);
    let seconds = digits(9..11)? * 3600 + digits(11..13)? * 60 + digits(13..15)?;
    Some(days(year, month, day) * 86_400 + seconds)
}

/// Writes seconds since 1970 as `20261122T115518Z`.
pub(crate) fn format(seconds: i64) -> String {
    let (year, month, day) = date(seconds.div_euclid(86_400));
    let (hour, minute, second) = time(seconds);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Writes seconds since 1970 as HTTP wants it: `Sun, 22 Nov 2026 11:55:18 GMT`.
pub(crate) fn http_date(seconds: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let name = |names: &'static [&str], index: i64| {
        usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or_default()
    };
    let days = seconds.div_euclid(86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = time(seconds);
    let (weekday, month) = (name(&DAYS, days.rem_euclid(7)), name(&MONTHS, month - 1));
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

fn time(seconds: i64) -> (i64, i64, i64) {
    let of_day = seconds.rem_euclid(86_400);
    (of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// The date of a day since 1970, the inverse of `days`.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// Days since 1970 of a date in the Gregorian calendar, counted in years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::{format, http_date, parse};

    #[test]
    fn dates_are_read_over_leap_years() {
        assert_eq!(parse("19700101T000000Z"), Some(0));
        assert_eq!(parse("20000229T120000Z"), Some(951_825_600));
        assert_eq!(parse("20261122T115518Z"), Some(1_795_348_518));
        assert_eq!(parse("2026-11-22"), None);
    }

    #[test]
    fn dates_are_written_as_they_are_read() {
        for text in ["19700101T000000Z", "20000229T235959Z", "20261122T115518Z", "21000301T000000Z"] {
            assert_eq!(parse(text).map(format).as_deref(), Some(text));
        }
        assert_eq!(http_date(1_795_348_518), "Sun, 22 Nov 2026 11:55:18 GMT");
    }
}
