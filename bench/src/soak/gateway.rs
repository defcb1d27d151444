//! A gateway in front of the upstream that does what it is told, and everything that both say of themselves.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{Verdicts, number};
use crate::BoxError;
use crate::faulty::COUNTS;
use crate::process::Program;
use crate::start::manifest;

/// How long idle connections may stay: those to the upstream are the last.
const UNTIL_IDLE: Duration = Duration::from_secs(80);

/// Limits that are beyond what is asked for.
const ROOM: [&str; 4] = ["--max-in-flight", "20000", "--max-connections", "20000"];

/// How much of what the memory was after the start it may be once everything is over, and how long it may take to get
/// there: the allocator gives back within seconds what nobody uses.
const BACK: f64 = 1.2;
const GIVEN_BACK: Duration = Duration::from_secs(20);

/// How long the log and the metrics may lag.
const SOON: Duration = Duration::from_secs(10);

/// A gateway and its upstream.
pub(crate) struct Gateway {
    /// The gateway.
    pub(crate) program: Program,
    /// Where its manifest and its log are.
    pub(crate) folder: TempDir,
    upstream: Option<Program>,
    /// Where the upstream is.
    pub(crate) at: SocketAddr,
    metrics: SocketAddr,
    /// Its descriptors and tasks after the start.
    descriptors: usize,
    tasks: f64,
}

/// What the log says of chats.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// Lines by the ids of requests.
    ids: HashMap<String, u32>,
    /// Attempts of requests whose clients stay, and of those whose clients go.
    pub(crate) attempts: [u64; 2],
    /// How requests ended.
    pub(crate) ends: HashMap<String, u64>,
    panics: usize,
}

/// The id of a request: its number, and whether its client stays.
pub(crate) fn id(number: u64, stays: bool) -> String {
    format!("{}-{number}", if stays { "stays" } else { "goes" })
}

impl Gateway {
    /// Starts both, with room for more than is asked for.
    pub(crate) async fn start(spicerack: &Path) -> Result<Self, BoxError> {
        Self::start_with(spicerack, &ROOM).await
    }

