//! The states of a breaker, one after the other.

use super::*;

mod random;

const SECOND: Duration = Duration::from_secs(1);

/// Fails the next request, and says what that changed.
fn fail(breaker: &Breaker, blame: Blame, asked: Option<Duration>) -> Change {
    let now = Instant::now();
    breaker.enter(now).unwrap().failed(blame, asked, now)
}

#[tokio::test(start_paused = true)]
async fn one_clear_failure_opens_it_and_each_failed_probe_doubles_the_window() {
    let breaker = Breaker::default();
    for window in [5, 10, 20, 40, 60, 60] {
        assert_eq!(fail(&breaker, Blame::Leg, None), Change::Opened(window * SECOND));
        assert!(breaker.enter(Instant::now()).is_none());
        tokio::time::advance(window * SECOND - Duration::from_millis(1)).await;
        assert!(!breaker.admits(Instant::now()), "{window}");
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    assert_eq!(breaker.enter(Instant::now()).unwrap().succeeded(), Change::Closed);
    assert_eq!(fail(&breaker, Blame::Leg, None), Change::Opened(5 * SECOND), "it begins anew");
}

#[tokio::test(start_paused = true)]
async fn doubtful_failures_open_it_only_in_a_row() {
    let breaker = Breaker::default();
    for _ in 0..2 {
        assert_eq!(fail(&breaker, Blame::Doubtful, None), Change::Nothing);
        assert_eq!(fail(&breaker, Blame::Doubtful, None), Change::Nothing);
        assert_eq!(breaker.enter(Instant::now()).unwrap().succeeded(), Change::Nothing);
    }
    for _ in 0..2 {
        assert_eq!(fail(&breaker, Blame::Doubtful, None), Change::Nothing);
    }
    assert_eq!(fail(&breaker, Blame::Doubtful, None), Change::Opened(5 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_asks_for_more_time_gets_it_within_bounds() {
    let breaker = Breaker::default();
    assert_eq!(fail(&breaker, Blame::Leg, Some(17 * SECOND)), Change::Opened(17 * SECOND));
    tokio::time::advance(17 * SECOND).await;
    assert_eq!(fail(&breaker, Blame::Leg, Some(Duration::MAX)), Change::Opened(300 * SECOND));
    tokio::time::advance(300 * SECOND).await;
    assert_eq!(fail(&breaker, Blame::Leg, None), Change::Opened(20 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn half_open_lets_exactly_one_request_through() {
    let breaker = Breaker::default();
    fail(&breaker, Blame::Leg, None);
    tokio::time::advance(5 * SECOND).await;
    let probe = breaker.enter(Instant::now()).unwrap();
    assert!(!breaker.admits(Instant::now()) && breaker.enter(Instant::now()).is_none());
    drop(probe);
    let second = breaker.enter(Instant::now()).expect("a probe whose client went says nothing");
    tokio::time::advance(PROBE_TIME - SECOND).await;
    assert!(!breaker.admits(Instant::now()));
    tokio::time::advance(SECOND).await;
    let third = breaker.enter(Instant::now()).expect("a long answer must not keep everybody out");
    drop(second);
    assert!(!breaker.admits(Instant::now()), "the third is still finding out");
    assert_eq!(third.succeeded(), Change::Closed);
    assert!(breaker.admits(Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn what_began_before_it_opened_says_nothing_of_it() {
    let breaker = Breaker::default();
    let now = Instant::now();
    let (slow, failing) = (breaker.enter(now).unwrap(), breaker.enter(now).unwrap());
    fail(&breaker, Blame::Leg, None);
    assert_eq!(slow.succeeded(), Change::Nothing);
    assert!(!breaker.admits(now), "an older success does not close it");
    tokio::time::advance(SECOND).await;
    assert_eq!(failing.failed(Blame::Leg, None, Instant::now()), Change::Nothing);
    tokio::time::advance(4 * SECOND).await;
    assert!(breaker.admits(Instant::now()), "nor does an older failure keep it open");
}

#[tokio::test(start_paused = true)]
async fn the_last_resort_closes_it_by_success_and_changes_no_window_by_failure() {
    let breaker = Breaker::default();
    fail(&breaker, Blame::Leg, None);
    tokio::time::advance(4 * SECOND).await;
    assert_eq!(breaker.force().failed(Blame::Leg, None, Instant::now()), Change::Nothing);
    tokio::time::advance(SECOND).await;
    assert!(breaker.admits(Instant::now()));
    assert_eq!(breaker.force().succeeded(), Change::Closed);
}
