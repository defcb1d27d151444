//! Everything at once, for minutes: whole answers, streams, agents, faults, clients that go, and manifests that change.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::Value;
use tokio::task::{JoinSet, LocalSet};

use super::client::{Answer, Chat, Client, FEW, Leave, few};
use super::gateway::{Gateway, get, id};
use super::{Options, Verdicts, number, say};
use crate::BoxError;
use crate::faulty::{Fault, Script};
use crate::scenario::agent;

/// Clients at once, and the most that each waits before its next request.
const CLIENTS: u64 = 64;
const PAUSE_MS: u64 = 100;

/// How often the manifest changes.
const RELOAD: Duration = Duration::from_secs(3);

/// How often the process is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// By how much memory may grow from the second quarter of the time to the last: once, and for a million requests.
const GROWTH: (f64, f64) = (8.0, 2.0);

/// What may come of a request.
#[derive(Clone, Copy, Debug)]
enum Expect {
    /// The whole answer.
    Exact,
    /// The whole answer, or this status where there are too many calls that are made again.
    ExactOr(u16),
    /// This status.
    Refused(u16),
    /// A beginning, and an error.
    BrokenOff,
    /// The client goes before the end.
    Gone,
}

impl Expect {
    fn is_met(self, answer: Option<&Answer>, script: &Script) -> bool {
        let Some(answer) = answer else { return matches!(self, Self::Gone) };
        let is_refused = |status| answer.status == status && answer.error.is_some();
        match self {
            Self::Exact => answer.is(script),
            Self::ExactOr(status) => answer.is(script) || is_refused(status),
            Self::Refused(status) => is_refused(status),
            Self::BrokenOff => answer.broke_off(script),
            Self::Gone => false,
        }
    }
}

/// What all clients share.
struct Shared {
    gateway: Gateway,
    agent: Value,
    until: Instant,
    /// The next request's number.
    next: Cell<u64>,
    ids: RefCell<Vec<String>>,
    /// What did not come as it must.
    wrong: RefCell<Vec<String>>,
    /// Memory in KiB, look by look.
    memory: RefCell<Vec<u64>>,
    /// The most descriptors.
    descriptors: Cell<usize>,
}

impl Shared {
    fn goes_on(&self) -> bool {
        Instant::now() < self.until
    }

    fn is_wrong(&self, what: String) {
        self.wrong.borrow_mut().push(what);
    }
}

pub(super) async fn run(options: &Options, time: Duration, verdicts: &mut Verdicts) -> Result<(), BoxError> {
    say(&format!("mixed requests of {CLIENTS} clients for {:.1} minutes", time.as_secs_f64() / 60.0))?;
    let gateway = Gateway::start(&options.spicerack).await?;
    few(gateway.program.address, 0).await?;
    let before = gateway.memory()?;
    let shared = Rc::new(Shared {
        gateway,
        agent: agent(),
        until: Instant::now() + time,
        next: Cell::new(FEW),
        ids: RefCell::new((0..FEW).map(|number| id(number, true)).collect()),
        wrong: RefCell::default(),
        memory: RefCell::default(),
        descriptors: Cell::new(0),
    });
    let local = LocalSet::new();
    let mut tasks = JoinSet::new();
    for seed in 0..CLIENTS {
        tasks.spawn_local_on(client(Rc::clone(&shared), seed), &local);
    }
    tasks.spawn_local_on(reload(Rc::clone(&shared)), &local);
    tasks.spawn_local_on(look(Rc::clone(&shared)), &local);
    for ended in local.run_until(tasks.join_all()).await {
        ended?;
    }
    judge(&shared, before, verdicts).await
}

async fn judge(shared: &Shared, before: u64, verdicts: &mut Verdicts) -> Result<(), BoxError> {
    let gateway = &shared.gateway;
    let (mut ids, wrong) = (shared.ids.take(), shared.wrong.take());
    verdicts
        .check(wrong.is_empty(), &format!("requests: {}, of which {} went wrong", ids.len(), wrong.len()))?;
    for what in wrong.iter().take(10) {
        say(&format!("       {what}"))?;
    }
    let [good, bad] = ["success", "failure"].map(|result| {
        let name = format!("spicerack_config_reloads_total{{result=\"{result}\"}}");
        async move { gateway.metric(&name).await }
    });
    let (good, bad) = (good.await.unwrap_or(0.0), bad.await.unwrap_or(0.0));
    verdicts
        .check(good > 0.0 && bad > 0.0, &format!("reloads: {good}, and {bad} of what cannot be served"))?;
    let memory = shared.memory.take();
    let quarter = memory.len() / 4;
    let [second, last] = [1, 3].map(|nth| median(memory.get(nth * quarter..(nth + 1) * quarter)));
    let allowed = GROWTH.0 + GROWTH.1 * number(ids.len()) / 1e6;
    let what = format!(
        "memory under load: {second:.1} MiB in the second quarter, {last:.1} MiB in the last (at most {allowed:.1} more)"
    );
    verdicts.check(last <= second + allowed, &what)?;
    say(&format!("       descriptors under load: {} at most", shared.descriptors.get()))?;
    gateway.is_idle(verdicts).await?;
    let first = shared.next.get();
    few(gateway.program.address, first).await?;
    ids.extend((first..first + FEW).map(|number| id(number, true)));
    gateway.is_small(verdicts, before).await?;
    let lines = gateway.is_logged(verdicts, &ids).await?;
    let (calls, attempts) = (gateway.calls().await?, lines.attempts);
    let ([stayed, went], [by_those_who_stay, by_others]) = (calls, attempts);
    verdicts.check(
        stayed == by_those_who_stay,
        &format!("calls: {stayed} at the upstream, {by_those_who_stay} attempts in the log"),
    )?;
    verdicts.check(
        by_others == went,
        &format!("calls of clients that go: {went} at the upstream, {by_others} attempts in the log"),
    )?;
    let counted = gateway.metrics("spicerack_upstream_attempts_total").await?;
    verdicts.check(
        counted == number(usize::try_from(stayed + went)?),
        &format!("calls: {} at the upstream, {counted} counted", stayed + went),
    )?;
    let dropped = gateway.metric("spicerack_log_lines_dropped_total").await?;
    verdicts.check(dropped == 0.0, &format!("log: {dropped} lines dropped"))?;
    let mut ends: Vec<(String, u64)> = lines.ends.into_iter().collect();
    ends.sort();
    say(&format!("       ends: {ends:?}"))
}

