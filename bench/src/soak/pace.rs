//! How late answers come. Of streams the whole way from the upstream to the client is measured, and not the part of the
//! gateway alone; of whole answers, how much longer they take than without it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::client::{Answer, Chat, Client, FEW, Leave, few};
use super::gateway::Gateway;
use super::open_loop::open_loop;
use super::streams::after;
use super::{Options, Verdicts, say};
use crate::BoxError;
use crate::faulty::{Fault, Script};
use crate::report::percentile;

/// Streams whose pieces are looked at, pieces of each, how often one comes, and how late it may be.
const STREAMS: u32 = 1_000;
const PIECES: u32 = 100;
const EVERY: Duration = Duration::from_millis(100);
const LATE: Duration = Duration::from_millis(10);

/// Streams that begin in a second.
const RAMP: f64 = 500.0;

/// Streams beside which others begin, how many of those, and how long they may take for their first piece.
const BESIDE: u32 = 200;
const FIRSTS: u32 = 500;
const FIRST: Duration = Duration::from_millis(5);

/// Requests a second that come whether those before them have ended or not, for how long, and how much longer than
/// at the upstream they may take: half of them, and 99 of a hundred.
const RATE: f64 = 200.0;
const TIME: Duration = Duration::from_secs(25);
const HALF: Duration = Duration::from_micros(500);
const MOST: Duration = Duration::from_millis(2);

/// Clients that send their heads a byte at a time, how often, and how much longer others may take beside them. They are
/// closed after 10 s, and come again.
const SLOW_HEADS: u32 = 1_000;
const A_BYTE: Duration = Duration::from_millis(500);
const HARM: f64 = 3.0;

/// When whatever goes on must have ended.
const SLOWEST: Duration = Duration::from_secs(60);

pub(super) async fn run(options: &Options, verdicts: &mut Verdicts) -> Result<(), BoxError> {
    say("how late answers come, from the upstream to the client")?;
    let gateway = Gateway::start(&options.spicerack).await?;
    few(gateway.program.address, 0).await?;
    pieces(&gateway, verdicts).await?;
    firsts(&gateway, verdicts).await?;
    answers(&gateway, verdicts).await?;
    gateway.is_idle(verdicts).await
}

fn dated(number: u64) -> Chat {
    let every = u64::try_from(EVERY.as_millis()).unwrap_or(u64::MAX);
    Chat::short(Script { number, pieces: PIECES, every, fault: Fault::Dated, stays: true }, true)
}

/// Begins streams, one after the other.
fn begin(gateway: &Gateway, first: u64, streams: u32) -> JoinSet<Result<Option<Answer>, BoxError>> {
    let (mut running, address) = (JoinSet::new(), gateway.program.address);
    for number in 0..u64::from(streams) {
        running.spawn(async move {
            tokio::time::sleep(after(number, RAMP)).await;
            Client::new(address).ask(&dated(first + number), Leave::Never).await
        });
    }
    running
}

/// Waits for the end of streams, and gives how late each of their pieces was.
async fn end(
    mut running: JoinSet<Result<Option<Answer>, BoxError>>,
    verdicts: &mut Verdicts,
) -> Result<Vec<Duration>, BoxError> {
    let (mut late, mut wrong) = (Vec::new(), running.len());
    let all = async {
        while let Some(answer) = running.join_next().await {
            let Ok(Ok(Some(answer))) = answer else { continue };
            wrong -= usize::from(answer.done && answer.delays.len() == usize::try_from(PIECES).unwrap_or(0));
            late.extend(answer.delays);
        }
    };
    // What is not there yet is wrong.
    let _ = tokio::time::timeout(SLOWEST, all).await;
    verdicts.check(wrong == 0, &format!("streams that are not complete: {wrong}"))?;
    Ok(late)
}

async fn pieces(gateway: &Gateway, verdicts: &mut Verdicts) -> Result<(), BoxError> {
    let late = end(begin(gateway, FEW, STREAMS), verdicts).await?;
    let [p50, p99] = [50, 99].map(|percent| percentile(&late, percent).unwrap_or(Duration::MAX));
    let what =
        format!("pieces of {STREAMS} streams: p50 {p50:.1?}, p99 {p99:.1?} under way (at most {LATE:?})");
    verdicts.check(p99 <= LATE, &what)
}

