//! A gateway that runs as its users run it, and a client that sees bytes.

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bedrock_emulator::{ACCESS_KEY_ID, Config, Emulator, SECRET_ACCESS_KEY};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything that must happen may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The binary under test, with nothing of this machine's AWS settings.
pub(crate) fn spicerack() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spicerack"));
    command.env_clear().env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", "/nonexistent");
    command.stdin(Stdio::null());
    command
}

/// A folder with a manifest.
pub(crate) fn pod(manifest: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("spicepod.yaml"), manifest).unwrap();
    folder
}

/// A manifest with one model `nova`, and lines under its `params:`.
pub(crate) fn manifest(params: &[&str]) -> String {
    manifest_of("bedrock:us.amazon.nova-lite-v1:0", params)
}

pub(crate) fn manifest_of(from: &str, params: &[&str]) -> String {
    let params: String = params.iter().map(|line| format!("      {line}\n")).collect();
    format!(
        "version: v1\nkind: Spicepod\nname: test\nmodels:\n  - from: {from}\n    name: nova\n    params:\n      aws_region: us-east-1\n{params}"
    )
}

/// The params that lead to an emulator.
pub(crate) fn params_for(emulator: &Emulator) -> Vec<String> {
    vec![
        format!("aws_endpoint_url: {}", emulator.endpoint_url()),
        format!("aws_access_key_id: {ACCESS_KEY_ID}"),
        format!("aws_secret_access_key: {SECRET_ACCESS_KEY}"),
    ]
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// A running gateway. Dropping it kills it.
pub(crate) struct Gateway {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    /// How many of `seen` were looked at by `log`: those before the address are not lost.
    read: usize,
    pub(crate) address: SocketAddr,
    pub(crate) http: Http,
    /// Outlives the process that reads it.
    folder: Option<TempDir>,
}

impl Gateway {
    /// Serves a manifest; `arguments` come behind its path.
    pub(crate) fn start(manifest: &str, arguments: &[&str]) -> Self {
        let folder = pod(manifest);
        let mut command = spicerack();
        command.arg(folder.path()).args(arguments);
        let mut gateway = Self::spawn(&mut command);
        gateway.folder = Some(folder);
        gateway
    }

    /// Runs a command that serves, on a free port where it names none, and waits for its address.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        if !command.get_args().any(|argument| argument == "--http") {
            command.args(["--http", "127.0.0.1:0"]);
        }
        Self::adopt(command)
    }

    /// The same, where the command is passed its address on.
    pub(crate) fn adopt(command: &mut Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        follow(child.stdout.take().unwrap(), sender.clone());
        follow(child.stderr.take().unwrap(), sender);
        let mut seen = Vec::new();
        let address = loop {
            let Ok(line) = lines.recv_timeout(PATIENCE) else {
                let _ = child.kill();
                panic!("no address in {seen:#?}");
            };
            let log: Value = serde_json::from_str(&line).unwrap_or_default();
            seen.push(line);
            if let Some(address) = log["message"]
                .as_str()
                .and_then(|text| text.split_once("listening on ")?.1.split_once("://"))
                .map(|(_, address)| address)
            {
                break address.parse().unwrap();
            }
        };
        Self { child, lines, seen, read: 0, address, http: Http::to(address), folder: None }
    }

    /// A gateway whose one model is answered by an emulator of the test's own.
    pub(crate) async fn with_emulator(params: &[&str]) -> (Self, Emulator) {
        Self::with_emulator_and("", params, &[]).await
    }

    /// The same, with more of the manifest in front of its models and more arguments.
    pub(crate) async fn with_emulator_and(
        top: &str,
        params: &[&str],
        arguments: &[&str],
    ) -> (Self, Emulator) {
        let emulator = Emulator::start(Config::default()).await.unwrap();
        let own = params_for(&emulator);
        let all: Vec<&str> = own.iter().map(String::as_str).chain(params.iter().copied()).collect();
        let manifest = manifest(&all).replace("models:\n", &format!("{top}models:\n"));
        (Self::start(&manifest, arguments), emulator)
    }

    /// The next line of the log for which `wanted` holds; waits for it.
    pub(crate) fn log(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            if self.read == self.seen.len() {
                let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                    panic!("no such line in {:#?}", self.seen)
                };
                self.seen.push(line);
            }
            let log: Value = serde_json::from_str(&self.seen[self.read]).unwrap_or_default();
            self.read += 1;
            if wanted(&log) {
                return log;
            }
        }
    }

    /// Looks at the log from its beginning again: what comes first depends on chance.
    pub(crate) fn rewind(&mut self) {
        self.read = 0;
    }

    /// The log line of the next request that has ended.
    pub(crate) fn request_line(&mut self) -> Value {
        self.log(|log| log["message"] == "request")
    }

    /// Replaces its manifest.
    pub(crate) fn write(&self, manifest: &str) {
        std::fs::write(self.folder().join("spicepod.yaml"), manifest).unwrap();
    }

    /// The folder of its manifest.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    /// Waits until a changed manifest has been looked at, and gives the line about it.
    pub(crate) fn reloaded(&mut self) -> Value {
        let said = ["the manifest was loaded again", "the changed manifest cannot be served"];
        self.log(|log| {
            log["message"].as_str().is_some_and(|text| said.iter().any(|say| text.starts_with(say)))
        })
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Waits for the end, and gives everything that was logged or written.
    pub(crate) fn ended(mut self) -> (ExitStatus, String) {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.seen.push(line);
        }
        (self.child.wait().unwrap(), self.seen.join("\n"))
    }

    /// Stops it, and gives everything that was logged.
    pub(crate) fn stop(self) -> String {
        self.signal("-TERM");
        let (status, log) = self.ended();
        assert_eq!(status.code(), Some(0), "{log}");
        log
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Passes lines on as they come.
fn follow(pipe: impl Read + Send + 'static, sender: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
}

/// A client of one server.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
    headers: Vec<(String, String)>,
}

