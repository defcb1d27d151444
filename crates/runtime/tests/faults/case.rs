//! One exchange that goes wrong, and what may come of it.

use std::ops::RangeInclusive;

use fault_kit::{Plan, Reply, Seeds};
use serde_json::json;

use crate::lane::Lane;
use crate::record::inherited;

/// The pieces of every scripted answer. The canary may be in answers and nowhere else.
pub(crate) const PIECES: [&str; 4] = ["canary-answer-7741 ", "half of it, ", "and then ", "the rest."];

/// What a request ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The whole answer.
    Answered,
    /// A status of its own, with this code.
    Refused(u16, &'static str),
    /// A stream that has begun and ends with an error of this code.
    Broken(&'static str),
}

/// What the upstream says.
#[derive(Clone, Debug)]
pub(crate) enum Says {
    /// These replies, and then what the emulator itself says.
    Once(Vec<Reply>),
    /// The same to every call.
    Always(Reply),
}

/// One request, what its upstream says, what becomes of that, and what may come of it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) about: String,
    pub(crate) stream: bool,
    /// Whether a connection to the upstream is there already.
    pub(crate) reused: bool,
    /// `nova` is patient; `hasty` waits for half a second, and makes one call; `once` is patient and makes one call.
    pub(crate) model: &'static str,
    pub(crate) says: Says,
    pub(crate) plan: Plan,
    pub(crate) outcomes: Vec<Outcome>,
    /// How many calls the upstream may see.
    pub(crate) calls: RangeInclusive<usize>,
    /// Whether `messageStop` may be delivered: without it no stream may look complete.
    pub(crate) stops: bool,
    /// The text that an answer may begin with.
    pub(crate) text: String,
    /// Whether the gateway must close its connection to the upstream.
    pub(crate) lets_go: bool,
}

impl Case {
    /// A case in which nothing goes wrong yet.
    pub(crate) fn new(about: impl Into<String>, stream: bool) -> Self {
        Self {
            about: about.into(),
            stream,
            reused: false,
            model: "nova",
            says: Says::Once(vec![answer(stream)]),
            plan: Plan::default(),
            outcomes: vec![Outcome::Answered],
            calls: 1..=1,
            stops: true,
            text: PIECES.concat(),
            lets_go: false,
        }
    }

    /// A call that reaches nobody.
    pub(crate) fn lost(about: impl Into<String>, stream: bool) -> Self {
        Self { says: Says::Once(Vec::new()), ..Self::new(about, stream).calls(0..=0) }
    }

    pub(crate) fn hasty(mut self) -> Self {
        self.model = "hasty";
        self
    }

    pub(crate) fn reused(mut self, reused: bool) -> Self {
        self.reused = reused;
        self
    }

    /// The upstream says this once.
    pub(crate) fn says(mut self, reply: Reply) -> Self {
        self.says = Says::Once(vec![reply]);
        self
    }

    /// The upstream says this, and then what it is asked for.
    pub(crate) fn says_first(mut self, reply: Reply) -> Self {
        self.says = Says::Once(vec![reply, answer(self.stream)]);
        self
    }

    /// The upstream says this to every call.
    pub(crate) fn always(mut self, reply: Reply) -> Self {
        self.says = Says::Always(reply);
        self
    }

    pub(crate) fn plan(mut self, plan: Plan) -> Self {
        self.plan = plan;
        self
    }

    pub(crate) fn calls(mut self, calls: RangeInclusive<usize>) -> Self {
        self.calls = calls;
        self
    }

    /// The text of a whole answer, where it is another one than [`PIECES`].
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// The gateway must close its connection.
    pub(crate) fn lets_go(mut self) -> Self {
        self.lets_go = true;
        self
    }

    /// The answer cannot be complete, and its end is one of these.
    pub(crate) fn fails(mut self, outcomes: &[Outcome]) -> Self {
        self.outcomes = outcomes.to_vec();
        self.stops = outcomes.contains(&Outcome::Answered);
        self
    }

    /// Ends with a status of its own.
    pub(crate) fn refused(self, status: u16, code: &'static str) -> Self {
        self.fails(&[Outcome::Refused(status, code)])
    }

    /// Ends as a broken stream.
    pub(crate) fn broken(self, code: &'static str) -> Self {
        self.fails(&[Outcome::Broken(code)])
    }
}

/// Whole and streamed, on fresh connections and on used ones.
pub(crate) const FORMS: [(bool, bool); 4] = [(false, false), (false, true), (true, false), (true, true)];

/// A case in all four forms.
pub(crate) fn in_all_forms(case: impl Fn(bool) -> Case) -> Vec<Case> {
    FORMS.into_iter().map(|(stream, reused)| case(stream).reused(reused)).collect()
}

/// A streamed case on fresh connections and on used ones.
pub(crate) fn streamed(case: impl Fn() -> Case) -> Vec<Case> {
    [false, true].into_iter().map(|reused| case().reused(reused)).collect()
}

/// The scripted answer, whole or streamed.
pub(crate) fn answer(stream: bool) -> Reply {
    if stream { Reply::stream(&PIECES) } else { Reply::converse(&PIECES.concat()) }
}

/// A stream that has said the first pieces.
pub(crate) fn started(pieces: usize) -> Reply {
    let start = Reply::events().event("messageStart", &json!({ "role": "assistant" }));
    PIECES[..pieces].iter().fold(start, |reply, piece| reply.text_delta(piece))
}

/// The end of a stream.
pub(crate) fn stopped(reply: Reply) -> Reply {
    reply
        .event("contentBlockStop", &json!({ "contentBlockIndex": 0 }))
        .event("messageStop", &json!({ "stopReason": "end_turn" }))
}

/// What the run is told by a variable.
pub(crate) fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "tests are told how to run by variables")]
    std::env::var(name).ok()
}

/// How a row is run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// All cases, and not some of them.
    pub(crate) whole: bool,
    pub(crate) seed: u64,
}

impl Run {
    /// As the environment says.
    pub(crate) fn from_environment() -> Self {
        let seed = variable("FAULTS_SEED").map_or(20_261_125, |seed| seed.parse().unwrap());
        println!("FAULTS_SEED={seed}");
        Self { whole: variable("FAULTS").is_some_and(|form| form == "whole"), seed }
    }

    pub(crate) fn seeds(&self) -> Seeds {
        Seeds::new(self.seed)
    }

    /// A number of cases: `few` of the small form, `many` of the whole one.
    pub(crate) fn count(&self, few: usize, many: usize) -> usize {
        if self.whole { many } else { few }
    }

    /// Runs cases, several at once, each several on a gateway of their own.
    pub(crate) async fn all(&self, cases: Vec<Case>) {
        assert!(!cases.is_empty());
        let lanes = cases.len().div_ceil(40).min(4);
        let mut running = tokio::task::JoinSet::new();
        for part in cases.chunks(cases.len().div_ceil(lanes)) {
            let part = part.to_vec();
            running.spawn(inherited(async move {
                let mut lane = Lane::start().await;
                for case in &part {
                    lane.run(case).await;
                }
                lane.stop();
            }));
        }
        while let Some(done) = running.join_next().await {
            if let Err(error) = done {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }
}
