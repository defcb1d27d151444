//! A gateway with an upstream of its own, and the seven things that hold after every case.

use std::collections::HashMap;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use bedrock_emulator::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};
use bytes::Bytes;
use fault_kit::{Plan, Upstream};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::case::{Case, Outcome, Says, answer};
use crate::record;
use crate::rest::Rest;
use crate::support::{self, Events, Gateway, Http};

/// Stands in every prompt, and may be in no output.
const PROMPT: &str = "canary-prompt-5519";

/// What callers show.
pub(crate) const API_KEY: &str = "canary-api-key-2207";

/// What may be in no output at all.
const SECRETS: [&str; 5] = [PROMPT, API_KEY, SECRET_ACCESS_KEY, ACCESS_KEY_ID, "CANARY"];

/// What may be in answers alone.
const ANSWER: &str = "canary-answer";

/// How long anything that must happen may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Places for chats: one that were kept would soon be missed.
pub(crate) const PLACES: usize = 3;

/// What a client saw.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) text: String,
    /// The body did not end as HTTP wants it.
    pub(crate) torn: bool,
}

/// A gateway, its upstream and a client.
pub(crate) struct Lane {
    pub(crate) gateway: Gateway,
    pub(crate) upstream: Upstream,
    pub(crate) http: Http,
    /// What it holds when nothing is asked of it.
    pub(crate) rest: Rest,
    /// Where its manifest is.
    pub(crate) folder: TempDir,
    /// The requests that must have a line of the log each.
    ids: Vec<String>,
    /// How many cases wanted a used connection, and how many had one.
    used: (usize, usize),
}

/// A manifest for an endpoint, with the models of [`Case::model`].
pub(crate) fn manifest(url: &str, connect_timeout: &str) -> String {
    let model = |name: &str, own: &str| {
        format!(
            "  - from: bedrock:us.amazon.nova-lite-v1:0\n    name: {name}\n    params:\n      aws_region: us-east-1\n      \
             aws_endpoint_url: {url}\n      aws_access_key_id: {ACCESS_KEY_ID}\n      aws_secret_access_key: \
             {SECRET_ACCESS_KEY}\n      connect_timeout: {connect_timeout}\n{own}"
        )
    };
    let patient = "      first_event_timeout: 50s\n      idle_timeout: 50s\n      request_timeout: 50s\n";
    let hasty = "      first_event_timeout: 500ms\n      idle_timeout: 500ms\n      request_timeout: 1s\n      max_attempts: 1\n";
    format!(
        "version: v1\nkind: Spicepod\nname: faults\nruntime:\n  auth:\n    api-key:\n      keys: ['{API_KEY}']\nmodels:\n{}{}{}{}",
        model("nova", patient),
        model("once", &format!("{patient}      max_attempts: 1\n")),
        model("hasty", hasty),
        // Its answers may take long, and its upstream may not.
        model("lively", &hasty.replace("request_timeout: 1s", "request_timeout: 50s")),
    )
}

/// A manifest whose models find their credentials where AWS's tools do.
pub(crate) fn without_keys(manifest: &str) -> String {
    let is_key = |line: &&str| line.contains("aws_access_key_id") || line.contains("aws_secret_access_key");
    manifest.lines().filter(|line| !is_key(line)).map(|line| format!("{line}\n")).collect()
}

/// A chat with the prompt that nobody else may see.
pub(crate) fn chat(model: &str, stream: bool) -> Value {
    json!({
        "model": model,
        "stream": stream,
        "messages": [{ "role": "user", "content": format!("say something about {PROMPT}") }],
    })
}

impl Lane {
    pub(crate) async fn start() -> Self {
        Self::before(Upstream::start().await.unwrap())
    }

    pub(crate) fn before(upstream: Upstream) -> Self {
        let url = upstream.url();
        Self::with(upstream, &manifest(&url, "5s"), &[])
    }

    /// A gateway with this manifest.
    pub(crate) fn with(upstream: Upstream, manifest: &str, arguments: &[&str]) -> Self {
        Self::run_by(support::spicerack(), upstream, manifest, arguments)
    }

