//! Much at once and for long, with everything going wrong that does: what is left of it must be nothing.
//!
//! `streams` holds thousands of streams beside thousands of clients that do not read, `ends` stops and kills the
//! gateway under load, `edges` takes it to what it can hold, `pace` looks at how late answers come, `mixed` goes on for
//! minutes. Each prints what it saw, and a verdict for each thing that must hold.

mod client;
mod edges;
mod ends;
mod gateway;
mod mixed;
mod open_loop;
mod pace;
mod streams;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use crate::BoxError;
use crate::process::raise_descriptors;
use crate::report::number;

/// What is to be done.
#[derive(Debug)]
pub(crate) struct Options {
    spicerack: PathBuf,
    only: Option<String>,
    /// Streams at once.
    streams: u32,
    /// Clients that do not read, or hardly.
    readers: u32,
    /// Events a second, of each stream.
    rate: u32,
    /// How long each stream is.
    seconds: u32,
    /// How long mixed requests go on.
    minutes: f64,
}

impl Options {
    fn read(arguments: &[&str]) -> Result<Self, BoxError> {
        let mut options = Self {
            spicerack: PathBuf::new(),
            only: None,
            streams: 2_000,
            readers: 1_000,
            rate: 10,
            seconds: 30,
            minutes: 20.0,
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{argument} needs a value"))?;
            match *argument {
                "--spicerack" => options.spicerack = value.into(),
                "--only" if ["streams", "ends", "edges", "pace", "mixed"].contains(value) => {
                    options.only = Some((*value).to_owned());
                }
                "--streams" => options.streams = value.parse()?,
                "--readers" => options.readers = value.parse()?,
                "--rate" => options.rate = value.parse()?,
                "--seconds" => options.seconds = value.parse()?,
                "--minutes" => options.minutes = value.parse()?,
                other => return Err(format!("`{other} {value}` is no option; {}", crate::USAGE).into()),
            }
        }
        if !options.spicerack.is_file() {
            return Err(format!("--spicerack {}: no such file", options.spicerack.display()).into());
        }
        Ok(options)
    }
}

/// What holds and what does not.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    failed: usize,
}

impl Verdicts {
    /// Says what was found of one thing that must hold.
    pub(crate) fn check(&mut self, holds: bool, what: &str) -> Result<(), BoxError> {
        self.failed += usize::from(!holds);
        say(&format!("  {} {what}", if holds { "ok  " } else { "FAIL" }))
    }
}

/// Tells a line at once: a run takes long.
pub(crate) fn say(line: &str) -> Result<(), BoxError> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// Runs everything, or the one part that was asked for.
pub(crate) fn run(arguments: &[&str]) -> Result<(), BoxError> {
    let options = Options::read(arguments)?;
    let descriptors = raise_descriptors()?;
    // A stream is two of the gateway's, and a reader as well.
    let needed = (2 * u64::from(options.streams + options.readers)).max(edges::IDLE.into()) + 200;
    if descriptors < needed {
        return Err(format!("{descriptors} descriptors are allowed, and {needed} are needed").into());
    }
    // One thread, so that the load takes no more of the machine than it must.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut verdicts = Verdicts::default();
    let wanted = |part: &str| options.only.as_deref().is_none_or(|only| only == part);
    if wanted("streams") {
        runtime.block_on(streams::run(&options, &mut verdicts))?;
    }
    if wanted("ends") {
        runtime.block_on(ends::run(&options, &mut verdicts))?;
    }
    if wanted("edges") {
        runtime.block_on(edges::run(&options, &mut verdicts))?;
    }
    if wanted("pace") {
        runtime.block_on(pace::run(&options, &mut verdicts))?;
    }
    if wanted("mixed") {
        let time = Duration::from_secs_f64(options.minutes * 60.0);
        runtime.block_on(mixed::run(&options, time, &mut verdicts))?;
    }
    match verdicts.failed {
        0 => Ok(()),
        failed => Err(format!("{failed} of what must hold does not").into()),
    }
}