    /// The same with other limits.
    pub(crate) async fn start_with(spicerack: &Path, room: &[&str]) -> Result<Self, BoxError> {
        let upstream = Program::own(&["faulty"])?;
        let at = upstream.address;
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("spicepod.yaml"), manifest(at))?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let program = Program::spicerack_at(spicerack, folder.path(), address, room)?;
        let metrics = metrics(folder.path()).await?;
        let (descriptors, tasks) = (program.descriptors()?, tasks(metrics).await?);
        Ok(Self { program, folder, upstream: Some(upstream), at, metrics, descriptors, tasks })
    }

    /// Ends the upstream: its connections are reset, and new ones are refused.
    pub(crate) fn end_upstream(&mut self) {
        self.upstream = None;
    }

    /// Starts it again where it was; it counts from 0.
    pub(crate) fn restart_upstream(&mut self) -> Result<(), BoxError> {
        self.upstream = Some(Program::own(&["faulty", &self.at.port().to_string()])?);
        Ok(())
    }

    /// Starts another gateway in place of one that was killed.
    pub(crate) fn restart(&mut self, spicerack: &Path) -> Result<(), BoxError> {
        self.program = Program::spicerack_at(spicerack, self.folder.path(), self.program.address, &ROOM)?;
        Ok(())
    }

    /// The manifest that it was started with.
    pub(crate) fn manifest(&self) -> String {
        manifest(self.at)
    }

    /// Its resident memory in KiB.
    pub(crate) fn memory(&self) -> Result<u64, BoxError> {
        self.program.memory("VmRSS")
    }

    /// One of its metrics.
    pub(crate) async fn metric(&self, name: &str) -> Result<f64, BoxError> {
        metric(self.metrics, name).await
    }

    /// One of its metrics, over all labels.
    pub(crate) async fn metrics(&self, name: &str) -> Result<f64, BoxError> {
        let page = get(self.metrics, "/metrics").await?;
        let lines = page.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{'));
        let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        Ok(values.sum())
    }

    /// How often the upstream was called, by clients that stay and by those that go.
    pub(crate) async fn calls(&self) -> Result<[u64; 2], BoxError> {
        let counts: Value = serde_json::from_str(&get(self.at, COUNTS).await?)?;
        let count = |key: &str| counts.get(key).and_then(Value::as_u64).ok_or("no count");
        Ok([count("stayed")?, count("gone")?])
    }

    /// Waits until at most so many requests are in flight; says whether it came to that.
    pub(crate) async fn in_flight(&self, most: u32, within: Duration) -> Result<bool, BoxError> {
        let began = Instant::now();
        while self.metric("spicerack_requests_in_flight").await? > f64::from(most) {
            if began.elapsed() > within {
                return Ok(false);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(true)
    }

    /// Waits until idle connections are closed, and checks that nothing is left in flight or open.
    pub(crate) async fn is_idle(&self, verdicts: &mut Verdicts) -> Result<(), BoxError> {
        let idle = self.in_flight(0, SOON).await?;
        verdicts.check(idle, "nothing is in flight")?;
        let began = Instant::now();
        while self.program.descriptors()? > self.descriptors && began.elapsed() < UNTIL_IDLE {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let (before, after) = (self.descriptors, self.program.descriptors()?);
        verdicts
            .check(after <= before, &format!("descriptors: {before} after the start, {after} at the end"))?;
        // The connection that asks is one of them, then and now.
        let (before, after) = (self.tasks, tasks(self.metrics).await?);
        verdicts.check(after <= before, &format!("tasks: {before} after the start, {after} at the end"))
    }

    /// Checks that memory comes back to what it was.
    pub(crate) async fn is_small(&self, verdicts: &mut Verdicts, before: u64) -> Result<(), BoxError> {
        let (began, most) = (Instant::now(), number(before) * BACK);
        while number(self.memory()?) > most && began.elapsed() < GIVEN_BACK {
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        let after = number(self.memory()?);
        let [before, most, after] = [number(before), most, after].map(|kib| kib / 1024.0);
        let what = format!(
            "memory: {before:.1} MiB before, {after:.1} MiB {:.0} s after (at most {most:.1})",
            began.elapsed().as_secs_f64()
        );
        verdicts.check(after <= most, &what)
    }

    /// Checks that the log has exactly one line for each of these requests, and reads them.
    pub(crate) async fn is_logged(&self, verdicts: &mut Verdicts, ids: &[String]) -> Result<Lines, BoxError> {
        let began = Instant::now();
        let mut lines = self.lines()?;
        while lines.ids.len() < ids.len() && began.elapsed() < SOON {
            tokio::time::sleep(Duration::from_millis(200)).await;
            lines = self.lines()?;
        }
        let wrong = ids.iter().filter(|id| lines.ids.remove(*id) != Some(1)).count();
        let what = format!(
            "log: {} requests, {wrong} without exactly one line, {} unknown",
            ids.len(),
            lines.ids.len()
        );
        verdicts.check(wrong == 0 && lines.ids.is_empty(), &what)?;
        verdicts.check(lines.panics == 0, &format!("log: {} panics", lines.panics))?;
        Ok(lines)
    }

    fn lines(&self) -> Result<Lines, BoxError> {
        let mut lines = Lines::default();
        for line in BufReader::new(File::open(self.folder.path().join("log"))?).lines() {
            let line = line?;
            lines.panics += usize::from(line.contains("a defect in this program"));
            let Ok(line) = serde_json::from_str::<Value>(&line) else { continue };
            let text = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or_default();
            if text("message") != "request" || text("route") != "chat_completions" {
                continue;
            }
            let id = text("request_id").to_owned();
            let [stays, goes] = &mut lines.attempts;
            let attempts = line.get("attempts").and_then(Value::as_u64).unwrap_or(0);
            *(if id.starts_with("stays") { stays } else { goes }) += attempts;
            *lines.ids.entry(id).or_default() += 1;
            *lines.ends.entry(text("end_reason").to_owned()).or_default() += 1;
        }
        Ok(lines)
    }
}

async fn tasks(metrics: SocketAddr) -> Result<f64, BoxError> {
    metric(metrics, "spicerack_tasks").await
}

async fn metric(metrics: SocketAddr, name: &str) -> Result<f64, BoxError> {
    let page = get(metrics, "/metrics").await?;
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(line.ok_or_else(|| format!("no metric {name}"))?.parse()?)
}

/// Where metrics are, as the log says.
async fn metrics(folder: &Path) -> Result<SocketAddr, BoxError> {
    let began = Instant::now();
    while began.elapsed() < SOON {
        let log = std::fs::read_to_string(folder.join("log"))?;
        let address = log.split_once("metrics on http://").and_then(|(_, rest)| rest.split_once("/metrics"));
        if let Some((address, _)) = address {
            return Ok(address.parse()?);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(BoxError::from("the log does not say where metrics are"))
}

/// Reads a page, over a connection that ends with it.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Result<String, BoxError> {
    let (mut sender, connection) = handshake(TokioIo::new(TcpStream::connect(address).await?)).await?;
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let request = http::Request::get(path).header("host", "127.0.0.1").body(Empty::<Bytes>::new())?;
    let body = sender.send_request(request).await?.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(body.to_vec())?)
}