    /// A gateway that a command runs.
    pub(crate) fn run_by(
        mut command: Command,
        upstream: Upstream,
        manifest: &str,
        arguments: &[&str],
    ) -> Self {
        let folder = support::pod(manifest);
        let places = PLACES.to_string();
        command.arg(folder.path()).args(["--metrics", "127.0.0.1:0", "--log", "debug"]);
        if !arguments.contains(&"--max-in-flight") {
            command.args(["--max-in-flight", &places]);
        }
        command.args(arguments).env("RUST_LOG", "trace");
        let mut gateway = Gateway::spawn(&mut command);
        let line =
            gateway.log(|log| log["message"].as_str().is_some_and(|text| text.starts_with("metrics on")));
        gateway.rewind();
        let address = line["message"].as_str().unwrap().trim_start_matches("metrics on http://");
        let rest = Rest::of(gateway.id(), address.trim_end_matches("/metrics").parse().unwrap());
        let http = gateway.http.with("authorization", &format!("Bearer {API_KEY}"));
        Self { gateway, upstream, http, rest, folder, ids: Vec::new(), used: (0, 0) }
    }

    /// Makes a name for a request, by which its line of the log is found.
    pub(crate) fn name(&mut self) -> String {
        record::case();
        let id = format!("fault-{}", self.ids.len());
        self.ids.push(id.clone());
        id
    }

    /// Sends a request, and reads all that comes.
    pub(crate) async fn ask(&mut self, model: &str, stream: bool) -> (Seen, Value) {
        let id = self.name();
        let seen = ask(&self.http, &id, chat(model, stream).to_string()).await;
        (seen, self.line(&id))
    }

    /// The line of the log that a request ends with.
    pub(crate) fn line(&mut self, id: &str) -> Value {
        self.gateway.log(|log| log["message"] == "request" && log["request_id"] == id)
    }

    /// An exchange without faults. It shows that the last one took nothing with it; a connection stays only where it
    /// `leaves` one.
    pub(crate) async fn is_well(&mut self, stream: bool, leaves: bool, after: &str) {
        let reply = answer(stream);
        self.upstream.push(if leaves { reply } else { reply.header("connection", "close") });
        let (seen, line) = self.ask("nova", stream).await;
        assert_eq!(seen.status, 200, "no answer after {after}: {seen:?}");
        assert_eq!(line["end_reason"], "completed", "{after}");
    }

    /// Runs a case, and looks at everything that must hold after it.
    pub(crate) async fn run(&mut self, case: &Case) {
        self.is_well(case.stream, case.reused, &format!("what came before {}", case.about)).await;
        let calls = self.upstream.requests().len();
        let connections = self.upstream.proxy.connections().len();
        self.upstream.proxy.plan(case.plan.clone());
        match &case.says {
            Says::Once(replies) => replies.iter().for_each(|reply| self.upstream.push(reply.clone())),
            Says::Always(reply) => self.upstream.always(Some(reply.clone())),
        }
        let (seen, line) = self.ask(case.model, case.stream).await;
        self.upstream.proxy.plan(Plan::default());
        self.upstream.always(None);
        let calls = self.upstream.requests().len() - calls;
        let made = self.upstream.proxy.connections().len() - connections;
        if case.reused {
            self.used.0 += 1;
            // Either the call went over it, or a call was lost with it.
            let lost = line["attempts"].as_u64() > u64::try_from(calls).ok();
            self.used.1 += usize::from(made < calls.max(1) || lost);
        }
        judge(case, &seen, &line, calls);
        if case.lets_go {
            let gone = self.upstream.proxy.wait_for(|connections| {
                connections.last().is_some_and(|connection| connection.client.is_some())
            });
            let gone = tokio::time::timeout(PATIENCE, gone).await;
            assert!(gone.is_ok(), "{}: the connection to the upstream stays open", case.about);
        }
        self.holds(&case.about).await;
    }

    /// Runs a case, and says how much a number has grown by it.
    pub(crate) async fn growth(&mut self, case: &Case, sample: &str) -> i64 {
        let before = self.rest.number(sample);
        self.run(case).await;
        self.rest.number(sample) - before
    }

    /// Runs a case on a gateway that cannot serve yet: without an exchange before it. Gives its line of the log.
    pub(crate) async fn alone(&mut self, case: &Case) -> Value {
        let before = self.upstream.requests().len();
        let (seen, line) = self.ask(case.model, case.stream).await;
        judge(case, &seen, &line, self.upstream.requests().len() - before);
        // Where the upstream is, is the operator's to know.
        let port = self.upstream.proxy.address().port().to_string();
        assert!(!seen.text.contains(&port), "{seen:?}");
        self.holds(&case.about).await;
        line
    }