/// In MiB.
fn median(kib: Option<&[u64]>) -> f64 {
    let mut all = kib.unwrap_or_default().to_vec();
    all.sort_unstable();
    all.get(all.len() / 2).map_or(0.0, |kib| number(*kib) / 1024.0)
}

async fn client(shared: Rc<Shared>, seed: u64) -> Result<(), BoxError> {
    let mut random = Rng::with_seed(seed);
    let mut client = Client::new(shared.gateway.program.address);
    while shared.goes_on() {
        let number = shared.next.replace(shared.next.get() + 1);
        let (chat, leave, expect) = request(number, &shared.agent, &mut random);
        shared.ids.borrow_mut().push(id(number, chat.script.stays));
        match client.ask(&chat, leave).await {
            Ok(answer) if expect.is_met(answer.as_ref(), &chat.script) => {}
            Ok(answer) => shared.is_wrong(format!("{expect:?} of {:?}, and got {answer:?}", chat.script)),
            Err(error) => {
                shared.is_wrong(format!("{expect:?} of {:?}, and got an error: {error}", chat.script));
                client = Client::new(shared.gateway.program.address);
            }
        }
        tokio::time::sleep(Duration::from_millis(random.u64(..PAUSE_MS))).await;
    }
    Ok(())
}

/// The next request of a client: four of five go well.
fn request(number: u64, agent: &Value, random: &mut Rng) -> (Chat, Leave, Expect) {
    let stays = |pieces, every, fault| Script { number, pieces, every, fault, stays: true };
    let goes = |pieces, every, fault| Script { number, pieces, every, fault, stays: false };
    let either = random.bool();
    let leave = Leave::After(Duration::from_millis(random.u64(50..500)));
    let (script, stream, expect) = match random.u32(..100) {
        0..30 => (stays(20, 0, Fault::None), false, Expect::Exact),
        30..40 => {
            let chat = Chat::with(stays(30, 0, Fault::None), either, agent.clone());
            return (chat, Leave::Never, Expect::Exact);
        }
        40..60 => (stays(100, 0, Fault::None), true, Expect::Exact),
        60..72 => (stays(20, 20, Fault::None), true, Expect::Exact),
        72..75 => (stays(10, 0, Fault::ThrottledOnce), either, Expect::ExactOr(429)),
        75..77 => (stays(10, 0, Fault::BusyOnce), either, Expect::ExactOr(503)),
        77..78 => (stays(10, 0, Fault::Throttled), either, Expect::Refused(429)),
        78..79 => (stays(10, 0, Fault::Busy), either, Expect::Refused(503)),
        79..82 => (stays(10, 0, Fault::ResetOnce), either, Expect::ExactOr(502)),
        82..84 => (stays(10, 0, Fault::Reset), either, Expect::Refused(502)),
        84..86 => (stays(20, 5, Fault::Torn), true, Expect::BrokenOff),
        86..88 => (stays(20, 0, Fault::Torn), false, Expect::Refused(502)),
        88..90 => (stays(20, 0, Fault::Cut), true, Expect::BrokenOff),
        90..92 => (stays(20, 0, Fault::Exception), true, Expect::BrokenOff),
        92..96 => return (Chat::short(goes(100, 20, Fault::None), true), leave, Expect::Gone),
        _ => return (Chat::short(goes(10, 0, Fault::Silent), either), leave, Expect::Gone),
    };
    (Chat::short(script, stream), Leave::Never, expect)
}

/// Changes the manifest again and again: to what is served otherwise, to what cannot be served, and back.
async fn reload(shared: Rc<Shared>) -> Result<(), BoxError> {
    let path = shared.gateway.folder.path().join("spicepod.yaml");
    let first = shared.gateway.manifest();
    let with = |lines: &str| {
        first.replace("      aws_region: us-east-1\n", &format!("      aws_region: us-east-1\n{lines}"))
    };
    let half = first.get(..first.rfind("aws_secret").unwrap_or(0) + 5).unwrap_or_default().to_owned();
    let manifests = [
        with("      idle_timeout: 61s\n"),
        with("      idle_timeout: soon\n"),
        with("      maxTokens: 77\n"),
        half,
        first.replace("name: pro\n", "name: other\n"),
        "models: [".to_owned(),
        first.clone(),
    ];
    for manifest in manifests.iter().cycle() {
        tokio::time::sleep(RELOAD).await;
        if !shared.goes_on() {
            break;
        }
        std::fs::write(&path, manifest)?;
    }
    Ok(())
}

/// Looks at the process, and asks whether it is well.
async fn look(shared: Rc<Shared>) -> Result<(), BoxError> {
    while shared.goes_on() {
        shared.memory.borrow_mut().push(shared.gateway.memory()?);
        let most = shared.descriptors.get().max(shared.gateway.program.descriptors()?);
        shared.descriptors.set(most);
        if let Err(error) = get(shared.gateway.program.address, "/health").await {
            shared.is_wrong(format!("/health: {error}"));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
