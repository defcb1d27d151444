//! Numbers for Prometheus. Every label comes from a closed set: the models of the manifest, the routes, the kinds.

use std::fmt::{Debug, Error};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use chat::{Leg, Route, Usage};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry, Unit};
use tokio::runtime::Handle;

use crate::{memory, telemetry};

mod now;
mod overload;

pub(crate) use now::Now;
use now::Vitals;
use overload::Overload;
pub(crate) use overload::{Phase, Scope, Shed};

/// What the names of all numbers begin with.
const PREFIX: &str = "spicerack";

/// Upper bounds of the buckets, in seconds: from a cached answer to a long one.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    model: Arc<str>,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DurationLabels {
    route: &'static str,
    model: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    model: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    model: Arc<str>,
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    model: Arc<str>,
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LegLabels {
    model: Arc<str>,
    leg: Arc<str>,
    region: Arc<str>,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

const SUCCESS: ResultLabels = ResultLabels { result: "success" };
const FAILURE: ResultLabels = ResultLabels { result: "failure" };

/// What the log counts, and panics; it is there before anything is served.
#[derive(Debug)]
struct LogLines;

impl Collector for LogLines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let help = "Log lines that were dropped because nobody took them";
        let metric = encoder.encode_descriptor("log_lines_dropped", help, None, MetricType::Counter)?;
        ConstCounter::new(telemetry::dropped()).encode(metric)?;
        let help = "Panics, each of which is a defect";
        let metric = encoder.encode_descriptor("panics", help, None, MetricType::Counter)?;
        ConstCounter::new(telemetry::panics()).encode(metric)
    }
}

/// The memory of the process, looked at when the numbers are.
#[derive(Debug)]
struct Memory;

impl Collector for Memory {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let Some(bytes) = memory::resident() else { return Ok(()) };
        let help = "Memory that the process holds";
        let metric =
            encoder.encode_descriptor("memory_resident", help, Some(&Unit::Bytes), MetricType::Gauge)?;
        ConstGauge::new(bytes).encode(metric)
    }
}

/// The tasks of the runtime that writes the page, of whom the page's own is one.
#[derive(Debug)]
struct Tasks;

impl Collector for Tasks {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let alive = Handle::try_current().map_or(0, |runtime| runtime.metrics().num_alive_tasks());
        let help = "Tasks that are alive";
        let metric = encoder.encode_descriptor("tasks", help, None, MetricType::Gauge)?;
        ConstGauge::new(u64::try_from(alive).unwrap_or(u64::MAX)).encode(metric)
    }
}

/// The numbers of a process.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<DurationLabels, Histogram>,
    first_tokens: Family<ModelLabels, Histogram>,
    tokens: Family<TokenLabels, Counter<u64, AtomicU64>>,
    errors: Family<ErrorLabels, Counter>,
    upstream_attempts: Family<ModelLabels, Counter>,
    legs: Family<LegLabels, Counter>,
    /// The region of models that have several.
    nowhere: Arc<str>,
    retry_budget_exhausted: Family<ModelLabels, Counter>,
    config_reloads: Family<ResultLabels, Counter>,
    pub(crate) generation: Gauge<u64, AtomicU64>,
    pub(crate) in_flight: Gauge,
    pub(crate) connections: Gauge,
    pub(crate) accept_errors: Counter,
    pub(crate) overload: Overload,
}

/// What is counted of a request when it has ended.
#[derive(Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) route: &'static str,
    pub(crate) model: &'a Arc<str>,
    pub(crate) status: u16,
    pub(crate) duration: Duration,
    pub(crate) first_token: Option<Duration>,
    pub(crate) usage: Option<Usage>,
    pub(crate) attempts: u32,
    /// Which of several models was asked.
    pub(crate) way: Option<&'a Route>,
    /// Whether another call was left out for want of a budget.
    pub(crate) budget_exhausted: bool,
    /// The kind of failure.
    pub(crate) failure: Option<&'static str>,
}

/// What makes a histogram, in the type that a family is named by.
const SECONDS_OF: fn() -> Histogram = seconds;

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

/// Registers a metric that starts at nothing.
fn add<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

