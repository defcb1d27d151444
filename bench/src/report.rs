//! Medians of rounds, and ratios of columns of one round.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::load::Answers;
use crate::process::Cpu;
use crate::scenario::Scenario;
use crate::start::NAMES;

/// One turn of one program. Times are in microseconds.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    cpu: f64,
    system_share: f64,
    p50: f64,
    p99: f64,
    first_p50: f64,
    requests_per_second: f64,
    pieces_per_second: f64,
}

impl Sample {
    pub(crate) fn new(answers: &Answers, cpu: Cpu, requests: usize) -> Self {
        let total: Duration = answers.latencies.iter().sum();
        // One after the other, the turn is as long as its answers; else the turn's own time counts.
        let elapsed = if answers.elapsed.is_zero() { total } else { answers.elapsed };
        let rate = |count: f64| count / elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
        Self {
            cpu: cpu.total.as_secs_f64() * 1e6 / number(requests),
            system_share: cpu.system_share(),
            p50: micros(&answers.latencies, 50),
            p99: micros(&answers.latencies, 99),
            first_p50: micros(&answers.first_tokens, 50),
            requests_per_second: rate(number(answers.latencies.len())),
            pieces_per_second: rate(number(answers.pieces)),
        }
    }
}

/// What live streams take.
pub(crate) struct Memory {
    pub(crate) streams: usize,
    /// KiB without, after one answer.
    pub(crate) before: u64,
    /// KiB with all of them.
    pub(crate) most: u64,
}

impl Memory {
    fn per_stream(&self) -> f64 {
        number(self.most.saturating_sub(self.before)) / number(self.streams)
    }
}

/// From the start of a process to its first answer.
pub(crate) struct Start(pub(crate) Vec<Duration>);

/// Everything that was measured.
pub(crate) struct Report {
    scenarios: Vec<(Scenario, Vec<Vec<Sample>>)>,
    pub(crate) idle: Vec<u64>,
    pub(crate) peak: Vec<u64>,
    pub(crate) memory: Option<Memory>,
    pub(crate) start: Option<Start>,
    binary: u64,
}

/// A row of the table: a figure of each program, and the ratios that count.
struct Row {
    name: String,
    unit: &'static str,
    figures: Vec<f64>,
    to_proxy: Option<f64>,
    to_translator: Option<f64>,
}

impl Report {
    pub(crate) fn new(binary: u64) -> Self {
        Self { scenarios: Vec::new(), idle: Vec::new(), peak: Vec::new(), memory: None, start: None, binary }
    }

    /// Takes one round.
    pub(crate) fn add(&mut self, scenario: &Scenario, samples: Vec<Sample>) {
        match self.scenarios.last_mut() {
            Some((last, rounds)) if last.name == scenario.name => rounds.push(samples),
            Some(_) | None => self.scenarios.push((scenario.clone(), vec![samples])),
        }
    }

    fn rows(&self) -> Vec<(&Scenario, Vec<Row>)> {
        let rows = self.scenarios.iter().map(|(scenario, rounds)| {
            let row =
                |name: &str, unit, of: &dyn Fn(&[Sample], usize) -> f64| Row::new(name, unit, rounds, of);
            let mut rows = vec![row("CPU", "µs", &|samples, program| figure(samples, program, |s| s.cpu))];
            if scenario.at_once == 1 {
                rows.push(row("added latency p50", "µs", &|samples, program| {
                    added(samples, program, |s| s.p50)
                }));
                rows.push(row("added latency p99", "µs", &|samples, program| {
                    added(samples, program, |s| s.p99)
                }));
            }
            if scenario.stream {
                let first: fn(&Sample) -> f64 = |s| s.first_p50;
                rows.push(row("added time to first token p50", "µs", &|samples, program| {
                    added(samples, program, first)
                }));
                rows.push(row("events", "1/s", &|samples, program| {
                    figure(samples, program, |s| s.pieces_per_second)
                }));
            } else if scenario.at_once > 1 {
                rows.push(row("requests", "1/s", &|samples, program| {
                    figure(samples, program, |s| s.requests_per_second)
                }));
            }
            (scenario, rows)
        });
        rows.collect()
    }

