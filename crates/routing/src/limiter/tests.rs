//! What limits let through, in paused time.

use super::*;

fn limiter(allowance: Allowance) -> Arc<Limiter> {
    Limiter::of(allowance).unwrap()
}

/// The limit that refuses, and after how many milliseconds another try is worth it.
fn met(limiter: &Arc<Limiter>) -> Option<(Limit, u128)> {
    limiter.admit().err().map(|met| (met.limit, met.after.as_millis()))
}

#[tokio::test(start_paused = true)]
async fn as_many_run_at_the_same_time_as_may() {
    let limiter = limiter(Allowance { concurrency: Some(2), ..Allowance::default() });
    let running = [limiter.admit().unwrap(), limiter.admit().unwrap()];
    assert_eq!(met(&limiter), Some((Limit::Concurrency, 1000)));
    drop(running);
    assert_eq!(met(&limiter), None);
}

#[tokio::test(start_paused = true)]
async fn a_minutes_worth_may_come_at_once_and_then_one_after_the_other() {
    let limiter = limiter(Allowance { requests: Some(6), ..Allowance::default() });
    for _ in 0..6 {
        assert_eq!(met(&limiter), None);
    }
    assert_eq!(met(&limiter), Some((Limit::Requests, 10_000)));
    tokio::time::advance(Duration::from_millis(9_999)).await;
    assert_eq!(met(&limiter), Some((Limit::Requests, 1)));
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(met(&limiter), None);
    assert_eq!(met(&limiter), Some((Limit::Requests, 10_000)));
    tokio::time::advance(Duration::from_secs(600)).await;
    for _ in 0..6 {
        assert_eq!(met(&limiter), None);
    }
    assert_eq!(met(&limiter), Some((Limit::Requests, 10_000)));
    assert_eq!(limiter.running.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn tokens_are_charged_when_they_have_been_used() {
    let limiter = limiter(Allowance { tokens: Some(600), ..Allowance::default() });
    let (one, other) = (limiter.admit().unwrap(), limiter.admit().unwrap());
    one.used(599);
    assert_eq!(met(&limiter), None);
    other.used(1);
    assert_eq!(met(&limiter), Some((Limit::Tokens, 0)));
    other.used(300);
    assert_eq!(met(&limiter), Some((Limit::Tokens, 30_000)));
    tokio::time::advance(Duration::from_secs(31)).await;
    assert_eq!(met(&limiter), None);
}

#[tokio::test(start_paused = true)]
async fn a_chat_that_is_not_asked_costs_no_request() {
    let limiter = limiter(Allowance { requests: Some(2), ..Allowance::default() });
    let waits = [limiter.reserve().unwrap(), limiter.reserve().unwrap()];
    assert_eq!(met(&limiter), Some((Limit::Requests, 30_000)), "both are kept for those who wait");
    // What is kept is not worked off meanwhile, or it would be there twice.
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(met(&limiter), Some((Limit::Requests, 30_000)));
    let [one, other] = waits;
    drop(one);
    let running = other.begin();
    assert_eq!(met(&limiter), None);
    assert_eq!(met(&limiter), Some((Limit::Requests, 30_000)));
    drop(running);
    assert_eq!(limiter.running.load(Ordering::Relaxed), 0);
}

#[test]
fn limits_that_did_not_change_keep_their_counters() {
    let allowance = Allowance { requests: Some(6), ..Allowance::default() };
    let before = limiter(allowance);
    for (requests, keeps) in [(6, true), (7, false)] {
        let mut after = limiter(Allowance { requests: Some(requests), ..allowance });
        after.inherit(&before);
        assert_eq!(Arc::ptr_eq(&after, &before), keeps, "{requests}");
    }
    assert!(Limiter::of(Allowance::default()).is_none());
}
