//! What holds of places and the queue in front of them, whoever comes and goes: no more are answered and no more wait
//! than may, nobody waits while there is a place or for longer than may be, and callers take turns.
//!
//! The first steps say what may be: `p` places, `q` places to wait, `w` for how many milliseconds, `k` keys. Then `t`
//! time passes, in milliseconds; `a` a chat of a caller comes; `d` one that is answered ends; `g` one that waits goes;
//! `h` those who wait do not look whether there is a place, and `l` they do again.

use std::time::Duration;

use tokio::time::{Instant, advance};

use super::{Came, Place, Queue, Wait, Why, steps};

/// Timers are as exact as that.
const EXACT: Duration = Duration::from_millis(2);

/// A chat that waits.
struct Waiting {
    caller: usize,
    since: Instant,
    wait: Wait,
    /// How often others have been let in since it is its caller's first.
    passed: Vec<u32>,
}

struct Model {
    queue: Queue,
    places: usize,
    most: usize,
    time: Duration,
    keys: usize,
    answered: Vec<Place>,
    waiting: Vec<Waiting>,
    /// Those who wait do not look.
    held: bool,
}

/// Does what the steps say.
///
/// # Panics
///
/// Where a chat is let in that may not, or not one that must.
pub(crate) fn check(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let Ok(runtime) = runtime else { panic!("there is no runtime") };
    runtime.block_on(run(&steps::steps(bytes)));
}

async fn run(steps: &[(u8, u64)]) {
    let (mut places, mut most, mut time, mut keys) = (1, 4, 1000, 0);
    let first = steps.iter().position(|(step, _)| !b"pqwk".contains(step)).unwrap_or(steps.len());
    for (step, number) in &steps[..first] {
        let small = usize::try_from(*number).unwrap_or_default();
        match step {
            b'p' => places = small.clamp(1, 20),
            b'q' => most = small.min(50),
            b'w' => time = *number,
            _ => keys = small.min(10),
        }
    }
    let time = Duration::from_millis(time.max(10));
    let queue = Queue::new(places, most, time, keys);
    let (answered, waiting) = (Vec::new(), Vec::new());
    let mut model = Model { queue, places, most, time, keys, answered, waiting, held: false };
    for (step, number) in &steps[first..] {
        match step {
            b't' => advance(Duration::from_millis(*number)).await,
            b'a' => model.comes(*number),
            b'd' => {
                if let Some(nth) = steps::nth(*number, model.answered.len()) {
                    model.answered.remove(nth);
                }
            }
            b'g' => {
                if let Some(nth) = steps::nth(*number, model.waiting.len()) {
                    model.waiting.remove(nth);
                }
            }
            b'h' => model.held = true,
            b'l' => model.held = false,
            _ => {}
        }
        model.look();
    }
    model.ends();
}

impl Model {
    /// A chat comes.
    fn comes(&mut self, number: u64) {
        let caller = steps::nth(number, self.keys).unwrap_or_default();
        let room = self.queue.has_room();
        let free = self.waiting.is_empty() && self.answered.len() < self.places;
        let own = self.waiting.iter().filter(|waiting| waiting.caller == caller).count();
        let share = if self.keys > 1 { self.most.div_ceil(2) } else { self.most };
        match self.queue.comes(caller) {
            Came::In(place) => self.answered.push(place),
            Came::Waits(wait) => {
                assert!(!free && room && self.most > 0, "it waits, and there is room: {free}, {room}");
                let passed = vec![0; self.keys.max(1)];
                self.waiting.push(Waiting { caller, since: Instant::now(), wait, passed });
            }
            Came::Refused(Why::Full) => {
                assert!(
                    !free && (self.waiting.len() >= self.most || own >= share),
                    "there is a place to wait"
                );
            }
            Came::Refused(Why::Late) => panic!("it has not waited yet"),
        }
    }

    /// Those who wait look for a place.
    fn look(&mut self) {
        let fresh: Vec<u32> = vec![0; self.keys.max(1)];
        if self.held {
            // What they would see, and in which order, is not known.
            self.waiting.iter_mut().for_each(|waiting| waiting.passed.clone_from(&fresh));
        } else {
            let mut entered = Vec::new();
            for (place, Waiting { caller, since, wait, passed }) in
                std::mem::take(&mut self.waiting).into_iter().enumerate()
            {
                let waited = since.elapsed();
                match wait.look() {
                    Came::Waits(wait) => {
                        assert!(waited <= self.time + EXACT, "it still waits after {waited:?}");
                        self.waiting.push(Waiting { caller, since, wait, passed });
                    }
                    Came::In(place_taken) => {
                        self.answered.push(place_taken);
                        entered.push((caller, place));
                    }
                    Came::Refused(why) => {
                        assert!(why == Why::Late && waited >= self.time, "{why:?} after {waited:?}");
                    }
                }
            }
            self.take_turns(&entered);
            let full = self.answered.len() == self.places;
            assert!(full || self.waiting.is_empty(), "{} wait beside a free place", self.waiting.len());
            assert!(self.waiting.len() <= self.most, "{} wait", self.waiting.len());
            let room = !full || self.waiting.len() < self.most;
            assert_eq!(self.queue.has_room(), room);
            assert_eq!(self.queue.is_idle(), self.answered.is_empty());
        }
        assert!(self.answered.len() <= self.places, "{} are answered", self.answered.len());
        assert_eq!(usize::try_from(self.queue.queued()), Ok(self.waiting.len()));
    }

    /// A caller is let in at most once before another who waits.
    fn take_turns(&mut self, entered: &[(usize, usize)]) {
        let [(caller, _)] = entered else {
            // Several were let in since the last look.
            let fresh: Vec<u32> = vec![0; self.keys.max(1)];
            let passed = self.waiting.iter_mut().map(|waiting| &mut waiting.passed);
            passed.for_each(|passed| passed.clone_from(&fresh));
            return;
        };
        for waiting in &mut self.waiting {
            if waiting.caller == *caller {
                // Of one caller, they come in their order: this one is behind those that came before.
                waiting.passed.iter_mut().for_each(|passed| *passed = 0);
            } else {
                waiting.passed[*caller] += 1;
                assert!(waiting.passed[*caller] <= 1, "caller {} is passed over", waiting.caller);
            }
        }
    }

    /// All go, and everything is as it was in the beginning.
    fn ends(mut self) {
        self.waiting.clear();
        self.answered.clear();
        assert!(self.queue.is_idle() && self.queue.queued() == 0, "a place is lost");
        for _ in 0..self.places {
            let Came::In(place) = self.queue.comes(0) else { panic!("a place is lost") };
            self.answered.push(place);
        }
        assert!(!matches!(self.queue.comes(0), Came::In(_)), "there are more places than before");
    }
}
