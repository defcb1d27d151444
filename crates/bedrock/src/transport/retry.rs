//! When a failed call is made again, and after how long.
//!
//! Only calls that have not been answered are repeated: a reply with a 2xx status is billed already.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

/// The first pause's upper bound where the upstream had too much to do: that of AWS's own clients. What many requests
/// failed by at the same time comes back spread over a second, and not in another wave.
const LOADED_BASE: Duration = Duration::from_secs(1);

/// The first pause's upper bound after any other failure.
const FAILED_BASE: Duration = Duration::from_millis(50);

/// No pause is longer; where AWS asks for more, the client is told instead.
const MAX_PAUSE: Duration = Duration::from_secs(20);

/// What a failure says about another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Another try cannot help, or might be billed twice.
    Final,
    /// Nothing was sent, or the upstream said that it did nothing.
    Again,
    /// The upstream had too much to do.
    AgainLater,
    /// The request may have been received: one more try and no further.
    Once,
}

impl Verdict {
    /// Says whether another try is allowed; `resent` remembers the only one that a doubtful failure has.
    pub(super) fn allows_another(self, resent: &mut bool, asked_for: Option<Duration>) -> bool {
        if asked_for.is_some_and(|delay| delay > MAX_PAUSE) {
            return false;
        }
        match self {
            Self::Final => false,
            Self::Again | Self::AgainLater => true,
            Self::Once => !std::mem::replace(resent, true),
        }
    }
}

/// Picks a pause at random below a bound that doubles with each attempt ("full jitter").
pub(super) fn pause(verdict: Verdict, attempt: u32, asked_for: Option<Duration>) -> Duration {
    let base = if verdict == Verdict::AgainLater { LOADED_BASE } else { FAILED_BASE };
    let bound =
        base.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX)).min(MAX_PAUSE);
    let jitter = bound.mul_f64(fastrand::f64());
    jitter.max(asked_for.unwrap_or_default())
}

/// Reads how long AWS, or a proxy before it, asks to wait.
pub(super) fn asked_for(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    if let Some(milliseconds) = text("x-amz-retry-after").and_then(|value| value.trim().parse().ok()) {
        return Some(Duration::from_millis(milliseconds));
    }
    let value = text("retry-after")?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let format = aws_smithy_types::date_time::Format::HttpDate;
    let date = aws_smithy_types::DateTime::from_str(value, format).ok()?;
    SystemTime::try_from(date).ok()?.duration_since(now).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_bounded_and_never_shorter_than_asked() {
        for attempt in 1..40 {
            assert!(pause(Verdict::AgainLater, attempt, None) <= MAX_PAUSE);
            assert!(pause(Verdict::Again, attempt, Some(Duration::from_secs(2))) >= Duration::from_secs(2));
        }
    }

    #[test]
    fn what_failed_at_the_same_time_comes_back_spread_out() {
        let mut tenths = [0_u32; 10];
        for _ in 0..10_000 {
            let pause = pause(Verdict::AgainLater, 1, None);
            tenths[usize::try_from(pause.as_millis()).unwrap() / 100] += 1;
        }
        assert!(tenths.iter().all(|count| (500..2500).contains(count)), "{tenths:?}");
    }

    #[test]
    fn both_spellings_of_retry_after_are_read() {
        let header = |name: &'static str, value: &'static str| {
            HeaderMap::from_iter([(
                http::HeaderName::from_static(name),
                http::HeaderValue::from_static(value),
            )])
        };
        let now = SystemTime::UNIX_EPOCH;
        assert_eq!(asked_for(&header("x-amz-retry-after", "1500"), now), Some(Duration::from_millis(1500)));
        assert_eq!(asked_for(&header("retry-after", "2"), now), Some(Duration::from_secs(2)));
        let date = header("retry-after", "Thu, 01 Jan 1970 00:00:07 GMT");
        assert_eq!(asked_for(&date, now), Some(Duration::from_secs(7)));
        assert_eq!(asked_for(&header("retry-after", "soon"), now), None);
    }
}
