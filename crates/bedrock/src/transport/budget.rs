//! How many calls of a model may be repeated, so that a storm of failures is not made worse.
//!
//! Each request that begins pays in a share of a retry, and each retry takes out a whole one. A full budget holds
//! [`RESERVE`] retries, so that a model with little traffic is served through a short failure. In a long one calls
//! grow by the share alone. A minute without a refused retry fills the budget again.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The retries that a full budget holds.
const RESERVE: u32 = 100;

/// What a retry takes out; a request pays in as many hundredths as the share has percent.
const RETRY: u32 = 100;

const FULL: u32 = RESERVE * RETRY;

/// After this long without a refused retry, what made calls fail is over.
const CALM: Duration = Duration::from_secs(60);

/// The retries that are left. Orderings are relaxed: a number that is off by one for a moment does no harm.
#[derive(Debug)]
pub(super) struct RetryBudget {
    /// What a request pays in, in hundredths of a retry.
    share: u32,
    /// In hundredths of a retry.
    left: AtomicU32,
    began: Instant,
    /// When a retry was refused last, in milliseconds since `began`; 0 where none was since the budget was full.
    refused: AtomicU64,
}

impl RetryBudget {
    /// Begins with a full budget.
    pub(super) fn new(percent: u32) -> Self {
        let (left, refused) = (AtomicU32::new(FULL), AtomicU64::new(0));
        Self { share: percent, left, began: Instant::now(), refused }
    }

    /// Pays in for a request that begins. A full budget is only looked at.
    pub(super) fn pay_in(&self) {
        if self.left.load(Ordering::Relaxed) < FULL {
            self.change(|left| Some(left.saturating_add(self.share).min(FULL)));
        }
    }

    /// Takes a retry out, where there is one.
    pub(super) fn take(&self) -> bool {
        let take = |left: u32| left.checked_sub(RETRY);
        if self.change(take) {
            return true;
        }
        let now = self.now();
        let refused = self.refused.swap(now, Ordering::Relaxed);
        if refused == 0 || now.saturating_sub(refused) < millis(CALM) {
            return false;
        }
        self.refused.store(0, Ordering::Relaxed);
        self.left.store(FULL, Ordering::Relaxed);
        self.change(take)
    }

    fn change(&self, change: impl FnMut(u32) -> Option<u32>) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change).is_ok()
    }

    fn now(&self) -> u64 {
        // 0 stands for never.
        millis(self.began.elapsed()).max(1)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taken(budget: &RetryBudget, tries: u32) -> u32 {
        (0..tries).map(|_| u32::from(budget.take())).sum()
    }

    #[tokio::test(start_paused = true)]
    async fn a_storm_adds_the_reserve_and_then_one_call_to_ten() {
        let budget = RetryBudget::new(10);
        // A thousand requests a second that all fail, and would all be tried again twice.
        let mut retries = 0;
        for _ in 0..120 {
            for _ in 0..1000 {
                budget.pay_in();
                retries += taken(&budget, 2);
            }
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let requests = 120 * 1000;
        assert!(retries <= RESERVE + requests / 10, "{retries}");
        assert!(retries >= requests / 10, "{retries}");
    }

    #[tokio::test(start_paused = true)]
    async fn little_traffic_has_its_reserve_back_after_a_minute_of_calm() {
        let budget = RetryBudget::new(0);
        assert_eq!(taken(&budget, 200), RESERVE);
        tokio::time::advance(CALM - Duration::from_secs(1)).await;
        assert!(!budget.take(), "it is not calm for long enough");
        tokio::time::advance(CALM).await;
        assert_eq!(taken(&budget, 200), RESERVE);
    }

    #[tokio::test(start_paused = true)]
    async fn successes_fill_the_budget_and_never_overfill_it() {
        let budget = RetryBudget::new(10);
        assert_eq!(taken(&budget, 200), RESERVE);
        for _ in 0..30 {
            budget.pay_in();
        }
        assert_eq!(taken(&budget, 200), 3);
        for _ in 0..100_000 {
            budget.pay_in();
        }
        assert_eq!(taken(&budget, 200), RESERVE);
    }

    proptest! {
        #[test]
        fn whatever_happens_it_gives_no_more_than_its_reserve_and_its_share(
            percent in 0_u32..=100,
            steps in proptest::collection::vec((0_u32..40, 0_u32..40, 0_u64..100), 1..200)
        ) {
            let mut paused = tokio::runtime::Builder::new_current_thread();
            paused.enable_time().start_paused(true).build().unwrap().block_on(async {
                let budget = RetryBudget::new(percent);
                let (mut requests, mut retries, began) = (0_u64, 0_u64, Instant::now());
                for (paid, wanted, seconds) in steps {
                    for _ in 0..paid {
                        budget.pay_in();
                    }
                    requests += u64::from(paid);
                    retries += u64::from(taken(&budget, wanted));
                    assert!(budget.left.load(Ordering::Relaxed) <= FULL);
                    // It is filled once at the beginning, and after each calm minute at most.
                    let reserves = 1 + began.elapsed().as_secs() / CALM.as_secs();
                    let most = reserves * u64::from(RESERVE) + requests * u64::from(percent) / 100;
                    assert!(retries <= most, "{retries} of {most}");
                    tokio::time::advance(Duration::from_secs(seconds)).await;
                }
            });
        }
    }
}
