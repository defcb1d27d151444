//! What holds of limits, whatever is asked for: no more is let through than may be, nothing is refused for which there
//! is room, and who comes back when told to is let in.
//!
//! The first steps say what may be: `c` chats at the same time, `r` chats and `k` tokens in a minute. Then `t` time
//! passes, in milliseconds; `a` a chat comes; `w` one waits for as long as the last refusal said, and comes; of those
//! that run, one ends (`d`) or uses so many tokens (`u`). `p` a place is kept for a chat; of those, one is begun (`b`)
//! or given up (`x`).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, advance};

use super::{Allowance, Limit, Limiter, Met, Reserved, Running, steps};

const MINUTE: Duration = Duration::from_secs(60);

/// What has been taken of a rate, as a bucket that runs out over a minute. One of it is as many units as a minute has
/// nanoseconds, so that nothing is rounded.
#[derive(Debug)]
struct Bucket {
    most: u128,
    level: u128,
    seen: Instant,
    /// The limiter rounds each time by less than what a nanosecond is worth.
    rounded: u128,
}

impl Bucket {
    fn new(most: u32) -> Self {
        Self { most: u128::from(most), level: 0, seen: Instant::now(), rounded: 0 }
    }

    fn run_out(&mut self) {
        let time = std::mem::replace(&mut self.seen, Instant::now()).elapsed().as_nanos();
        self.level = self.level.saturating_sub(time * self.most);
        if self.level == 0 {
            self.rounded = 0;
        }
    }

    fn take(&mut self, count: u64) {
        self.run_out();
        self.level += u128::from(count) * MINUTE.as_nanos();
        self.rounded += self.most;
    }

    /// Whether so many more fit for certain, and whether they may.
    fn fits(&mut self, count: u128) -> (bool, bool) {
        self.run_out();
        let (whole, level) = (self.most * MINUTE.as_nanos(), self.level + count * MINUTE.as_nanos());
        (level + self.rounded + self.most < whole, level <= whole + self.rounded + self.most)
    }
}

struct Model {
    limiter: Arc<Limiter>,
    allowance: Allowance,
    running: Vec<Running>,
    kept: Vec<Reserved>,
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    /// When chats were let in.
    admitted: Vec<Instant>,
}

/// Does what the steps say.
///
/// # Panics
///
/// Where too much is let through, or too little.
pub(crate) fn check(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let Ok(runtime) = runtime else { panic!("there is no runtime") };
    runtime.block_on(run(&steps::steps(bytes)));
}

/// What may be, and the steps after it.
fn limits(steps: &[(u8, u64)]) -> (Allowance, &[(u8, u64)]) {
    let mut allowance = Allowance::default();
    let first = steps.iter().position(|(step, _)| !b"crk".contains(step)).unwrap_or(steps.len());
    for (step, number) in &steps[..first] {
        let most = u32::try_from(*number).ok().filter(|most| *most > 0);
        match step {
            b'c' => allowance.concurrency = most,
            b'r' => allowance.requests = most,
            _ => allowance.tokens = most,
        }
    }
    (allowance, &steps[first..])
}

async fn run(steps: &[(u8, u64)]) {
    let (allowance, steps) = limits(steps);
    let Some(limiter) = Limiter::of(allowance) else { return };
    let (requests, tokens) = (allowance.requests.map(Bucket::new), allowance.tokens.map(Bucket::new));
    let mut model = Model {
        limiter,
        allowance,
        running: Vec::new(),
        kept: Vec::new(),
        requests,
        tokens,
        admitted: Vec::new(),
    };
    let mut refused: Option<Met> = None;
    for (step, number) in steps {
        match step {
            b't' => advance(Duration::from_millis(*number)).await,
            b'a' => refused = model.comes(false),
            b'p' => refused = model.comes(true),
            b'w' => {
                let Some(before) = refused else { continue };
                advance(before.after).await;
                refused = model.comes(false);
                let again = refused.filter(|again| again.limit == before.limit);
                assert!(
                    again.is_none() || model.may_meet_again(before.limit),
                    "{before:?}, and then {again:?}"
                );
            }
            b'd' => {
                if let Some(nth) = steps::nth(*number, model.running.len()) {
                    model.running.swap_remove(nth);
                }
            }
            b'b' => {
                let has_begun = model.begins(*number);
                // What it said has not come true: time works off what has begun, and not what is kept.
                refused = refused.filter(|_| !has_begun);
            }
            b'x' => {
                if let Some(nth) = steps::nth(*number, model.kept.len()) {
                    model.kept.swap_remove(nth);
                }
            }
            b'u' => {
                let Some(running) = model.running.last() else { continue };
                running.used(*number);
                // What it said has not come true.
                refused = None;
                if let Some(tokens) = &mut model.tokens {
                    tokens.take(*number);
                }
            }
            _ => {}
        }
    }
    model.ends().await;
}

