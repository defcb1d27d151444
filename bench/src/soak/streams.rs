//! Thousands of streams whose every character is compared, beside clients that do not read.

use std::cell::Cell;
use std::ops::Range;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::client::{Chat, Client, FEW, Leave, few, read_slowly};
use super::gateway::{Gateway, id};
use super::{Options, Verdicts, number, say};
use crate::BoxError;
use crate::faulty::{Fault, Script};

/// Streams that begin in one second.
const RAMP: f64 = 500.0;

/// Clients that do not read and begin in one second, and the time between two pieces of what they do not read. An
/// upstream that is faster is busy with them alone.
const READERS_RAMP: f64 = 250.0;
const READERS_EVERY: u64 = 50;

/// Their sockets are full once memory has not grown for so long.
const FULL: Duration = Duration::from_secs(5);

/// How long that, and their calls, may take.
const SLOWEST: Duration = Duration::from_secs(60);

/// How often the slow readers come.
const TIMES: u64 = 5;

/// The memory that may be gone once the same happened so often, in MiB.
const LOST: f64 = 16.0;

/// How many bytes a second every other slow reader takes.
const TRICKLE: usize = 64;

/// How long a client that takes nothing is kept, and then some.
const LET_GO: Duration = Duration::from_secs(90);

/// The memory that a stream may take, and that a client which does not read may, in KiB. The latter is the write
/// buffer of its connection, the read buffer of the call, and what is in translation between them.
const MOST: (f64, f64) = (56.0, 128.0);

pub(super) async fn run(options: &Options, verdicts: &mut Verdicts) -> Result<(), BoxError> {
    let Options { streams, readers, rate, seconds, .. } = *options;
    say(&format!(
        "{streams} streams of {rate} events a second for {seconds} s, beside {readers} clients that hardly read"
    ))?;
    let gateway = Gateway::start(&options.spicerack).await?;
    few(gateway.program.address, 0).await?;
    let before = gateway.memory()?;
    let slow = slow(&gateway, 0..readers.into()).await?;
    let with_readers = gateway.memory()?;
    let cpu = gateway.program.cpu()?;
    let (most, wrong) = live(options, &gateway).await?;
    let cpu = gateway.program.cpu()?.since(cpu).total;
    verdicts
        .check(wrong == 0, &format!("streams: {streams}, of which {wrong} are not complete or not exact"))?;
    let each = |from: u64, to: u64, count: u32| number(to.saturating_sub(from)) / f64::from(count.max(1));
    let stream = each(with_readers, most, streams);
    verdicts.check(stream <= MOST.0, &format!("memory of a stream: {stream:.1} KiB (at most {})", MOST.0))?;
    let reader = each(before, with_readers, readers);
    verdicts
        .check(reader <= MOST.1, &format!("memory of a slow reader: {reader:.1} KiB (at most {})", MOST.1))?;
    let events = f64::from(streams) * f64::from(rate * seconds);
    say(&format!(
        "       CPU: {:.1} µs an event, slow readers included",
        cpu.as_secs_f64() * 1e6 / events.max(1.0)
    ))?;

    let left = gateway.in_flight(readers / 2, LET_GO).await?;
    verdicts.check(left, "clients that take nothing were let go")?;
    drop(slow);
    gateway.is_idle(verdicts).await?;
    few(gateway.program.address, FEW + u64::from(streams)).await?;
    gateway.is_small(verdicts, before).await?;
    again(&gateway, u64::from(readers), verdicts).await?;
    let mut ids: Vec<String> = (0..2 * FEW + u64::from(streams)).map(|number| id(number, true)).collect();
    ids.extend((0..TIMES * u64::from(readers)).map(|number| id(number, false)));
    let lines = gateway.is_logged(verdicts, &ids).await?;
    let calls = gateway.calls().await?;
    verdicts.check(
        lines.attempts == calls,
        &format!("calls: {calls:?}, attempts in the log: {:?}", lines.attempts),
    )
}

