//! What holds of a breaker whatever happens, seen from outside.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// A request asks to pass.
    Enter,
    /// A request has no other way to go.
    Force,
    /// One of the requests on their way succeeds.
    Succeed(Index),
    /// One of them fails, clearly or not, and the provider may ask for so many seconds.
    Fail(Index, bool, Option<u64>),
    /// The client of one of them goes.
    Leave(Index),
    /// Time goes by, in milliseconds.
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let asked = prop_oneof![3 => Just(None), 1 => (0_u64..600).prop_map(Some)];
    prop_oneof![
        6 => Just(Step::Enter),
        1 => Just(Step::Force),
        2 => any::<Index>().prop_map(Step::Succeed),
        3 => (any::<Index>(), any::<bool>(), asked).prop_map(|(who, clear, asked)| Step::Fail(who, clear, asked)),
        2 => any::<Index>().prop_map(Step::Leave),
        2 => (0_u64..2_000).prop_map(Step::Wait),
        2 => (0_u64..90_000).prop_map(Step::Wait),
    ]
}

/// The requests on their way, and what is known of the window.
struct Seen<'a> {
    breaker: &'a Breaker,
    now: Instant,
    permits: Vec<Permit<'a>>,
    /// When the window is over that the last change opened.
    shut_until: Option<Instant>,
}

impl<'a> Seen<'a> {
    fn take(&mut self, who: &Index) -> Option<Permit<'a>> {
        (!self.permits.is_empty()).then(|| self.permits.swap_remove(who.index(self.permits.len())))
    }

    fn changed(&mut self, change: Change) {
        match change {
            Change::Nothing => {}
            Change::Opened(window) => {
                assert!((FIRST_WINDOW..=MAX_ASKED).contains(&window), "{window:?}");
                self.shut_until = Some(self.now + window);
            }
            Change::Closed => self.shut_until = None,
        }
    }

    /// Requests that find out, and have not done so for too long.
    fn probes(&self) -> usize {
        let generation = self.breaker.state().generation;
        let counts = |permit: &&Permit<'_>| match permit.pass {
            Pass::Probe(since) => permit.generation == generation && self.now - since < PROBE_TIME,
            Pass::Usual | Pass::LastResort => false,
        };
        self.permits.iter().filter(counts).count()
    }

    fn is_open(&self) -> bool {
        self.shut_until.is_some_and(|until| self.now < until)
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Enter => {
                // Whoever would have to be let through is, and nobody else.
                let expected = !self.is_open() && (self.shut_until.is_none() || self.probes() == 0);
                let permit = self.breaker.enter(self.now);
                assert_eq!(permit.is_some(), expected, "{:?}", self.breaker);
                self.permits.extend(permit);
            }
            Step::Force => self.permits.push(self.breaker.force()),
            Step::Succeed(who) => {
                let Some(permit) = self.take(who) else { return };
                let is_old = permit.generation != self.breaker.state().generation;
                let change = permit.succeeded();
                assert!(!is_old || change == Change::Nothing);
                self.changed(change);
            }
            Step::Fail(who, clear, asked) => {
                let Some(permit) = self.take(who) else { return };
                let blame = if *clear { Blame::Leg } else { Blame::Doubtful };
                let (is_old, pass) = (permit.generation != self.breaker.state().generation, permit.pass);
                let change = permit.failed(blame, asked.map(Duration::from_secs), self.now);
                assert!(!is_old && pass != Pass::LastResort || change == Change::Nothing);
                self.changed(change);
            }
            Step::Leave(who) => drop(self.take(who)),
            Step::Wait(time) => self.now += Duration::from_millis(*time),
        }
        assert!(self.probes() <= 1, "{:?}", self.breaker);
        let gate = |permit: &Permit<'_>| chat::Gate::admits(self.breaker, permit.generation);
        assert!(
            self.shut_until.is_some() || self.permits.iter().all(gate),
            "where it is closed, whoever was let in goes on"
        );
    }
}

proptest! {
    #[test]
    fn whatever_happens_one_request_finds_out_and_none_comes_before_its_window_is_over(
        steps in proptest::collection::vec(step(), 1..200)
    ) {
        let breaker = Breaker::default();
        let mut seen = Seen { breaker: &breaker, now: Instant::now(), permits: Vec::new(), shut_until: None };
        for step in &steps {
            seen.step(step);
        }
        // However it ended: where all have gone and the window is over, the next one is let through.
        seen.permits.clear();
        seen.now += MAX_ASKED;
        seen.step(&Step::Enter);
        prop_assert_eq!(seen.permits.len(), 1);
    }
}
