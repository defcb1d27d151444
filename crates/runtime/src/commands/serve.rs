//! `spicerack`: serves a manifest until the process is told to stop.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use snafu::{ResultExt as _, ensure};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::error::{Error, ExposedSnafu, InterruptedSnafu, ListenSnafu, SignalsSnafu};
use super::reload::Reloader;
use super::start;
use crate::cli::ServeArgs;
use crate::descriptors;
use crate::http::{self, Cors, Door, Gateway, Hosts, Keys, Limits};
use crate::manifest::Prepared;
use crate::shutdown::Shutdown;
use crate::watch::Watch;
use crate::{memory, service};

/// Serves a manifest, on the socket that a service manager passed on where there is one.
pub(crate) async fn serve(arguments: ServeArgs, passed: Option<std::net::TcpListener>) -> Result<(), Error> {
    descriptors::raise();
    let mut signals = Signals::new().context(SignalsSnafu)?;
    // From here on the signal does not end the process.
    let hangup = signal(SignalKind::hangup()).context(SignalsSnafu)?;
    #[cfg(feature = "emulator")]
    let emulated = arguments.emulator;
    #[cfg(not(feature = "emulator"))]
    let emulated = false;
    let mut watch = (!arguments.no_watch).then(Watch::begin);
    let (prepared, backing) = start::load(&arguments.path, emulated, watch.as_mut()).await?;
    let passed = passed.map(adopt).transpose().context(ListenSnafu { address: arguments.http })?;
    let address = match &passed {
        Some(listener) => listener.local_addr().context(ListenSnafu { address: arguments.http })?,
        None => arguments.http,
    };
    let entrance = Entrance { address };
    let door = entrance.door(&prepared, &arguments)?;
    let mut limits = limits(&arguments);
    limits.drain = prepared.runtime.shutdown_timeout.unwrap_or(limits.drain);
    let listener = match passed {
        Some(listener) => listener,
        None => listen(address).await?,
    };
    let metrics = match arguments.metrics {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let shutdown = Shutdown::default();
    let gateway = start::gateway(prepared, door, limits, shutdown.clone()).await;
    announce(&listener, metrics.as_ref(), &gateway, emulated);
    service::ready("serving");
    let reloader =
        Reloader { arguments, entrance, backing: Arc::new(backing), gateway: Arc::clone(&gateway) };
    // They end with this function.
    let mut tasks = JoinSet::new();
    tasks.spawn(reloader.run(watch, hangup));
    tasks.spawn(service::watchdog());
    tokio::select! {
        served = until_stopped(listener, Arc::clone(&gateway), &shutdown, &mut signals) => served,
        () = numbers(metrics, &gateway) => Ok(()),
    }
}

fn limits(arguments: &ServeArgs) -> Limits {
    Limits {
        in_flight: usize::try_from(arguments.max_in_flight).unwrap_or(usize::MAX),
        queue: usize::try_from(arguments.max_queued).unwrap_or(usize::MAX),
        memory: arguments.max_memory.or_else(memory::limit).filter(|bytes| *bytes > 0),
        connections: usize::try_from(arguments.max_connections).unwrap_or(usize::MAX),
        client_connections: arguments
            .max_connections_per_client
            .and_then(|most| usize::try_from(most).ok())
            .unwrap_or(usize::MAX),
        idle_time: arguments.idle_timeout,
        ..Limits::default()
    }
}

/// Where requests come in, which no reload changes.
pub(super) struct Entrance {
    address: SocketAddr,
}

impl Entrance {
    /// Who and what is let in by a manifest.
    ///
    /// # Errors
    ///
    /// Where other machines could call without a key.
    pub(super) fn door(&self, prepared: &Prepared, arguments: &ServeArgs) -> Result<Door, Error> {
        let Self { address } = *self;
        let is_local = address.ip().is_loopback();
        let keys = prepared.runtime.auth.as_ref().map(Keys::new);
        ensure!(keys.is_some() || arguments.allow_unauthenticated || is_local, ExposedSnafu { address });
        Ok(Door {
            keys,
            tls: prepared.tls.clone(),
            cors: prepared.runtime.cors.as_ref().and_then(Cors::new),
            hosts: if is_local { Hosts::of_this_machine(&arguments.allow_host) } else { Hosts::Any },
        })
    }
}

fn adopt(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.context(ListenSnafu { address })
}

fn announce(listener: &TcpListener, metrics: Option<&TcpListener>, gateway: &Gateway, emulated: bool) {
    let serving = gateway.serving();
    if let Ok(address) = listener.local_addr() {
        let scheme = if serving.door.tls.is_some() { "https" } else { "http" };
        tracing::info!("listening on {scheme}://{address}");
    }
    if let Some(address) = metrics.and_then(|listener| listener.local_addr().ok()) {
        tracing::info!("metrics on http://{address}/metrics");
    }
    for entry in serving.registry.iter() {
        let (name, from, region) = (&*entry.name, &entry.from, entry.summary.region());
        if entry.provider == model_registry::WORKER {
            tracing::info!(worker = name, routing = from, region, "serving a worker");
        } else {
            tracing::info!(model = name, from, region, "serving a model");
        }
    }
    if let Some(watermark_bytes) = gateway.watermark.as_ref().map(|watermark| watermark.most()) {
        tracing::info!(watermark_bytes, "new chats are refused while the process holds more memory");
    }
    if serving.registry.is_empty() {
        tracing::warn!("the manifest declares no models, so there is nothing to ask");
    }
    if emulated {
        tracing::info!("every model is answered by the built-in emulator; nothing is sent to AWS");
    }
}

/// Serves metrics where that is asked for; never ends by itself.
async fn numbers(listener: Option<TcpListener>, gateway: &Arc<Gateway>) {
    match listener {
        Some(listener) => http::serve_metrics(listener, Arc::clone(gateway)).await,
        None => std::future::pending().await,
    }
}

/// Serves until a signal comes and running answers have ended. A second signal does not wait for them.
async fn until_stopped(
    listener: TcpListener,
    gateway: Arc<Gateway>,
    shutdown: &Shutdown,
    signals: &mut Signals,
) -> Result<(), Error> {
    let mut serving = pin!(http::serve(listener, gateway));
    tokio::select! {
        _ = serving.as_mut() => return Ok(()),
        () = signals.next() => {}
    }
    tracing::info!("stopping: no new requests, running answers may end");
    service::stopping();
    shutdown.drain();
    let began = Instant::now();
    tokio::select! {
        cut = serving.as_mut() => {
            let drained_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            if cut > 0 {
                tracing::warn!(cut, drained_ms, "stopped; answers that took too long were cut off");
            } else {
                tracing::info!(cut, drained_ms, "stopped");
            }
            return Ok(());
        }
        () = signals.next() => {}
    }
    // Those who read are told; others are not waited for.
    shutdown.cut();
    serving.await;
    InterruptedSnafu.fail()
}

/// The signals that ask a process to stop.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
