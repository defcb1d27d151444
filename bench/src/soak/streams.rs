//! Thousands of streams whose every character is compared, beside clients that do not read.

use std::cell::Cell;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::client::{Chat, Client, Leave, read_slowly};
use super::gateway::{Gateway, id};
use super::{Options, Verdicts, number, say};
use crate::BoxError;
use crate::faulty::{Fault, Script};

/// Streams that begin in one second.
const RAMP: f64 = 500.0;

/// Requests that come first, so that what is only needed once is there.
const WARM: u64 = 200;

/// How many bytes a second every other slow reader takes.
const TRICKLE: usize = 64;

/// How long a client that takes nothing is kept, and then some.
const LET_GO: Duration = Duration::from_secs(90);

/// The memory that may stay after the load.
const STAYS: f64 = 32.0;

/// The memory that a stream may take, and that a client which does not read may, in KiB.
const MOST: (f64, f64) = (56.0, 128.0);

pub(super) async fn run(options: &Options, verdicts: &mut Verdicts) -> Result<(), BoxError> {
    let Options { streams, readers, rate, seconds, .. } = *options;
    say(&format!(
        "{streams} streams of {rate} events a second for {seconds} s, beside {readers} clients that hardly read"
    ))?;
    let gateway = Gateway::start(&options.spicerack).await?;
    let mut client = Client::new(gateway.program.address);
    for number in 0..WARM {
        let script = Script { number, pieces: 20, every: 0, fault: Fault::None, stays: true };
        client.ask(&Chat::short(script, true), Leave::Never).await?;
    }
    drop(client);
    let before = gateway.memory()?;
    let slow = slow(&gateway, readers).await?;
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
    gateway.is_small(verdicts, before, STAYS)?;
    let mut ids: Vec<String> = (0..WARM + u64::from(streams)).map(|number| id(number, true)).collect();
    ids.extend((0..readers).map(|number| id(number.into(), false)));
    let lines = gateway.is_logged(verdicts, &ids).await?;
    let calls = gateway.calls().await?;
    verdicts.check(
        lines.attempts == calls,
        &format!("calls: {calls:?}, attempts in the log: {:?}", lines.attempts),
    )
}

/// Connects clients that hardly read, and waits until all their calls have been made.
async fn slow(gateway: &Gateway, readers: u32) -> Result<JoinSet<Result<(), BoxError>>, BoxError> {
    let mut slow = JoinSet::new();
    for number in 0..readers {
        let fault = Fault::Endless;
        let script = Script { number: number.into(), pieces: 1, every: 0, fault, stays: false };
        let bytes = if number % 2 == 0 { TRICKLE } else { 0 };
        slow.spawn(read_slowly(gateway.program.address, Chat::short(script, true), bytes));
    }
    while gateway.calls().await? != [WARM, readers.into()] {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Until their sockets are full.
    tokio::time::sleep(Duration::from_secs(3)).await;
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
            number: WARM + u64::from(number),
            pieces: rate * seconds,
            every,
            fault: Fault::None,
            stays: true,
        };
        running.spawn(async move {
            tokio::time::sleep(Duration::from_secs_f64(f64::from(number) / RAMP)).await;
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