/// Registers a histogram of times.
fn add_seconds<L>(registry: &mut Registry, name: &str, help: &str) -> Family<L, Histogram>
where
    L: EncodeLabelSet + Clone + Eq + Hash + Send + Sync + Debug + 'static,
{
    let family = Family::new_with_constructor(SECONDS_OF);
    registry.register_with_unit(name, help, Unit::Seconds, family.clone());
    family
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let all = &mut registry;
        all.register_collector(Box::new(LogLines));
        all.register_collector(Box::new(Memory));
        all.register_collector(Box::new(Tasks));
        all.register_collector(Box::new(Vitals));
        let metrics = Self {
            requests: add(all, "requests", "Requests that have ended"),
            durations: add_seconds(
                all,
                "request_duration",
                "Time from a request's head to the end of its answer",
            ),
            first_tokens: add_seconds(
                all,
                "time_to_first_token",
                "Time from a request's head to the first text of a streamed answer",
            ),
            tokens: add(all, "tokens", "Tokens as Amazon Bedrock counted them"),
            errors: add(all, "errors", "Requests that failed, by kind"),
            upstream_attempts: add(all, "upstream_attempts", "Calls to Amazon Bedrock"),
            retry_budget_exhausted: add(
                all,
                "retry_budget_exhausted",
                "Calls that were not repeated because the model's budget of retries was spent",
            ),
            legs: add(all, "legs", "Models that workers asked, and what came of it"),
            nowhere: Arc::from(""),
            in_flight: add(all, "requests_in_flight", "Requests that are being answered"),
            connections: add(all, "connections", "Open connections of clients"),
            accept_errors: add(all, "accept_errors", "Connections that could not be accepted"),
            config_reloads: add(all, "config_reloads", "Changed manifests, by what became of them"),
            generation: add(all, "config_generation", "Number of the manifest in use"),
            overload: Overload::register(all),
            registry,
        };
        // Both are there from the start, so that the first failure is an increase.
        for labels in [SUCCESS, FAILURE] {
            drop(metrics.config_reloads.get_or_create(&labels));
        }
        metrics
    }
}

impl Metrics {
    /// Counts a request that has ended.
    pub(crate) fn count(&self, ended: &Ended<'_>) {
        let Ended {
            route,
            model,
            status,
            duration,
            first_token,
            usage,
            attempts,
            way,
            budget_exhausted,
            failure,
        } = *ended;
        let named = || Arc::clone(model);
        self.requests.get_or_create(&RequestLabels { route, model: named(), status }).inc();
        self.durations
            .get_or_create(&DurationLabels { route, model: named() })
            .observe(duration.as_secs_f64());
        if let Some(time) = first_token {
            self.first_tokens.get_or_create(&ModelLabels { model: named() }).observe(time.as_secs_f64());
        }
        if let Some(kind) = failure {
            self.errors.get_or_create(&ErrorLabels { model: named(), kind }).inc();
        }
        if attempts > 0 {
            self.upstream_attempts.get_or_create(&ModelLabels { model: named() }).inc_by(attempts.into());
        }
        if let Some(way) = way {
            self.count_legs(model, way, failure);
        }
        if budget_exhausted {
            self.retry_budget_exhausted.get_or_create(&ModelLabels { model: named() }).inc();
        }
        let Some(usage) = usage else { return };
        let counts = [
            ("input", usage.input_tokens),
            ("output", usage.output_tokens),
            ("cache_read", usage.cache_read_tokens),
            ("cache_write", usage.cache_write_tokens),
        ];
        for (kind, count) in counts {
            self.tokens.get_or_create(&TokenLabels { model: named(), kind }).inc_by(count);
        }
    }

    /// Counts whom a request went to, on its way to an answer or a failure.
    fn count_legs(&self, model: &Arc<str>, way: &Route, failure: Option<&'static str>) {
        let count = |leg: &Leg, outcome| {
            let region = leg.region.clone().unwrap_or_else(|| Arc::clone(&self.nowhere));
            let labels = LegLabels { model: Arc::clone(model), leg: Arc::clone(&leg.model), region, outcome };
            self.legs.get_or_create(&labels).inc();
        };
        for (leg, kind) in &way.passed {
            count(leg, kind.name());
        }
        count(&way.leg, failure.unwrap_or("completed"));
    }

    /// Counts a manifest that has come into use.
    pub(crate) fn reloaded(&self, generation: u64) {
        self.generation.set(generation);
        self.config_reloads.get_or_create(&SUCCESS).inc();
    }

    /// Counts a manifest that could not be loaded.
    pub(crate) fn reload_failed(&self) {
        self.config_reloads.get_or_create(&FAILURE).inc();
    }

    /// Writes everything in the text format, with how the process stands now.
    ///
    /// # Errors
    ///
    /// Where a metric cannot be written, which is a defect.
    pub(crate) fn text(&self, now: Now) -> Result<String, Error> {
        let mut standing = Registry::with_prefix(PREFIX);
        standing.register_collector(Box::new(now));
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)?;
        encode_registry(&mut text, &standing)?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests;
