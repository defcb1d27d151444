//! The ends of a process: asked to stop, and killed.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::task::JoinSet;

use super::client::{Answer, Chat, Client, Leave};
use super::gateway::{Gateway, id};
use super::{Options, Verdicts, say};
use crate::BoxError;
use crate::faulty::{Fault, Script};

/// Streams at once.
const STREAMS: u64 = 500;

/// Ten pieces a second, for five seconds.
const PIECES: u32 = 50;
const EVERY: u64 = 100;

/// How long a gateway may take to serve again.
const AGAIN: Duration = Duration::from_millis(500);

/// How much later than its last stream a gateway may end.
const SLACK: Duration = Duration::from_secs(1);

type Streams = JoinSet<Result<(Script, Option<Answer>, Instant), BoxError>>;

pub(super) async fn run(options: &Options, verdicts: &mut Verdicts) -> Result<(), BoxError> {
    say(&format!("SIGTERM and SIGKILL under {STREAMS} streams"))?;
    stopped(options, verdicts).await?;
    killed(options, verdicts).await
}

/// Begins streams, and waits until all calls have been made.
async fn begin(gateway: &Gateway) -> Result<Streams, BoxError> {
    let mut streams = JoinSet::new();
    for number in 0..STREAMS {
        let mut client = Client::new(gateway.program.address);
        let script = Script { number, pieces: PIECES, every: EVERY, fault: Fault::None, stays: true };
        streams.spawn(async move {
            let answer = client.ask(&Chat::short(script, true), Leave::Never).await?;
            Ok((script, answer, Instant::now()))
        });
    }
    while gateway.calls().await? != [STREAMS, 0] {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(streams)
}

async fn stopped(options: &Options, verdicts: &mut Verdicts) -> Result<(), BoxError> {
    let mut gateway = Gateway::start(&options.spicerack).await?;
    let mut streams = begin(&gateway).await?;
    gateway.program.signal(Signal::SIGTERM)?;
    let told = Instant::now();
    let (mut whole, mut last) = (0, told);
    while let Some(answer) = streams.join_next().await {
        if let Ok((script, Some(answer), at)) = answer? {
            whole += u64::from(answer.is(&script));
            last = last.max(at);
        }
    }
    verdicts
        .check(whole == STREAMS, &format!("SIGTERM: {whole} of {STREAMS} streams are complete and exact"))?;
    while gateway.program.ended()?.is_none() && last.elapsed() < SLACK {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (status, after) = (gateway.program.ended()?, last.elapsed());
    let what = format!(
        "SIGTERM: {status:?}, {:.1} s after the signal and {after:.3?} after the last stream",
        told.elapsed().as_secs_f64()
    );
    verdicts.check(status.is_some_and(|status| status.success()), &what)?;
    let ids: Vec<String> = (0..STREAMS).map(|number| id(number, true)).collect();
    gateway.is_logged(verdicts, &ids).await?;
    Ok(())
}

async fn killed(options: &Options, verdicts: &mut Verdicts) -> Result<(), BoxError> {
    let mut gateway = Gateway::start(&options.spicerack).await?;
    let mut streams = begin(&gateway).await?;
    gateway.program.signal(Signal::SIGKILL)?;
    while gateway.program.ended()?.is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let began = Instant::now();
    gateway.restart(&options.spicerack)?;
    let script = Script { number: STREAMS, pieces: 5, every: 0, fault: Fault::None, stays: true };
    let answer = Client::new(gateway.program.address).ask(&Chat::short(script, true), Leave::Never).await?;
    let took = began.elapsed();
    let exact = answer.is_some_and(|answer| answer.is(&script));
    verdicts.check(exact && took <= AGAIN, &format!("SIGKILL: the next process answers after {took:.1?}"))?;
    let mut complete = 0;
    while let Some(answer) = streams.join_next().await {
        complete += u32::from(matches!(answer?, Ok((_, Some(answer), _)) if answer.done));
    }
    verdicts.check(complete == 0, "SIGKILL: no stream that it cut looks complete")
}
