//! What holds of retries, whatever fails: a budget is never overdrawn and never above its reserve, only a minute
//! without a refused retry fills it, what may have been heard is sent once more at most, and no more than two seconds are
//! waited because the upstream asks for them.
//!
//! The first steps say what may be: `p` what a request pays in, in percent, and `m` how many calls one request makes.
//! Then `t` time passes, in milliseconds; `q` a request begins; its call fails for good (`n`), unheard (`g`), by
//! overload (`l`) or in doubt (`o`); `w` is for how many milliseconds the next failure asks; `b` so many requests
//! come and fail by overload as often as they may, with a millisecond between them.

use std::time::Duration;

use tokio::time::{Instant, advance};

use super::{Budget, Failed, Tries, steps};

/// The retries of a full budget.
const RESERVE: u64 = 100;

const CALM: Duration = Duration::from_secs(60);

/// What an upstream may ask the pauses of one request to be, in sum.
const MOST_ASKED: Duration = Duration::from_secs(2);

/// The longest pause where nothing is asked for, and what comes on top at the most where something is.
const MAX_PAUSE: Duration = Duration::from_secs(20);
const MAX_JITTER: Duration = Duration::from_secs(1);

/// What a budget must hold, in hundredths of a retry.
struct Model {
    budget: Budget,
    percent: u64,
    left: u64,
    refused: Option<Instant>,
    requests: u64,
    retries: u64,
    fillings: u64,
}

/// One request.
#[derive(Default)]
struct Request {
    calls: usize,
    tries: Tries,
    asked: Duration,
    in_doubt: u32,
}

/// Does what the steps say.
///
/// # Panics
///
/// Where more is tried again than may be, or less.
pub(crate) fn check(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let Ok(runtime) = runtime else { panic!("there is no runtime") };
    runtime.block_on(run(&steps::steps(bytes)));
}

async fn run(steps: &[(u8, u64)]) {
    let first = steps.iter().position(|(step, _)| !b"pm".contains(step)).unwrap_or(steps.len());
    let (mut percent, mut most) = (10, 3);
    for (step, number) in &steps[..first] {
        match step {
            b'p' => percent = steps::nth(*number, 101).unwrap_or_default(),
            _ => most = steps::nth(*number, 10).unwrap_or_default() + 1,
        }
    }
    let budget = Budget::new(u32::try_from(percent).unwrap_or_default());
    let percent = u64::try_from(percent).unwrap_or_default();
    let left = RESERVE * 100;
    let mut model = Model { budget, percent, left, refused: None, requests: 0, retries: 0, fillings: 0 };
    let (mut request, mut asked) = (None, None);
    for (step, number) in &steps[first..] {
        match step {
            b't' => advance(Duration::from_millis(*number)).await,
            b'w' => asked = Some(Duration::from_millis(*number)),
            b'q' => request = Some(model.begins()),
            b'b' => {
                for _ in 0..number % 3000 {
                    let mut request = model.begins();
                    while model.fails(&mut request, Failed::Overloaded, None, most) {}
                    advance(Duration::from_millis(1)).await;
                }
            }
            b'n' | b'g' | b'l' | b'o' => {
                let failed = match step {
                    b'n' => Failed::ForGood,
                    b'g' => Failed::Unheard,
                    b'l' => Failed::Overloaded,
                    _ => Failed::InDoubt,
                };
                request = request.and_then(|mut request| {
                    model.fails(&mut request, failed, asked.take(), most).then_some(request)
                });
            }
            _ => {}
        }
    }
    let share = model.requests * percent / 100;
    assert!(model.retries <= RESERVE * (1 + model.fillings) + share, "{} retries", model.retries);
}

impl Model {
    fn begins(&mut self) -> Request {
        self.budget.pay_in();
        self.requests += 1;
        self.left = (self.left + self.percent).min(RESERVE * 100);
        Request { calls: 1, ..Request::default() }
    }

    /// A call fails; says whether there is another.
    fn fails(&mut self, request: &mut Request, failed: Failed, asked: Option<Duration>, most: usize) -> bool {
        if request.calls >= most || !request.tries.allow_another(failed, asked) {
            return false;
        }
        request.asked = request.asked.saturating_add(asked.unwrap_or_default());
        assert!(request.asked <= MOST_ASKED, "{:?} are asked for", request.asked);
        let taken = self.budget.take();
        let is_calm = self.refused.is_some_and(|refused| refused.elapsed() >= CALM);
        if self.left < 100 {
            assert_eq!(taken, is_calm, "there is nothing left, and it was calm: {is_calm}");
            if taken {
                (self.left, self.refused, self.fillings) = (RESERVE * 100, None, self.fillings + 1);
            } else {
                self.refused = Some(Instant::now());
            }
        }
        assert!(taken || self.left < 100, "{} are left", self.left);
        if !taken {
            return false;
        }
        self.left -= 100;
        self.retries += 1;
        request.calls += 1;
        request.in_doubt += u32::from(failed == Failed::InDoubt);
        assert!(request.in_doubt <= 1, "it is sent again and again in doubt");
        let pause = failed.pause(u32::try_from(request.calls - 1).unwrap_or(u32::MAX), asked);
        match asked.filter(|asked| !asked.is_zero()) {
            Some(asked) => assert!((asked..=asked + MAX_JITTER).contains(&pause), "{pause:?}"),
            None => assert!(pause <= MAX_PAUSE, "{pause:?}"),
        }
        true
    }
}
