//! How the process stands when the numbers are asked for, and what was counted on the way to Bedrock.

use std::fmt::Error;
use std::sync::Arc;

use chat::{Readiness, Standing, Vital, vitals};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use super::{FAILURE, SUCCESS};

/// How the process stands at a moment. It is no state of the registry: a model that a reload took away must not go on
/// as a number.
#[derive(Debug, Default)]
pub(crate) struct Now {
    /// What `/v1/ready` says.
    pub(crate) ready: bool,
    models: Models,
    /// Each with the name that clients ask for.
    legs: Vec<(Arc<str>, Standing)>,
}

#[derive(Debug, Default)]
struct Models {
    ready: u64,
    initializing: u64,
    error: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabels {
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StandingLabels {
    model: Arc<str>,
    leg: Arc<str>,
    region: Arc<str>,
}

impl Now {
    /// Adds a model, or a worker.
    pub(crate) fn add(&mut self, name: &Arc<str>, readiness: &Readiness, legs: Vec<Standing>) {
        let count = match readiness {
            Readiness::Ready => &mut self.models.ready,
            Readiness::Initializing => &mut self.models.initializing,
            Readiness::Error(_) => &mut self.models.error,
        };
        *count = count.saturating_add(1);
        self.legs.extend(legs.into_iter().map(|leg| (Arc::clone(name), leg)));
    }
}

impl Collector for Now {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let help = "Whether `/v1/ready` says so: 1, or 0";
        let metric = encoder.encode_descriptor("ready", help, None, MetricType::Gauge)?;
        ConstGauge::new(u64::from(self.ready)).encode(metric)?;

        let help = "Models and workers of the manifest, by what `/v1/ready` says of them";
        let mut metric = encoder.encode_descriptor("models", help, None, MetricType::Gauge)?;
        let Models { ready, initializing, error } = self.models;
        for (status, count) in [("ready", ready), ("initializing", initializing), ("error", error)] {
            ConstGauge::new(count).encode(metric.encode_family(&StatusLabels { status })?)?;
        }

        let help = "Whether a model of several is left out because it has failed: 1, or 0";
        let mut metric = encoder.encode_descriptor("leg_left_out", help, None, MetricType::Gauge)?;
        for (model, Standing { leg, left_out }) in &self.legs {
            let labels = StandingLabels {
                model: Arc::clone(model),
                leg: Arc::clone(&leg.model),
                region: leg.region.clone().unwrap_or_default(),
            };
            ConstGauge::new(u64::from(*left_out)).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// What is counted on the way to Bedrock, for the process as a whole.
#[derive(Debug)]
pub(super) struct Vitals;

impl Collector for Vitals {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let help = "Searches for AWS credentials, by whether they gave some";
        let mut metric =
            encoder.encode_descriptor("credential_refreshes", help, None, MetricType::Counter)?;
        for (labels, vital) in [(SUCCESS, Vital::CredentialsFound), (FAILURE, Vital::CredentialsFailed)] {
            ConstCounter::new(vital.total()).encode(metric.encode_family(&labels)?)?;
        }

        let help = "Seconds by which the machine's clock lies behind AWS's; below 0 where it is ahead";
        let unit = Some(&Unit::Seconds);
        let metric = encoder.encode_descriptor("clock_skew", help, unit, MetricType::Gauge)?;
        ConstGauge::new(vitals::clock_skew()).encode(metric)?;

        for (name, help, vital) in [
            (
                "stale_connections",
                "Used connections to Bedrock that broke under the next request",
                Vital::StaleConnection,
            ),
            ("answers_lost", "Calls whose answer was lost, and which may be billed", Vital::AnswerLost),
            ("unknown_content", "Answers with content of a kind that is not known", Vital::Unknown),
        ] {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(vital.total()).encode(metric)?;
        }
        Ok(())
    }
}
