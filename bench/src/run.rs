//! The run: every program in turn, again and again, so that a machine whose speed drifts drifts for all of them.

use std::cell::Cell;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use crate::BoxError;
use crate::load::{Answers, Connection, turn};
use crate::report::{Memory, Report, Sample, Start};
use crate::scenario::{self, Scenario};
use crate::start::{self, Target};

/// Streams at once when their memory is measured: so many that what a process allocates once does not count.
const LIVE: usize = 1_000;

struct Options {
    spicerack: PathBuf,
    rounds: usize,
    quick: bool,
    only: Option<String>,
    json: Option<PathBuf>,
}

impl Options {
    fn read(arguments: &[&str]) -> Result<Self, BoxError> {
        let mut options = Self { spicerack: PathBuf::new(), rounds: 5, quick: false, only: None, json: None };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match *argument {
                "--spicerack" => options.spicerack = value()?.into(),
                "--rounds" => options.rounds = value()?.parse()?,
                "--only" => options.only = Some((*value()?).to_owned()),
                "--json" => options.json = Some(value()?.into()),
                "--quick" => options.quick = true,
                other => return Err(format!("`{other}` is no option; {}", crate::USAGE).into()),
            }
        }
        if !options.spicerack.is_file() {
            return Err(format!("--spicerack {}: no such file", options.spicerack.display()).into());
        }
        Ok(options)
    }
}

/// Measures, and prints a table.
pub(crate) fn run(arguments: &[&str]) -> Result<(), BoxError> {
    let options = Options::read(arguments)?;
    // One thread, so that the load takes no more of the machine than it must.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(measure(&options))?;
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{:#}\n", report.to_json()))?;
    }
    write!(std::io::stdout(), "{}", report.to_markdown())?;
    Ok(())
}

async fn measure(options: &Options) -> Result<Report, BoxError> {
    let folder = tempfile::tempdir()?;
    let targets = start::targets(&options.spicerack, folder.path())?.map(Rc::new);
    let mut report = Report::new(std::fs::metadata(&options.spicerack)?.len());
    report.idle = targets.iter().map(|target| target.program.memory("VmRSS")).collect::<Result<_, _>>()?;
    let rounds = if options.quick { 1 } else { options.rounds };
    let mut scenarios = scenario::all();
    scenarios.retain(|scenario| options.only.as_deref().is_none_or(|only| scenario.name.starts_with(only)));
    for scenario in scenarios {
        let scenario = Rc::new(scenario);
        let requests = if options.quick { scenario.requests.div_ceil(10) } else { scenario.requests };
        // The first turn of a program fills its pools and caches, and is not counted.
        for target in &targets {
            turn(Rc::clone(target), Rc::clone(&scenario), requests.div_ceil(5)).await?;
        }
        for _ in 0..rounds {
            let samples = if scenario.at_once == 1 {
                paired(&targets, &scenario, requests).await?
            } else {
                in_turns(&targets, &scenario, requests).await?
            };
            report.add(&scenario, samples);
        }
        writeln!(std::io::stderr(), "measured: {}", scenario.title)?;
    }
    report.peak = targets.iter().map(|target| target.program.memory("VmHWM")).collect::<Result<_, _>>()?;
    if options.only.is_none() {
        report.memory = Some(memory(&options.spicerack, folder.path()).await?);
        let starts = if options.quick { 3 } else { 9 };
        report.start = Some(starting(&options.spicerack, folder.path(), starts).await?);
    }
    Ok(report)
}

/// A turn each.
async fn in_turns(
    targets: &[Rc<Target>; 4],
    scenario: &Rc<Scenario>,
    requests: usize,
) -> Result<Vec<Sample>, BoxError> {
    let mut samples = Vec::new();
    for target in targets {
        let before = target.program.cpu()?;
        let answers = turn(Rc::clone(target), Rc::clone(scenario), requests).await?;
        samples.push(Sample::new(&answers, target.program.cpu()?.since(before), requests));
    }
    Ok(samples)
}

/// A request each, again and again: what one waits for the others wait for too, so that differences are small.
async fn paired(
    targets: &[Rc<Target>; 4],
    scenario: &Scenario,
    requests: usize,
) -> Result<Vec<Sample>, BoxError> {
    let mut connections = Vec::new();
    for target in targets {
        let connection = Connection::open(target).await?;
        connections.push((connection, Answers::default(), target.program.cpu()?));
    }
    for _ in 0..requests {
        for (connection, answers, _) in &mut connections {
            connection.ask(scenario, answers).await?;
        }
    }
    let samples = targets.iter().zip(&connections).map(|(target, (_, answers, before))| {
        Ok(Sample::new(answers, target.program.cpu()?.since(*before), requests))
    });
    samples.collect()
}

/// What a live stream holds.
async fn memory(spicerack: &Path, folder: &Path) -> Result<Memory, BoxError> {
    let target = Rc::new(start::another(spicerack, folder)?);
    let paced = scenario::all().pop().ok_or("no scenario")?;
    let paced = Rc::new(Scenario { at_once: LIVE, ..paced });
    turn(Rc::clone(&target), Rc::clone(&paced), 1).await?;
    let before = target.program.memory("VmRSS")?;
    let most = Cell::new(before);
    let watching = async {
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            most.set(most.get().max(target.program.memory("VmRSS").unwrap_or(0)));
        }
    };
    tokio::select! {
        answers = turn(Rc::clone(&target), paced, LIVE) => drop(answers?),
        () = watching => {}
    }
    Ok(Memory { streams: LIVE, before, most: most.get() })
}

/// From the start of a process to its first answer.
async fn starting(spicerack: &Path, folder: &Path, times: usize) -> Result<Start, BoxError> {
    let scenario = scenario::all().into_iter().next().ok_or("no scenario")?;
    let mut all = Vec::new();
    for _ in 0..times {
        let target = start::another(spicerack, folder)?;
        let mut connection = Connection::open(&target).await?;
        connection.ask(&scenario, &mut Answers::default()).await?;
        all.push(target.program.started.elapsed());
    }
    Ok(Start(all))
}
