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

/// No bound is larger.
const MAX_PAUSE: Duration = Duration::from_secs(20);

/// What the pauses of one request may be asked to be in sum; where it is more, the client is told instead, and knows
/// better than we whether it wants to wait.
const MOST_ASKED: Duration = Duration::from_secs(2);

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

/// What the tries of a request have used up.
#[derive(Debug, Default)]
pub(super) struct Tried {
    /// Whether the only further try that a doubtful failure has was made.
    pub(super) resent: bool,
    /// How long the upstream has asked to wait, in sum.
    asked: Duration,
}

impl Tried {
    /// Says whether another try is allowed after a failure.
    pub(super) fn allows_another(&mut self, verdict: Verdict, asked_for: Option<Duration>) -> bool {
        self.asked = self.asked.saturating_add(asked_for.unwrap_or_default());
        if self.asked > MOST_ASKED {
            return false;
        }
        match verdict {
            Verdict::Final => false,
            Verdict::Again | Verdict::AgainLater => true,
            Verdict::Once => !std::mem::replace(&mut self.resent, true),
        }
    }
}

/// Picks a pause at random below a bound that doubles with each attempt ("full jitter"). What the upstream asks for
/// comes before that, and the bound is the first one: all who were refused at the same time were asked for the same.
pub(super) fn pause(verdict: Verdict, attempt: u32, asked_for: Option<Duration>) -> Duration {
    if let Some(asked_for) = asked_for.filter(|asked_for| !asked_for.is_zero()) {
        return asked_for.saturating_add(LOADED_BASE.mul_f64(fastrand::f64()));
    }
    let base = if verdict == Verdict::AgainLater { LOADED_BASE } else { FAILED_BASE };
    let bound =
        base.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX)).min(MAX_PAUSE);
    bound.mul_f64(fastrand::f64())
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
            let asked = pause(Verdict::Again, attempt, Some(Duration::from_secs(2))).as_millis();
            assert!((2000..=3000).contains(&asked), "{asked}");
        }
    }

    #[test]
    fn what_failed_at_the_same_time_comes_back_spread_out() {
        for (verdict, asked_for) in
            [(Verdict::AgainLater, 0), (Verdict::AgainLater, 2), (Verdict::Again, 1), (Verdict::Again, 2)]
        {
            let asked_for = Duration::from_secs(asked_for);
            let mut tenths = [0_u32; 10];
            for _ in 0..10_000 {
                let pause = pause(verdict, 1, Some(asked_for)) - asked_for;
                tenths[usize::try_from(pause.as_millis()).unwrap() / 100] += 1;
            }
            assert!(tenths.iter().all(|count| (500..2500).contains(count)), "{tenths:?}");
        }
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
