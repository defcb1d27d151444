//! The edges of what a gateway holds: idle connections, large prompts, an upstream that is gone for a while, and more
//! requests than there are places for.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::client::{Chat, Client, Leave};
use super::gateway::{Gateway, get};
use super::open_loop::{Asked, open_loop};
use super::{Options, Verdicts, number, say};
use crate::BoxError;
use crate::faulty::{Fault, Script};
use crate::report::percentile;

/// Connections that stay open without a request, the most that one may take in KiB, and the most that a new one may
/// wait for its first answer beside them.
pub(super) const IDLE: u32 = 10_000;
const IDLE_KIB: f64 = 12.0;
const ACCEPTED: Duration = Duration::from_millis(10);

/// Large prompts at once, their size, and how often the gateway may hold each.
const LARGE: u32 = 32;
const LARGE_BYTES: u32 = 10_000_000;
const COPIES: f64 = 3.0;

/// Requests a second beside an outage, and its phases.
const OUTAGE_RATE: f64 = 200.0;
const BEFORE: Duration = Duration::from_secs(3);
const GONE: Duration = Duration::from_secs(10);
const AFTER: Duration = Duration::from_secs(8);

/// When requests must go well again, and how many of them.
const RECOVERED: Duration = Duration::from_secs(2);
const RECOVERED_SHARE: f64 = 0.99;

/// The calls for each request once the upstream is back.
const REPEATED: f64 = 1.2;

/// Places of a gateway that is asked for more than it can, and how long that goes on.
const PLACES: u32 = 64;
const MEASURED: Duration = Duration::from_secs(5);
const OVERLOADED: Duration = Duration::from_secs(20);

/// How much more it is asked for, how much of what it can do it must do then, and how soon it must refuse the rest.
const TOO_MUCH: f64 = 3.0;
const GOODPUT: f64 = 0.9;
const REFUSED: Duration = Duration::from_millis(50);

/// How much memory may grow by that.
const OVERLOADED_GROWTH: f64 = 1.2;

pub(super) async fn run(options: &Options, verdicts: &mut Verdicts) -> Result<(), BoxError> {
    idle(options, verdicts).await?;
    large(options, verdicts).await?;
    outage(options, verdicts).await?;
    overload(options, verdicts).await
}

/// Asks once over a connection of its own, which stays.
async fn kept(gateway: &Gateway) -> Result<TcpStream, BoxError> {
    let mut stream = TcpStream::connect(gateway.program.address).await?;
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").await?;
    let mut reply = [0; 1024];
    let length = stream.read(&mut reply).await?;
    match reply.get(..length) {
        Some(reply) if reply.starts_with(b"HTTP/1.1 200") => Ok(stream),
        _ => Err(BoxError::from("/health: no 200")),
    }
}

async fn idle(options: &Options, verdicts: &mut Verdicts) -> Result<(), BoxError> {
    say(&format!("{IDLE} idle connections"))?;
    let gateway = Gateway::start(&options.spicerack).await?;
    // What only the first ones need.
    for _ in 0..100 {
        get(gateway.program.address, "/health").await?;
    }
    let before = gateway.memory()?;
    let (mut connections, mut times) = (Vec::new(), Vec::new());
    for _ in 0..IDLE {
        let began = Instant::now();
        connections.push(kept(&gateway).await?);
        times.push(began.elapsed());
    }
    let each = number(gateway.memory()?.saturating_sub(before)) / f64::from(IDLE);
    verdicts
        .check(each <= IDLE_KIB, &format!("memory of a connection: {each:.1} KiB (at most {IDLE_KIB})"))?;
    let late = percentile(&times, 99).unwrap_or_default();
    let what = format!("p99 of the first answer to a new connection: {late:.1?} (at most {ACCEPTED:?})");
    verdicts.check(late <= ACCEPTED, &what)?;
    drop(connections);
    gateway.is_idle(verdicts).await
}

async fn large(options: &Options, verdicts: &mut Verdicts) -> Result<(), BoxError> {
    say(&format!("{LARGE} prompts of {} MB at once", LARGE_BYTES / 1_000_000))?;
    let gateway = Gateway::start(&options.spicerack).await?;
    let before = gateway.memory()?;
    let text = "a long story. ".repeat(usize::try_from(LARGE_BYTES / 14)?);
    let mut asking = JoinSet::new();
    for number in 0..LARGE {
        let script = Script { number: number.into(), pieces: 20, every: 0, fault: Fault::None, stays: true };
        let body = json!({"model": "lite", "messages": [{"role": "user", "content": &text}]});
        let (chat, address) = (Chat::with(script, false, body), gateway.program.address);
        asking.spawn(async move {
            let answer = Client::new(address).ask(&chat, Leave::Never).await;
            matches!(answer, Ok(Some(answer)) if answer.is(&script))
        });
    }
    let exact = asking.join_all().await.into_iter().filter(|exact| *exact).count();
    verdicts.check(exact == usize::try_from(LARGE)?, &format!("answers: {exact} of {LARGE} are exact"))?;
    let most = gateway.program.memory("VmHWM")?;
    let each = number(most.saturating_sub(before)) * 1024.0 / f64::from(LARGE) / f64::from(LARGE_BYTES);
    let what = format!("memory of a prompt: {each:.2} times its size (at most {COPIES})");
    verdicts.check(each <= COPIES, &what)?;
    gateway.is_idle(verdicts).await
}