impl Model {
    /// A chat comes, or is announced; gives what it met.
    fn comes(&mut self, is_kept: bool) -> Option<Met> {
        let most = self.allowance.concurrency.and_then(|most| usize::try_from(most).ok());
        let kept = u64::try_from(self.kept.len()).unwrap_or(u64::MAX);
        let is_full = most.is_some_and(|most| self.running.len() + self.kept.len() >= most);
        let (tokens, may_tokens) = self.tokens.as_mut().map_or((true, true), |tokens| tokens.fits(0));
        let (requests, may_requests) =
            self.requests.as_mut().map_or((true, true), |requests| requests.fits(u128::from(kept) + 1));
        let outcome = if is_kept {
            self.limiter.reserve().map(|reserved| self.kept.push(reserved))
        } else {
            self.limiter.admit().map(|running| self.runs(running))
        };
        let met = match outcome {
            Ok(()) => {
                assert!(!is_full && may_tokens && may_requests, "too much is let through");
                return None;
            }
            Err(met) => met,
        };
        match met.limit {
            Limit::Concurrency => assert!(is_full, "a place is lost"),
            Limit::Tokens => assert!(!is_full && !tokens, "tokens are lost"),
            Limit::Requests => {
                assert!(!is_full && may_tokens && !requests, "requests are lost");
                assert!(met.after <= MINUTE, "{:?}", met.after);
            }
        }
        assert!(met.after > Duration::ZERO, "a client would come back at once");
        Some(met)
    }

    /// Whether a chat that has waited as it was told may meet the same limit again: nobody knows when others end, nor
    /// when those begin for whom places are kept.
    fn may_meet_again(&self, limit: Limit) -> bool {
        let most = self.allowance.requests.and_then(|most| usize::try_from(most).ok());
        match limit {
            Limit::Concurrency => true,
            Limit::Requests => most.is_some_and(|most| self.kept.len() >= most),
            Limit::Tokens => false,
        }
    }

    /// One that is kept begins; says whether there is one.
    fn begins(&mut self, number: u64) -> bool {
        let Some(nth) = steps::nth(number, self.kept.len()) else { return false };
        let running = self.kept.swap_remove(nth).begin();
        self.runs(running);
        true
    }

    fn runs(&mut self, running: Running) {
        self.running.push(running);
        self.admitted.push(Instant::now());
        if let Some(requests) = &mut self.requests {
            requests.take(1);
        }
    }

    /// Looks back, and sees that there is room again after a quiet time.
    async fn ends(mut self) {
        if let Some(most) = self.allowance.requests.and_then(|most| usize::try_from(most).ok()) {
            let mut began = 0;
            for (at, time) in self.admitted.iter().enumerate() {
                while *time - self.admitted[began] >= MINUTE {
                    began += 1;
                }
                // All at once after a quiet minute, and as many again one after the other.
                assert!(at + 1 - began <= 2 * most, "{} within a minute", at + 1 - began);
            }
        }
        self.running.clear();
        self.kept.clear();
        if let Some(tokens) = &self.tokens {
            let over = tokens.level / tokens.most;
            advance(Duration::from_nanos(u64::try_from(over).unwrap_or(u64::MAX))).await;
        }
        advance(MINUTE).await;
        assert_eq!(self.comes(false), None, "nothing is let through any more");
    }
}