    /// The table for people.
    pub(crate) fn to_markdown(&self) -> String {
        let mut text = "| load | figure | upstream | proxy | translator | spicerack | ÷ proxy | ÷ translator |\n|---|---|--:|--:|--:|--:|--:|--:|\n".to_owned();
        for (scenario, rows) in self.rows() {
            for row in rows {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "| {} | {} |", scenario.title, row.cells().join(" | "));
            }
        }
        let _ = writeln!(text);
        for (what, memory) in [("idle", &self.idle), ("at their most", &self.peak)] {
            let each: Vec<String> = NAMES
                .iter()
                .zip(memory)
                .map(|(name, kib)| format!("{name} {:.1} MiB", number(*kib) / 1024.0))
                .collect();
            let _ = writeln!(text, "- Memory {what}: {}", each.join(", "));
        }
        if let Some(memory) = &self.memory {
            let _ = writeln!(
                text,
                "- Memory of a live stream: {:.1} KiB ({} at once)",
                memory.per_stream(),
                memory.streams
            );
        }
        if let Some(Start(times)) = &self.start {
            let _ = writeln!(text, "- Start to first answer: {:.1} ms", micros(times, 50) / 1e3);
        }
        let _ = writeln!(text, "- Binary: {:.1} MiB", number(self.binary) / 1024.0 / 1024.0);
        text
    }

    /// The same for programs.
    pub(crate) fn to_json(&self) -> Value {
        let loads = self.rows().into_iter().map(|(scenario, rows)| {
            let rounds = self.scenarios.iter().find(|(other, _)| other.name == scenario.name);
            let system: Vec<f64> = (0..NAMES.len())
                .map(|program| {
                    median(rounds.map_or(&[][..], |(_, rounds)| rounds), &|samples| {
                        figure(samples, program, |s| s.system_share)
                    })
                })
                .collect();
            let rows: Vec<Value> = rows.iter().map(Row::to_json).collect();
            json!({"load": scenario.name, "figures": rows, "system_share": system})
        });
        json!({
            "programs": NAMES,
            "loads": loads.collect::<Vec<_>>(),
            "idle_kib": self.idle,
            "peak_kib": self.peak,
            "kib_per_stream": self.memory.as_ref().map(Memory::per_stream),
            "start_ms": self.start.as_ref().map(|start| micros(&start.0, 50) / 1e3),
            "binary_bytes": self.binary,
        })
    }
}

impl Row {
    fn new(
        name: &str,
        unit: &'static str,
        rounds: &[Vec<Sample>],
        of: &dyn Fn(&[Sample], usize) -> f64,
    ) -> Self {
        let figures: Vec<f64> =
            (0..NAMES.len()).map(|program| median(rounds, &|samples| of(samples, program))).collect();
        // A ratio of two figures of one round is what drift does not touch.
        let ratio = |to: usize| {
            let ratio = median(rounds, &|samples| of(samples, 3) / of(samples, to));
            ratio.is_finite().then_some(ratio)
        };
        Self { name: name.to_owned(), unit, figures, to_proxy: ratio(1), to_translator: ratio(2) }
    }

    fn cells(&self) -> Vec<String> {
        let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"));
        let mut cells = vec![format!("{}, {}", self.name, self.unit)];
        cells.extend(self.figures.iter().map(|figure| format!("{figure:.0}")));
        cells.extend([ratio(self.to_proxy), ratio(self.to_translator)]);
        cells
    }

    fn to_json(&self) -> Value {
        json!({
            "figure": self.name,
            "unit": self.unit,
            "programs": self.figures,
            "to_proxy": self.to_proxy,
            "to_translator": self.to_translator,
        })
    }
}

fn figure(samples: &[Sample], program: usize, of: impl Fn(&Sample) -> f64) -> f64 {
    samples.get(program).map_or(f64::NAN, of)
}

/// What a program adds to the upstream's own figure.
fn added(samples: &[Sample], program: usize, of: impl Fn(&Sample) -> f64) -> f64 {
    figure(samples, program, &of) - figure(samples, 0, &of)
}

fn median(rounds: &[Vec<Sample>], of: &dyn Fn(&[Sample]) -> f64) -> f64 {
    let mut all: Vec<f64> = rounds.iter().map(|samples| of(samples)).collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A percentile in microseconds.
fn micros(times: &[Duration], percent: usize) -> f64 {
    percentile(times, percent).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
}

/// The time that so many of a hundred do not exceed.
pub(crate) fn percentile(times: &[Duration], percent: usize) -> Option<Duration> {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len().saturating_sub(1) * percent / 100).copied()
}

/// A count as a figure; those that are too large for it do not occur.
pub(crate) fn number(count: impl TryInto<u32>) -> f64 {
    f64::from(count.try_into().unwrap_or(u32::MAX))
}