/// What an allocator keeps is used again, and what is lost grows: the readers come again and again, and memory stays.
async fn again(gateway: &Gateway, readers: u64, verdicts: &mut Verdicts) -> Result<(), BoxError> {
    let mut after = Vec::new();
    for time in 1..TIMES {
        drop(slow(gateway, time * readers..(time + 1) * readers).await?);
        let idle = gateway.in_flight(0, LET_GO).await?;
        verdicts.check(idle, "nothing is in flight")?;
        after.push(number(gateway.memory()?) / 1024.0);
    }
    let [first, last] = [after.first(), after.last()].map(|memory| memory.copied().unwrap_or(0.0));
    let what =
        format!("memory each time that as many readers have gone: {after:.1?} MiB (at most {LOST:.0} more)");
    verdicts.check(last <= first + LOST, &what)?;
    gateway.is_idle(verdicts).await
}

/// When one of so many a second begins.
pub(super) fn after(number: u64, a_second: f64) -> Duration {
    Duration::from_secs_f64(super::number(number) / a_second)
}

/// Connects clients that hardly read, and waits until all their calls have been made and nothing grows any more.
async fn slow(gateway: &Gateway, numbers: Range<u64>) -> Result<JoinSet<Result<(), BoxError>>, BoxError> {
    let (first, last, address) = (numbers.start, numbers.end, gateway.program.address);
    let mut slow = JoinSet::new();
    for number in numbers {
        let fault = Fault::Endless;
        let script = Script { number, pieces: 1, every: READERS_EVERY, fault, stays: false };
        let bytes = if number.is_multiple_of(2) { TRICKLE } else { 0 };
        slow.spawn(async move {
            tokio::time::sleep(after(number - first, READERS_RAMP)).await;
            read_slowly(address, Chat::short(script, true), bytes).await
        });
    }
    let began = Instant::now();
    loop {
        let [_, calls] = gateway.calls().await?;
        if calls == last {
            break;
        }
        if began.elapsed() > SLOWEST {
            return Err(format!("only {calls} of {last} calls of slow readers were made").into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (mut most, mut grew) = (gateway.memory()?, Instant::now());
    while grew.elapsed() < FULL && began.elapsed() < SLOWEST {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let memory = gateway.memory()?;
        if memory > most + 256 {
            (most, grew) = (memory, Instant::now());
        }
    }
    Ok(slow)
}

/// Holds streams; gives the most memory of that time in KiB, and how many streams are not as they must be.
async fn live(options: &Options, gateway: &Gateway) -> Result<(u64, usize), BoxError> {
    let Options { streams, rate, seconds, .. } = *options;
    let address = gateway.program.address;
    let mut running = JoinSet::new();
    for number in 0..streams {
        let every = u64::from(1_000 / rate.max(1));
        let script = Script {
            number: FEW + u64::from(number),
            pieces: rate * seconds,
            every,
            fault: Fault::None,
            stays: true,
        };
        running.spawn(async move {
            tokio::time::sleep(after(number.into(), RAMP)).await;
            let answer = Client::new(address).ask(&Chat::short(script, true), Leave::Never).await;
            match answer {
                Ok(Some(answer)) => answer.is(&script),
                Ok(None) | Err(_) => false,
            }
        });
    }
    let most = Cell::new(0);
    let watching = async {
        let began = Instant::now();
        loop {
            tokio::time::sleep(Duration::from_millis(250)).await;
            most.set(most.get().max(gateway.memory().unwrap_or(0)));
            if began.elapsed() > Duration::from_secs(u64::from(seconds) * 5 + 60) {
                return;
            }
        }
    };
    let mut exact = 0_usize;
    let all = async {
        while let Some(answer) = running.join_next().await {
            exact += usize::from(answer.unwrap_or(false));
        }
    };
    tokio::select! {
        () = all => {}
        () = watching => {}
    }
    Ok((most.get(), usize::try_from(streams)?.saturating_sub(exact)))
}