    /// V4 and V5: nothing is left of what was asked, and the process lives.
    pub(crate) async fn holds(&mut self, about: &str) {
        let page = self.rest.again(about).await;
        clean(&page, about);
        let health = self.http.get("/health").await;
        assert_eq!(health.status, 200, "{about}");
    }

    /// Stops the gateway, and looks at all that it wrote: V5, V6 and V7.
    pub(crate) fn stop(self) {
        self.stop_and(&[]);
    }

    /// The same, where lines of requests may be without some fields. Gives the log.
    pub(crate) fn stop_and(self, without: &[&str]) -> String {
        let (wanted, had) = self.used;
        assert!(wanted == 0 || had > 0, "no connection was used again");
        let text = self.gateway.stop();
        check_log(&text, &self.ids, without);
        text
    }

    /// Waits for the end of a process that was told to end: how it ended, what it wrote, and the names of requests.
    pub(crate) fn ended(self) -> (ExitStatus, String, Vec<String>) {
        let (status, text) = self.gateway.ended();
        (status, text, self.ids)
    }

    /// Keeps the name of a request that is sent by hand.
    pub(crate) fn know(&mut self, id: &str) {
        record::case();
        self.ids.push(id.to_owned());
    }
}

impl Lane {
    /// What the upstream sends for the scripted answer, byte for byte.
    pub(crate) async fn wire(stream: bool) -> Vec<u8> {
        let mut lane = Self::start().await;
        // The head of a connection that stays is the one that cases see.
        lane.upstream.proxy.plan(Plan::default());
        lane.is_well(stream, true, "the start").await;
        let wire = lane.upstream.proxy.tape();
        lane.stop();
        wire
    }

    /// Runs cases one after the other, and holds the process to its size: it may grow by so many MiB.
    pub(crate) async fn stays_small(cases: &[Case], mebibytes: u64) {
        let mut lane = Self::start().await;
        let mut before = None;
        for case in cases {
            lane.run(case).await;
            let now = lane.size();
            // The first case warms up what is only needed once.
            let before = *before.get_or_insert(now);
            let bound = before + mebibytes * 1024;
            assert!(now <= bound, "{}: the process grew from {before} KiB to {now} KiB", case.about);
        }
        lane.stop();
    }

    /// The memory of the process in KiB; 0 where the system does not tell.
    pub(crate) fn size(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.gateway.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.trim().trim_end_matches("kB").trim().parse().unwrap_or(0)
    }
}

/// A chunk of a body on the wire: the bytes of one frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Chunk {
    /// All chunks of a reply with something in them.
    pub(crate) fn all(wire: &[u8]) -> Vec<Self> {
        let find = |from: usize, what: &[u8]| {
            from + wire[from..].windows(what.len()).position(|bytes| bytes == what).unwrap()
        };
        let mut at = find(0, b"\r\n\r\n") + 4;
        let mut chunks = Vec::new();
        loop {
            let line = find(at, b"\r\n");
            let size = usize::from_str_radix(std::str::from_utf8(&wire[at..line]).unwrap(), 16).unwrap();
            if size == 0 {
                return chunks;
            }
            let (start, end) = (line + 2, line + 2 + size);
            chunks.push(Self { start: start.try_into().unwrap(), end: end.try_into().unwrap() });
            at = end + 2;
        }
    }

    pub(crate) fn bytes(self, wire: &[u8]) -> &[u8] {
        &wire[usize::try_from(self.start).unwrap()..usize::try_from(self.end).unwrap()]
    }

    pub(crate) fn holds(self, wire: &[u8], text: &str) -> bool {
        self.bytes(wire).windows(text.len()).any(|bytes| bytes == text.as_bytes())
    }
}

