//! One request and its answer: the log line and the numbers that it leaves, whatever becomes of it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat::{ErrorKind, Event, Head, Leg, Route as Way, Usage, Witness};
use http::HeaderValue;
use model_registry::Entry;
use routing::Running;
use tokio::time::Instant;

use super::admission::Admitted;
use super::auth::Caller;
use super::gateway::Gateway;
use super::serving::Serving;
use crate::metrics::{Ended, Scope};
use crate::shutdown::Awaited;

/// A request that is being answered. The last holder's drop writes the log line: the handler's, where the client
/// went before the answer, or the reply's body's.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(super) gateway: Arc<Gateway>,
    /// The manifest that was in use when the request came.
    pub(super) serving: Arc<Serving>,
    asked: Asked,
    started: Instant,
    /// Calls that were begun, counted while they are made: the client may go before a reply that says so.
    attempts: AtomicU32,
    /// The request was refused without its body.
    unread: AtomicBool,
    /// The request's body is being read.
    reading: AtomicBool,
    record: Mutex<Record>,
    /// Has the end of the process wait until the log line is written.
    _awaited: Option<Awaited>,
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) address: IpAddr,
    /// Whether the connection to it is encrypted.
    pub(super) encrypted: bool,
}

/// What was asked, and from where.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request_id: HeaderValue,
    pub(super) method: http::Method,
    pub(super) route: Route,
    pub(super) client: IpAddr,
}

#[derive(Debug, Default)]
struct Record {
    caller: Option<Arc<Caller>>,
    admitted: Option<Admitted>,
    /// Counts the chat among those of its key, and of its model.
    of_key: Option<Running>,
    of_model: Option<Running>,
    model: Option<Arc<Entry>>,
    stream: bool,
    status: u16,
    end: Option<End>,
    budget_exhausted: bool,
    upstream_request_id: Option<String>,
    way: Option<Box<Way>>,
    first_token: Option<Duration>,
    usage: Option<Usage>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
enum End {
    Completed,
    Failed(&'static str),
}

/// The routes, as logs and metrics call them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    ChatCompletions,
    Models,
    Health,
    Ready,
    Other,
}

impl Route {
    pub(super) fn of(path: &str) -> Self {
        match path {
            "/v1/chat/completions" => Self::ChatCompletions,
            "/health" => Self::Health,
            "/v1/ready" => Self::Ready,
            _ if path == "/v1/models" || path.starts_with("/v1/models/") => Self::Models,
            _ => Self::Other,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat_completions",
            Self::Models => "models",
            Self::Health => "health",
            Self::Ready => "ready",
            Self::Other => "other",
        }
    }

    /// Whether anybody may ask.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Health | Self::Ready)
    }
}

impl Exchange {
    pub(super) fn begin(gateway: Arc<Gateway>, asked: Asked) -> Self {
        gateway.metrics.in_flight.inc();
        let serving = gateway.serving();
        let started = Instant::now();
        let awaited = gateway.shutdown.awaits();
        Self {
            gateway,
            serving,
            asked,
            started,
            attempts: AtomicU32::new(0),
            unread: AtomicBool::new(false),
            reading: AtomicBool::new(false),
            record: Mutex::default(),
            _awaited: awaited,
        }
    }

    /// Never held over an await: it is there because a reply's body lives on another stack than its handler.
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn route(&self) -> Route {
        self.asked.route
    }

    pub(super) fn request_id(&self) -> &HeaderValue {
        &self.asked.request_id
    }

    /// Says that the request's body is not read.
    pub(super) fn leaves_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// Says whether the request's body is being read.
    pub(super) fn reads(&self, reading: bool) {
        self.reading.store(reading, Ordering::Relaxed);
    }

    pub(super) fn is_reading(&self) -> bool {
        self.reading.load(Ordering::Relaxed)
    }

    pub(super) fn set_caller(&self, caller: Arc<Caller>) {
        self.record().caller = Some(caller);
    }

    /// Who calls; `None` where anybody may.
    pub(super) fn caller(&self) -> Option<Arc<Caller>> {
        self.record().caller.clone()
    }

    /// Holds the chat's place until the exchange has ended.
    pub(super) fn hold(&self, admitted: Admitted) {
        self.record().admitted = Some(admitted);
    }

    /// Counts the chat among those of a key or of a model until the exchange has ended.
    pub(super) fn runs(&self, scope: Scope, running: Running) {
        let mut record = self.record();
        match scope {
            Scope::Key => record.of_key = Some(running),
            Scope::Model => record.of_model = Some(running),
        }
    }

    pub(super) fn asks(&self, model: &Arc<Entry>, stream: bool) {
        let mut record = self.record();
        record.model = Some(Arc::clone(model));
        record.stream = stream;
    }

    pub(super) fn answered_by(&self, head: &Head) {
        let mut record = self.record();
        record.upstream_request_id.clone_from(&head.upstream_request_id);
        record.way.clone_from(&head.route);
    }

    pub(super) fn failed_by(&self, error: &chat::Error) {
        let mut record = self.record();
        record.budget_exhausted |= error.is_budget_exhausted();
        if let Some(id) = error.request_id() {
            record.upstream_request_id = Some(id.to_owned());
        }
        if let Some(way) = error.route() {
            record.way = Some(Box::new(way.clone()));
        }
    }

    fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::Relaxed)
    }

    pub(super) fn costs(&self, usage: Option<Usage>) {
        self.record().usage = usage;
    }

    /// Notes what an event says about the answer as a whole.
    pub(super) fn observe(&self, event: &Event) {
        match event {
            Event::Text(text) | Event::ReasoningText(text) if !text.is_empty() => self.first_token(),
            Event::ToolCall { .. } => self.first_token(),
            Event::Metadata(metadata) => self.record().usage = metadata.usage,
            Event::Started
            | Event::Text(_)
            | Event::ReasoningText(_)
            | Event::Reasoning(_)
            | Event::ToolArguments { .. }
            | Event::Finished(_) => {}
        }
    }

    fn first_token(&self) {
        self.record().first_token.get_or_insert_with(|| self.started.elapsed());
    }

    pub(super) fn status(&self, status: u16) {
        self.record().status = status;
    }

    /// The answer is out as a whole.
    pub(super) fn complete(&self) {
        self.record().end.get_or_insert(End::Completed);
    }

    /// The request has failed; what fails first is the reason.
    pub(super) fn fail(&self, reason: &'static str) {
        self.record().end.get_or_insert(End::Failed(reason));
    }
}

/// What is known while nothing has come back; a reply says which way was taken in the end.
impl Witness for Exchange {
    fn called(&self) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    fn withdrawn(&self) {
        self.attempts.fetch_sub(1, Ordering::Relaxed);
    }

    fn asked(&self, leg: Leg) {
        let mut record = self.record();
        match &mut record.way {
            Some(way) => way.leg = leg,
            None => record.way = Some(Box::new(Way { leg, passed: Vec::new() })),
        }
    }

    fn failed(&self, leg: Leg, kind: ErrorKind) {
        let mut record = self.record();
        let way = record.way.get_or_insert_with(|| Box::new(Way { leg: leg.clone(), passed: Vec::new() }));
        way.passed.push((leg, kind));
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let record = std::mem::take(&mut *self.record());
        self.gateway.metrics.in_flight.dec();
        let duration = self.started.elapsed();
        let model = record.model.as_ref().map_or(&self.gateway.unknown, |entry| &entry.name);
        let failure = match record.end {
            Some(End::Completed) => None,
            Some(End::Failed(reason)) => Some(reason),
            // Nobody finished it, so it was dropped: the connection is gone, or was cut off.
            None if self.gateway.shutdown.is_cutting() => Some("server_shutting_down"),
            None => Some("client_closed"),
        };
        self.gateway.metrics.count(&Ended {
            route: self.asked.route.name(),
            model,
            status: record.status,
            duration,
            first_token: record.first_token,
            usage: record.usage,
            attempts: self.attempts(),
            way: record.way.as_deref(),
            budget_exhausted: record.budget_exhausted,
            failure,
        });
        if let (Some(running), Some(usage)) = (&record.of_key, record.usage) {
            running.used(usage.prompt_tokens().saturating_add(usage.output_tokens));
        }
        self.log(&record, failure, duration);
    }
}

impl Exchange {
    fn log(&self, record: &Record, failure: Option<&'static str>, duration: Duration) {
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    $level,
                    request_id = self.asked.request_id.to_str().unwrap_or_default(),
                    method = self.asked.method.as_str(),
                    route = self.asked.route.name(),
                    model = record.model.as_ref().map(|entry| &*entry.name),
                    leg = record.way.as_ref().map(|way| &*way.leg.model),
                    region = record.way.as_ref().and_then(|way| way.leg.region.as_deref()),
                    passed = record.way.as_ref().and_then(|way| passed(way)),
                    stream = record.stream,
                    status = record.status,
                    end_reason = failure.unwrap_or("completed"),
                    attempts = self.attempts(),
                    prompt_tokens = record.usage.map(|usage| usage.prompt_tokens()),
                    completion_tokens = record.usage.map(|usage| usage.output_tokens),
                    duration_ms = millis(duration),
                    first_token_ms = record.first_token.map(millis),
                    upstream_request_id = record.upstream_request_id.as_deref(),
                    client = %self.asked.client,
                    key_id = record.caller.as_ref().map(|caller| &*caller.key_id),
                    key = record.caller.as_ref().and_then(|caller| caller.name.as_deref()),
                    "request"
                )
            };
        }
        match (record.status, self.asked.route) {
            // Probes come every few seconds, and say nothing while all is well.
            (200, Route::Health | Route::Ready) => line!(tracing::Level::DEBUG),
            (500.., _) => line!(tracing::Level::WARN),
            _ => line!(tracing::Level::INFO),
        }
    }
}

/// Who failed before somebody answered, and why: `east throttled, west timeout`.
fn passed(way: &Way) -> Option<String> {
    let name = |leg: &chat::Leg| match &leg.region {
        Some(region) => format!("{} {region}", leg.model),
        None => leg.model.to_string(),
    };
    let steps: Vec<String> =
        way.passed.iter().map(|(leg, kind)| format!("{} {}", name(leg), kind.name())).collect();
    (!steps.is_empty()).then(|| steps.join(", "))
}

/// Milliseconds with three decimals.
pub(super) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1000.0
}