async fn outage(options: &Options, verdicts: &mut Verdicts) -> Result<(), BoxError> {
    say(&format!("an upstream that is gone for {} s, at {OUTAGE_RATE} requests a second", GONE.as_secs()))?;
    let mut gateway = Gateway::start(&options.spicerack).await?;
    let script = Script { number: 0, pieces: 20, every: 0, fault: Fault::None, stays: true };
    let address = gateway.program.address;
    let load = open_loop(address, OUTAGE_RATE, BEFORE + GONE + AFTER, script, false);
    let upstream = async {
        tokio::time::sleep(BEFORE).await;
        gateway.end_upstream();
        let gone = Instant::now();
        tokio::time::sleep(GONE).await;
        gateway.restart_upstream()?;
        Ok::<_, BoxError>((gone, Instant::now()))
    };
    let (all, times) = tokio::join!(load, upstream);
    let (gone, back) = times?;
    // A request may have met the end of its upstream, and be made again, up to a second before it was sent away.
    let near = Duration::from_secs(1);
    let early = all.iter().filter(|asked| asked.at + near < gone && !asked.exact).count();
    verdicts.check(early == 0, &format!("requests before it: {early} failed"))?;
    let unclear = all.iter().filter(|asked| !asked.exact && !asked.refused).count();
    verdicts
        .check(unclear == 0, &format!("requests that failed without an error that says so: {unclear}"))?;
    let later: Vec<&Asked> = all.iter().filter(|asked| asked.at >= back + RECOVERED).collect();
    let well = number(later.iter().filter(|asked| asked.exact).count()) / number(later.len()).max(1.0);
    let what = format!("requests from {} s after it: {:.1} % go well", RECOVERED.as_secs(), well * 100.0);
    verdicts.check(well >= RECOVERED_SHARE, &what)?;
    let [calls, _] = gateway.calls().await?;
    let since = all.iter().filter(|asked| asked.ended >= back).count();
    let each = number(calls) / number(since).max(1.0);
    verdicts.check(
        each <= REPEATED,
        &format!("calls since it is back: {each:.2} for a request (at most {REPEATED})"),
    )?;
    let failed = all.iter().filter(|asked| asked.refused).count();
    let last = all.iter().filter(|asked| asked.refused).map(|asked| asked.ended).max();
    let last = last.map_or(Duration::ZERO, |last| last.saturating_duration_since(back));
    say(&format!(
        "       requests that failed: {failed}, the last one {last:.1?} after the upstream was back"
    ))?;
    gateway.is_idle(verdicts).await
}

async fn overload(options: &Options, verdicts: &mut Verdicts) -> Result<(), BoxError> {
    say(&format!("{TOO_MUCH} times what {PLACES} places can do"))?;
    let places = PLACES.to_string();
    let room = ["--max-in-flight", &places, "--max-queued", &places, "--max-connections", "20000"];
    let gateway = Gateway::start_with(&options.spicerack, &room).await?;
    let script = Script { number: 0, pieces: 10, every: 20, fault: Fault::None, stays: true };
    let can = closed_loop(&gateway, script).await?;
    let before = gateway.program.memory("VmHWM")?;
    let mut all = open_loop(gateway.program.address, can * TOO_MUCH, OVERLOADED, script, true).await;
    let after = gateway.program.memory("VmHWM")?;
    let done = number(all.iter().filter(|asked| asked.exact).count()) / OVERLOADED.as_secs_f64();
    verdicts.check(
        done >= can * GOODPUT,
        &format!(
            "complete answers: {can:.0} a second when asked for no more, {done:.0} when asked for too much"
        ),
    )?;
    let unclear = all.iter().filter(|asked| !asked.exact && !asked.refused).count();
    verdicts.check(unclear == 0, &format!("requests that are neither answered nor refused: {unclear}"))?;
    all.retain(|asked| asked.refused);
    let times: Vec<Duration> = all.iter().map(|asked| asked.ended - asked.at).collect();
    let late = percentile(&times, 99).unwrap_or_default();
    let what = format!("refused: {}, p99 after {late:.1?} (at most {REFUSED:?})", times.len());
    verdicts.check(!times.is_empty() && late <= REFUSED, &what)?;
    let [before, after] = [before, after].map(|kib| number(kib) / 1024.0);
    let what = format!("memory: at most {before:.1} MiB before, {after:.1} MiB under it");
    verdicts.check(after <= before * OVERLOADED_GROWTH, &what)?;
    gateway.is_idle(verdicts).await
}

/// How many answers a second as many clients get as there are places.
async fn closed_loop(gateway: &Gateway, script: Script) -> Result<f64, BoxError> {
    let mut clients = JoinSet::new();
    let until = Instant::now() + MEASURED;
    for _ in 0..PLACES {
        let mut client = Client::new(gateway.program.address);
        clients.spawn(async move {
            let mut done = 0_u32;
            while Instant::now() < until {
                let answer = client.ask(&Chat::short(script, true), Leave::Never).await;
                done += u32::from(matches!(answer, Ok(Some(answer)) if answer.is(&script)));
            }
            done
        });
    }
    let done: u32 = clients.join_all().await.into_iter().sum();
    Ok(f64::from(done) / MEASURED.as_secs_f64())
}