/// A whole reply.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Http {
    pub(crate) fn to(address: SocketAddr) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, base: format!("http://{address}"), headers: Vec::new() }
    }

    /// The same client, which sends one more header.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: impl Into<Bytes>) -> Reply {
        let response = self.begin(method, path, body).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    /// Sends a request and waits for the head of its reply.
    pub(crate) async fn begin(
        &self,
        method: &str,
        path: &str,
        body: impl Into<Bytes>,
    ) -> http::Response<hyper::body::Incoming> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        tokio::time::timeout(PATIENCE, self.client.request(request)).await.unwrap().unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, Bytes::new()).await
    }

    pub(crate) async fn post(&self, body: &Value) -> Reply {
        self.send("POST", "/v1/chat/completions", body.to_string()).await
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status, type, code and param of an error; the message is returned.
    pub(crate) fn error(&self, expected: (u16, &str, Option<&str>, Option<&str>)) -> String {
        let body = self.json();
        let error = body["error"].as_object().unwrap_or_else(|| panic!("no error: {body}"));
        let members: Vec<&str> = error.keys().map(String::as_str).collect();
        assert_eq!(members, ["message", "type", "param", "code"]);
        let found = (
            self.status.as_u16(),
            error["type"].as_str().unwrap_or_default(),
            error["code"].as_str(),
            error["param"].as_str(),
        );
        assert_eq!(found, expected, "{body}");
        assert!(!self.header("x-request-id").is_empty());
        assert_eq!(self.header("content-type"), "application/json");
        error["message"].as_str().unwrap().to_owned()
    }

    /// The events of a stream.
    pub(crate) fn events(&self) -> Events {
        Events::of(self.text())
    }
}

/// A stream of server-sent events, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Events {
    pub(crate) chunks: Vec<Value>,
    pub(crate) error: Option<Value>,
    pub(crate) done: bool,
    pub(crate) comments: usize,
}

impl Events {
    pub(crate) fn of(text: &str) -> Self {
        let mut events = Self::default();
        for block in text.split("\n\n").filter(|block| !block.is_empty()) {
            assert!(!events.done && events.error.is_none(), "something follows the end: {block:?}");
            assert_eq!(block.lines().count(), 1, "an event is one line: {block:?}");
            match block.strip_prefix("data: ") {
                None => {
                    assert!(block.starts_with(':'), "{block:?}");
                    events.comments += 1;
                }
                Some("[DONE]") => events.done = true,
                Some(data) => {
                    let value: Value = serde_json::from_str(data).unwrap();
                    if value.get("error").is_some() {
                        events.error = Some(value["error"].clone());
                    } else {
                        events.chunks.push(value);
                    }
                }
            }
        }
        events
    }

    /// The text of the answer.
    pub(crate) fn content(&self) -> String {
        let pieces = self.chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
        pieces.collect()
    }

    /// All reasons to finish.
    pub(crate) fn finish_reasons(&self) -> Vec<&str> {
        self.chunks.iter().filter_map(|chunk| chunk["choices"][0]["finish_reason"].as_str()).collect()
    }

    /// The chunks with a usage.
    pub(crate) fn usages(&self) -> Vec<&Value> {
        self.chunks.iter().map(|chunk| &chunk["usage"]).filter(|usage| usage.is_object()).collect()
    }
}

/// A chat of one message.
pub(crate) fn hello(text: &str) -> Value {
    json!({ "model": "nova", "messages": [{ "role": "user", "content": text }] })
}

/// The same, streamed.
pub(crate) fn hello_streamed(text: &str) -> Value {
    let mut body = hello(text);
    body["stream"] = true.into();
    body
}

/// Reads a file below the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().and_then(Path::parent).unwrap()
}

/// Everything that a child wrote to one of its pipes.
pub(crate) fn drain(pipe: Option<impl Read>) -> String {
    let mut text = String::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_string(&mut text).unwrap();
    }
    text
}
