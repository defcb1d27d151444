//! What was sent away, and why.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use routing::Limit;

use super::add;

/// Why a chat was sent away for the sake of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shed {
    /// As many as may wait were waiting.
    QueueFull,
    /// It has waited for as long as a chat may.
    QueueTimeout,
    /// The process holds too much memory.
    Memory,
}

impl Shed {
    const ALL: [Self; 3] = [Self::QueueFull, Self::QueueTimeout, Self::Memory];

    fn labels(self) -> ShedLabels {
        let reason = match self {
            Self::QueueFull => "queue_full",
            Self::QueueTimeout => "queue_timeout",
            Self::Memory => "memory",
        };
        ShedLabels { reason }
    }
}

/// What a client was too slow at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Shaking hands.
    Handshake,
    /// Sending a head.
    Head,
    /// Sending a body.
    Body,
    /// Taking an answer.
    Write,
}

impl Phase {
    const ALL: [Self; 4] = [Self::Handshake, Self::Head, Self::Body, Self::Write];

    fn labels(self) -> PhaseLabels {
        let phase = match self {
            Self::Handshake => "handshake",
            Self::Head => "head",
            Self::Body => "body",
            Self::Write => "write",
        };
        PhaseLabels { phase }
    }
}

/// Whose limit a chat met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The key's.
    Key,
    /// The model's.
    Model,
}

fn limited(scope: Scope, limit: Limit) -> LimitLabels {
    let scope = match scope {
        Scope::Key => "key",
        Scope::Model => "model",
    };
    let limit = match limit {
        Limit::Concurrency => "concurrency",
        Limit::Requests => "requests",
        Limit::Tokens => "tokens",
    };
    LimitLabels { scope, limit }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ShedLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabels {
    scope: &'static str,
    limit: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PhaseLabels {
    phase: &'static str,
}

/// The numbers of an overload.
#[derive(Debug)]
pub(crate) struct Overload {
    shed: Family<ShedLabels, Counter>,
    rate_limited: Family<LimitLabels, Counter>,
    timeouts: Family<PhaseLabels, Counter>,
    pub(crate) rejected: Counter,
    pub(crate) queued: Gauge,
    pub(crate) memory_watermark: Gauge<u64, AtomicU64>,
}

impl Overload {
    pub(super) fn register(all: &mut Registry) -> Self {
        let overload = Self {
            shed: add(all, "shed", "Chats that were sent away for the sake of the process, by reason"),
            rate_limited: add(all, "rate_limited", "Chats that were refused at a limit of a key or a model"),
            timeouts: add(all, "connection_timeouts", "Clients that were too slow, by what at"),
            rejected: add(
                all,
                "connections_rejected",
                "Connections that were closed because their address had too many",
            ),
            queued: add(all, "requests_queued", "Chats that wait for a place"),
            memory_watermark: Gauge::default(),
        };
        all.register_with_unit(
            "memory_watermark",
            "Memory of the process above which new chats are refused; 0 where it is not bounded",
            Unit::Bytes,
            overload.memory_watermark.clone(),
        );
        // All are there from the start, so that the first one is an increase.
        for reason in Shed::ALL {
            drop(overload.shed.get_or_create(&reason.labels()));
        }
        for phase in Phase::ALL {
            drop(overload.timeouts.get_or_create(&phase.labels()));
        }
        overload
    }

    /// Counts a chat that was sent away.
    pub(crate) fn shed(&self, reason: Shed) {
        self.shed.get_or_create(&reason.labels()).inc();
    }

    /// Counts a client that was too slow.
    pub(crate) fn timed_out(&self, phase: Phase) {
        self.timeouts.get_or_create(&phase.labels()).inc();
    }

    /// Counts a chat that met a limit.
    pub(crate) fn limited(&self, scope: Scope, limit: Limit) {
        self.rate_limited.get_or_create(&limited(scope, limit)).inc();
    }
}