async fn firsts(gateway: &Gateway, verdicts: &mut Verdicts) -> Result<(), BoxError> {
    let mut first = FEW + u64::from(STREAMS);
    let beside = begin(gateway, first, BESIDE);
    first += u64::from(BESIDE);
    tokio::time::sleep(after(BESIDE.into(), RAMP) + EVERY).await;
    let (mut client, mut times) = (Client::new(gateway.program.address), Vec::new());
    for number in first..first + u64::from(FIRSTS) {
        let script = Script { number, pieces: 1, every: 0, fault: Fault::None, stays: true };
        let asked = Instant::now();
        let answer = client.ask(&Chat::short(script, true), Leave::After(SLOWEST)).await.ok().flatten();
        let begun = answer.filter(|answer| answer.is(&script)).and_then(|answer| answer.begun);
        times.push(begun.map_or(Duration::MAX, |begun| begun.saturating_duration_since(asked)));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    end(beside, verdicts).await?;
    let [p50, p99] = [50, 99].map(|percent| percentile(&times, percent).unwrap_or(Duration::MAX));
    let what =
        format!("first piece beside {BESIDE} streams: p50 {p50:.1?}, p99 {p99:.1?} (at most {FIRST:?})");
    verdicts.check(p99 <= FIRST, &what)
}

/// Asks in an open loop; says how many answers are not exact, and what half of them and 99 of a hundred took at most.
async fn paced(address: SocketAddr) -> Result<(usize, [Duration; 2]), BoxError> {
    let script = Script { number: 0, pieces: 20, every: 0, fault: Fault::None, stays: true };
    let all = tokio::time::timeout(TIME + SLOWEST, open_loop(address, RATE, TIME, script, false)).await?;
    let wrong = all.iter().filter(|asked| !asked.exact).count();
    let times: Vec<Duration> = all.iter().map(|asked| asked.ended - asked.sent).collect();
    Ok((wrong, [50, 99].map(|percent| percentile(&times, percent).unwrap_or(Duration::MAX))))
}

async fn answers(gateway: &Gateway, verdicts: &mut Verdicts) -> Result<(), BoxError> {
    // The upstream has other words for its answer, and as many bytes.
    let (_, [half, most]) = paced(gateway.at).await?;
    let (wrong, [p50, p99]) = paced(gateway.program.address).await?;
    verdicts.check(wrong == 0, &format!("answers that are not exact: {wrong}"))?;
    let [p50_added, p99_added] = [p50.saturating_sub(half), p99.saturating_sub(most)];
    let what = format!(
        "answers at {RATE} requests a second: p50 {p50_added:.1?} and p99 {p99_added:.1?} later than the upstream's own \
         (at most {HALF:?}, {MOST:?})"
    );
    verdicts.check(p50_added <= HALF && p99_added <= MOST, &what)?;
    let alone = gateway.program.descriptors()?;
    let mut slow = JoinSet::new();
    for number in 0..SLOW_HEADS {
        slow.spawn(slow_head(gateway.program.address, A_BYTE * number / SLOW_HEADS));
    }
    tokio::time::sleep(2 * A_BYTE).await;
    let (wrong, [_, beside]) = paced(gateway.program.address).await?;
    verdicts.check(wrong == 0, &format!("answers that are not exact beside heads without end: {wrong}"))?;
    let open = gateway.program.descriptors()?.saturating_sub(alone);
    let most = usize::try_from(SLOW_HEADS)?;
    verdicts.check(open > most / 2, &format!("heads that are open at the end: {open}"))?;
    let harm = beside.as_secs_f64() / p99.as_secs_f64();
    let what =
        format!("beside {SLOW_HEADS} heads without end: p99 {beside:.1?}, {harm:.1} times (at most {HARM})");
    verdicts.check(harm <= HARM, &what)
}

/// A client that sends a head without end, over another connection where one is closed.
async fn slow_head(address: SocketAddr, after: Duration) -> Result<(), BoxError> {
    // Not all at once: it is the load that would be slow.
    tokio::time::sleep(after).await;
    loop {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: ").await?;
        while stream.write_all(b"a").await.is_ok() {
            tokio::time::sleep(A_BYTE).await;
        }
    }
}
