//! What holds of a breaker, whatever happens to the requests that it lets through: closed, it lets all pass; open, none
//! before its window is over, and then one at a time; a success of that one closes it, and one that says nothing
//! leaves it to the next.
//!
//! Steps: `t` time passes, in tenths of a second; `e` a request comes; `f` one that has no other way to go; of those
//! that are on their way, one succeeds (`s`), fails clearly (`l`) or doubtfully (`d`), or says nothing (`x`); `a` is how
//! many seconds the next failure asks for.

use std::time::Duration;

use tokio::time::Instant;

use super::{Became, Breaker, Passed, admits, enter, force, steps};

/// A probe that says nothing keeps others out for so long.
const PROBE_TIME: Duration = Duration::from_secs(60);

/// A window without and with doubling, and one that was asked for.
const WINDOWS: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(60), Duration::from_secs(300)];

/// A request on its way.
struct Request<'a> {
    passed: Passed<'a>,
    /// How often the breaker had opened and closed when it came.
    turn: u32,
    /// It was let through although the breaker was open, as the one that finds out since then.
    probes: Option<Instant>,
}

/// What a breaker must be.
#[derive(Default)]
struct Model {
    /// Until when, and how long its window was without what was asked for.
    open: Option<(Instant, Duration)>,
    turn: u32,
    failures: u32,
}

/// Does what the steps say.
///
/// # Panics
///
/// Where the breaker does anything else than it must.
pub(crate) fn check(bytes: &[u8]) {
    let breaker = Breaker::default();
    let (mut model, mut requests) = (Model::default(), Vec::new());
    let (mut now, mut asked) = (Instant::now(), None);
    for (step, number) in steps::steps(bytes) {
        match step {
            b't' => now += Duration::from_millis(number * 100),
            b'a' => asked = Some(Duration::from_secs(number)),
            b'e' => requests.extend(comes(&breaker, &model, &requests, now)),
            b'f' => requests.push(Request { passed: force(&breaker), turn: model.turn, probes: None }),
            b's' | b'l' | b'd' | b'x' => {
                let Some(nth) = steps::nth(number, requests.len()) else { continue };
                let request = requests.swap_remove(nth);
                match step {
                    b's' => model.succeeds(request),
                    b'x' => drop(request),
                    _ => model.fails(request, step == b'l', asked.take(), now),
                }
            }
            _ => {}
        }
    }
    // Whatever has happened, one success is enough once everything is over.
    drop(requests);
    now += WINDOWS[2];
    let found = enter(&breaker, now).expect("it is never asked again");
    assert_eq!(found.succeeded() == Became::Closed, model.open.is_some());
    let usual = [enter(&breaker, now), enter(&breaker, now)];
    assert!(usual.iter().all(Option::is_some), "it stays open after a success");
}

/// A request comes.
fn comes<'a>(
    breaker: &'a Breaker,
    model: &Model,
    requests: &[Request<'a>],
    now: Instant,
) -> Option<Request<'a>> {
    let is_probed = requests.iter().any(|request| {
        request.turn == model.turn && request.probes.is_some_and(|since| now - since < PROBE_TIME)
    });
    let may = match model.open {
        None => true,
        Some((until, _)) => now >= until && !is_probed,
    };
    assert_eq!(admits(breaker, now), may, "open {:?}, probed: {is_probed}", model.open);
    let passed = enter(breaker, now);
    assert_eq!(passed.is_some(), may, "it does not do what it says");
    let probes = model.open.map(|_| now);
    passed.map(|passed| Request { passed, turn: model.turn, probes })
}

impl Model {
    fn succeeds(&mut self, request: Request<'_>) {
        let (is_of_now, became) = (request.turn == self.turn, request.passed.succeeded());
        if is_of_now {
            self.failures = 0;
        }
        if is_of_now && self.open.take().is_some() {
            self.turn += 1;
            assert_eq!(became, Became::Closed);
        } else {
            assert_eq!(became, Became::Unchanged);
        }
    }

    fn fails(&mut self, request: Request<'_>, is_clear: bool, asked: Option<Duration>, now: Instant) {
        let [first, doubled, most] = WINDOWS;
        let is_of_now = request.turn == self.turn;
        let is_probe = request.probes.is_some();
        let became = request.passed.failed(is_clear, asked, now);
        let window = match self.open {
            _ if !is_of_now => None,
            Some((_, last)) => is_probe.then(|| (last * 2).min(doubled)),
            None => {
                self.failures += 1;
                (is_clear || self.failures == 3).then_some(first)
            }
        };
        let Some(window) = window else {
            assert_eq!(became, Became::Unchanged);
            return;
        };
        let length = window.max(asked.unwrap_or_default().min(most));
        assert_eq!(became, Became::Opened(length));
        *self = Self { open: Some((now + length, window)), turn: self.turn + 1, failures: 0 };
    }
}
