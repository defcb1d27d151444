//! What holds of any headers of a refusal: a number is what it says, a date is as far away as it is, the past asks for
//! nothing, and a clock that goes by a date tells that date.
//!
//! Each line is a header: its name, a colon and its value.

use std::time::{Duration, SystemTime};

use super::{Asked, Failed, Tries, asked};

/// The end of the year 9999, beyond which no date can be written, in seconds.
const LAST: u64 = 253_402_300_800;

/// The longest pause that an upstream may ask for, and what comes on top at the most.
const MOST_ASKED: Duration = Duration::from_secs(2);
const MAX_JITTER: Duration = Duration::from_secs(1);

/// The longest pause where nothing is asked for.
const MAX_PAUSE: Duration = Duration::from_secs(20);

/// Reads headers.
///
/// # Panics
///
/// Where they are taken for what they are not.
pub(crate) fn check(bytes: &[u8]) {
    let headers = || {
        bytes.split(|byte| *byte == b'\n').filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((&line[..colon], line[colon + 1..].trim_ascii()))
        })
    };
    for seconds in [0, 784_111_777, 1_764_349_200] {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let Asked { wait, date, corrected } = asked(headers(), now);
        let mut names: Vec<_> = headers().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort_unstable();
        let is_named = |name: &str| names.iter().any(|found| found == name.as_bytes());
        let alone = names.len() == 1;
        match headers().next() {
            Some((_, value)) if alone && value.len() < 20 && value.iter().all(u8::is_ascii_digit) => {
                let number: Option<u64> = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                let milliseconds =
                    number.map(Duration::from_millis).filter(|_| is_named("x-amz-retry-after"));
                let seconds = number.map(Duration::from_secs).filter(|_| is_named("retry-after"));
                assert_eq!(wait, milliseconds.or(seconds));
            }
            _ => {}
        }
        assert!(wait.is_none() || is_named("retry-after") || is_named("x-amz-retry-after"));
        if let Some(wait) =
            wait.filter(|_| headers().all(|(_, value)| value.iter().any(u8::is_ascii_alphabetic)))
        {
            assert!(now + wait <= SystemTime::UNIX_EPOCH + Duration::from_secs(LAST), "{wait:?}");
        }
        assert!(date.is_none() || is_named("date"));
        if let (Some(date), Some(corrected)) = (date, corrected) {
            let off = date.duration_since(corrected).unwrap_or_else(|error| error.duration());
            assert!(off < Duration::from_millis(1), "{date:?}, {corrected:?}");
        }
        waits(wait);
    }
}

/// Waits for as long as is asked, or does not try again.
fn waits(wait: Option<Duration>) {
    for failed in [Failed::ForGood, Failed::Unheard, Failed::Overloaded, Failed::InDoubt] {
        let allowed = Tries::default().allow_another(failed, wait);
        let is_short = wait.is_none_or(|wait| wait <= MOST_ASKED);
        assert_eq!(allowed, is_short && failed != Failed::ForGood, "{failed:?}, {wait:?}");
        for attempt in [1, 2, 10, u32::MAX] {
            let pause = failed.pause(attempt, wait);
            let wait = wait.unwrap_or_default();
            assert!(pause >= wait, "{pause:?}");
            let longest = if wait.is_zero() { MAX_PAUSE } else { wait.saturating_add(MAX_JITTER) };
            assert!(pause <= longest, "{pause:?}");
        }
    }
}