/// Sends a request, and reads all that comes.
pub(crate) async fn ask(http: &Http, id: &str, body: String) -> Seen {
    let response = http.with("x-request-id", id).begin("POST", "/v1/chat/completions", body).await;
    let (parts, mut body) = response.into_parts();
    assert_eq!(parts.headers["x-request-id"], id);
    let (mut bytes, mut torn) = (Vec::new(), false);
    let reading = async {
        while let Some(frame) = body.frame().await {
            match frame.map(|frame| frame.into_data().unwrap_or_else(|_| Bytes::new())) {
                Ok(data) => bytes.extend_from_slice(&data),
                Err(_) => torn = true,
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("{id}: no end of the answer"));
    let text = String::from_utf8(bytes).unwrap();
    Seen { status: parts.status.as_u16(), head: format!("{:?}", parts.headers), text, torn }
}

/// V1, V2, V3 and V6 of one exchange, and what its line of the log says.
pub(crate) fn judge(case: &Case, seen: &Seen, line: &Value, calls: usize) {
    let about = format!(
        "{} ({}, {})",
        case.about,
        if case.stream { "streamed" } else { "whole" },
        if case.reused { "used connection" } else { "fresh connection" }
    );
    assert!(
        case.calls.contains(&calls),
        "{about}: {calls} calls, and {:?} are allowed: {seen:?}",
        case.calls
    );
    clean(&seen.head, &about);
    clean(&seen.text, &about);
    assert!(!seen.torn, "{about}: the answer is torn: {seen:?}");
    let (outcome, text) = outcome(case.stream, seen, &about);
    assert!(
        case.outcomes.contains(&outcome),
        "{about}: {outcome:?} is none of {:?}: {seen:?}",
        case.outcomes
    );
    assert!(case.text.starts_with(&text), "{about}: {text:?} is no beginning of {:?}", case.text);
    if outcome == Outcome::Answered {
        assert!(case.stops, "{about}: an answer whose end was not sent looks complete");
        assert_eq!(text, case.text, "{about}: a complete answer lacks text");
    }
    let wanted = (json!(case.model), json!(seen.status), outcome == Outcome::Answered);
    let told = (line["model"].clone(), line["status"].clone(), line["end_reason"] == "completed");
    assert_eq!(told, wanted, "{about}: {line}");
    let attempts = usize::try_from(line["attempts"].as_u64().unwrap()).unwrap();
    assert!(attempts >= calls, "{about}: {calls} calls, and the log says {attempts}");
}

/// What came of a request, and the text of its answer.
fn outcome(stream: bool, seen: &Seen, about: &str) -> (Outcome, String) {
    let code = |error: &Value| -> &'static str {
        let code = error["code"].as_str().unwrap_or_else(|| panic!("{about}: no code in {error}"));
        code.to_owned().leak()
    };
    if seen.status != 200 {
        let body: Value = serde_json::from_str(&seen.text).unwrap_or_else(|_| panic!("{about}: {seen:?}"));
        return (Outcome::Refused(seen.status, code(&body["error"])), String::new());
    }
    if !stream {
        let body: Value = serde_json::from_str(&seen.text).unwrap_or_else(|_| panic!("{about}: {seen:?}"));
        let choice = &body["choices"][0];
        assert!(choice["finish_reason"].is_string(), "{about}: {body}");
        let text = choice["message"]["content"].as_str().unwrap_or_default();
        return (Outcome::Answered, text.to_owned());
    }
    let events = Events::of(&seen.text);
    let text = events.content();
    let finished = events.finish_reasons();
    match &events.error {
        Some(error) => {
            assert!(!events.done && events.usages().is_empty(), "{about}: {events:?}");
            assert!(finished.is_empty(), "{about}: a broken answer with a reason to finish: {events:?}");
            (Outcome::Broken(code(error)), text)
        }
        None => {
            assert!(events.done, "{about}: neither an error nor an end: {events:?}");
            assert_eq!(finished.len(), 1, "{about}: {events:?}");
            (Outcome::Answered, text)
        }
    }
}

/// V6 of something that callers and operators may see.
pub(crate) fn clean(text: &str, about: &str) {
    for canary in SECRETS {
        assert!(!text.contains(canary), "{about}: {canary} in {text}");
    }
}

/// V5, V6 and V7 of all that a process wrote.
pub(crate) fn check_log(text: &str, ids: &[String], without: &[&str]) {
    clean(text, "the log");
    for word in [ANSWER, "panicked"] {
        assert!(!text.contains(word), "{word} in the log: {text}");
    }
    let mut lines: HashMap<String, usize> = HashMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        if line["message"] == "request" && line["route"] == "chat_completions" {
            for field in ["request_id", "model", "status", "end_reason", "attempts"] {
                assert!(without.contains(&field) || !line[field].is_null(), "{field} is missing in {line}");
            }
            *lines.entry(line["request_id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    for id in ids {
        assert_eq!(lines.remove(id), Some(1), "lines of {id}");
    }
    assert!(lines.is_empty(), "requests that nobody made: {lines:?}");
}
