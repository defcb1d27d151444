//! A machine with the AWS settings of one test: its environment, its files, and an emulator that knows its keys.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use bedrock_emulator::{Config, Emulator};
use bytes::Bytes;
use fault_kit::services::Key;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything that must happen may take.
const PATIENCE: Duration = Duration::from_secs(40);

/// Stands in every secret, and in every key id: no output may hold it.
const CANARY: &str = "CANARY";

pub(crate) const PARAMS: Key =
    Key::new("AKIACANARYPARAMS", "params-secret-CANARY", Some("params-token-CANARY"));
pub(crate) const ENVIRONMENT: Key = Key::new("AKIACANARYENV", "env-secret-CANARY", Some("env-token-CANARY"));
pub(crate) const PROFILE: Key = Key::new("AKIACANARYPROFILE", "profile-secret-CANARY", None);
pub(crate) const WEB: Key = Key::new("ASIACANARYWEB", "web-secret-CANARY", Some("web-token-CANARY"));
pub(crate) const CONTAINER: Key =
    Key::new("ASIACANARYCONTAINER", "container-secret-CANARY", Some("container-token-CANARY"));
pub(crate) const INSTANCE: Key =
    Key::new("ASIACANARYINSTANCE", "instance-secret-CANARY", Some("instance-token-CANARY"));
pub(crate) const NEXT: Key = Key::new("ASIACANARYNEXT", "next-secret-CANARY", Some("next-token-CANARY"));
pub(crate) const ROLE: Key = Key::new("ASIACANARYROLE", "role-secret-CANARY", Some("role-token-CANARY"));

const ALL: [Key; 8] = [PARAMS, ENVIRONMENT, PROFILE, WEB, CONTAINER, INSTANCE, NEXT, ROLE];

/// A machine.
pub(crate) struct Machine {
    pub(crate) emulator: Emulator,
    pub(crate) home: TempDir,
    environment: Vec<(String, String)>,
    params: Vec<String>,
    without_region: bool,
}

impl Machine {
    /// A machine on which nothing is set up, with an emulator that knows all keys.
    pub(crate) async fn new() -> Self {
        Self::knowing(&ALL).await
    }

    /// The same, with an emulator that knows these keys.
    pub(crate) async fn knowing(keys: &[Key]) -> Self {
        let config =
            keys.iter().fold(Config::default(), |config, key| config.key(key.id, key.secret, key.token));
        let emulator = Emulator::start(config).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join(".aws/sso/cache")).unwrap();
        Self { emulator, home, environment: Vec::new(), params: Vec::new(), without_region: false }
    }

    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Writes a file below the home folder.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        std::fs::write(self.home.path().join(path), text).unwrap();
        self
    }

    /// Adds a line to the model's parameters.
    pub(crate) fn param(mut self, line: impl Into<String>) -> Self {
        self.params.push(line.into());
        self
    }

    /// Leaves the model's region to AWS's own settings.
    pub(crate) fn without_region(mut self) -> Self {
        self.without_region = true;
        self
    }

    pub(crate) fn path(&self, path: &str) -> String {
        self.home.path().join(path).display().to_string()
    }

    /// Keys in the environment.
    pub(crate) fn env_keys(self, key: Key) -> Self {
        let machine = self.env("AWS_ACCESS_KEY_ID", key.id).env("AWS_SECRET_ACCESS_KEY", key.secret);
        match key.token {
            Some(token) => machine.env("AWS_SESSION_TOKEN", token),
            None => machine,
        }
    }

    fn command(&self) -> Command {
        let mut manifest = format!(
            "version: v1\nkind: Spicepod\nname: test\nmodels:\n  - from: bedrock:us.amazon.nova-lite-v1:0\n    name: nova\n    params:\n      aws_endpoint_url: {}\n",
            self.emulator.endpoint_url()
        );
        if !self.without_region {
            manifest.push_str("      aws_region: us-east-1\n");
        }
        for line in &self.params {
            manifest.push_str(&format!("      {line}\n"));
        }
        std::fs::write(self.home.path().join("spicepod.yaml"), manifest).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_spicerack"));
        command.env_clear().env("HOME", self.home.path()).env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        if !self.environment.iter().any(|(name, _)| name == "AWS_EC2_METADATA_SERVICE_ENDPOINT") {
            command.env("AWS_EC2_METADATA_DISABLED", "true");
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs `check --online`: exit code, stdout, stderr.
    pub(crate) fn online(&self) -> (i32, String, String) {
        let output = self.command().args(["check", "--online"]).arg(self.home.path()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        clean(&stdout);
        clean(&stderr);
        (output.status.code().unwrap(), stdout, stderr)
    }

    /// The last words of the model's line of `check --online`.
    pub(crate) fn found(&self) -> String {
        let (code, stdout, stderr) = self.online();
        assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
        let line = stdout.lines().nth(1).unwrap();
        line.split_once("us-east-1").unwrap().1.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Starts the gateway.
    pub(crate) fn serve(&self) -> Gateway {
        let mut command = self.command();
        command.arg(self.home.path());
        command.args(["--http", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--log", "debug"]);
        Gateway::spawn(&mut command)
    }

    /// Serves one chat, and gives the log: it must have been signed with this key, and say this source.
    pub(crate) async fn serves_with(&self, key: Key, source: &str) -> String {
        let mut gateway = self.serve();
        let (status, body) = gateway.chat().await;
        assert_eq!(status, 200, "{source}: {body} {:#?}", gateway.seen);
        self.signed_with(key);
        let found = gateway.seen_or_next("credentials found");
        // Keys that need no search are there from the start, and no news.
        if let Some(found) = found {
            assert_eq!(found["source"], source);
        }
        gateway.stop().await
    }

    /// The last call was signed with this key: the emulator verified it, and recorded which one it was.
    pub(crate) fn signed_with(&self, key: Key) {
        let requests = self.emulator.requests();
        let last = requests.last().unwrap();
        let authorization = last.header("authorization").unwrap();
        assert!(authorization.contains(&format!("Credential={}/", key.id)), "{authorization} {key:?}");
        assert_eq!(last.header("x-amz-security-token"), key.token);
    }
}

/// No secret and no key id may be in it.
fn clean(text: &str) {
    assert!(!text.contains(CANARY), "a secret leaks: {text}");
}

/// A running gateway. Dropping it kills it.
pub(crate) struct Gateway {
    child: Child,
    lines: Receiver<String>,
    pub(crate) seen: Vec<String>,
    /// How many of the lines seen have been looked at.
    looked_at: usize,
    base: String,
    metrics: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Gateway {
    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let client = Client::builder(TokioExecutor::new()).build_http();
        let (base, metrics) = (String::new(), String::new());
        let mut gateway = Self { child, lines, seen: Vec::new(), looked_at: 0, base, metrics, client };
        gateway.base = gateway.address("listening on ");
        gateway.metrics = gateway.address("metrics on ");
        // What was said before is of interest too.
        gateway.looked_at = 0;
        gateway
    }

    fn address(&mut self, prefix: &str) -> String {
        let line = self.log(|log| log["message"].as_str().is_some_and(|text| text.starts_with(prefix)));
        line["message"].as_str().unwrap().strip_prefix(prefix).unwrap().to_owned()
    }

    /// The next line of the log for which `wanted` holds; waits for it.
    pub(crate) fn log(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            if self.looked_at == self.seen.len() {
                let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                    panic!("no such line in {:#?}", self.seen)
                };
                clean(&line);
                self.seen.push(line);
            }
            let log: Value = serde_json::from_str(&self.seen[self.looked_at]).unwrap_or_default();
            self.looked_at += 1;
            if wanted(&log) {
                return log;
            }
        }
    }

    /// The next line with this message.
    pub(crate) fn says(&mut self, message: &str) -> Value {
        self.log(|log| log["message"] == message)
    }

    /// A line with this message that is there already; reads up to the line of the request that has ended.
    pub(crate) fn seen_or_next(&mut self, message: &str) -> Option<Value> {
        self.says("request");
        let parsed = |line: &String| serde_json::from_str::<Value>(line).unwrap_or_default();
        self.seen.iter().map(parsed).find(|log| log["message"] == message)
    }

    pub(crate) async fn get(&self, url: &str) -> (u16, String) {
        let request = Request::builder().uri(url).body(Full::default()).unwrap();
        self.send(request).await
    }

    pub(crate) async fn ready(&self) -> Value {
        let (_, body) = self.get(&format!("{}/v1/ready?verbose=true", self.base)).await;
        serde_json::from_str(&body).unwrap()
    }

    /// Asks the model something.
    pub(crate) async fn chat(&self) -> (u16, String) {
        self.post(false).await
    }

    pub(crate) async fn post(&self, stream: bool) -> (u16, String) {
        let body = json!({
            "model": "nova", "stream": stream, "messages": [{ "role": "user", "content": "hi" }],
        });
        let request = Request::builder()
            .method("POST")
            .uri(format!("{}/v1/chat/completions", self.base))
            .body(Full::new(Bytes::from(body.to_string())))
            .unwrap();
        self.send(request).await
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> (u16, String) {
        let response = tokio::time::timeout(PATIENCE, self.client.request(request)).await.unwrap().unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        clean(&body);
        (status, body)
    }

    /// Stops it and gives its log, after a look at everything else that it says.
    pub(crate) async fn stop(mut self) -> String {
        self.ready().await;
        let (status, numbers) = self.get(&self.metrics.clone()).await;
        assert!(status == 200 && numbers.contains("spicerack_"), "{numbers}");
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            clean(&line);
            self.seen.push(line);
        }
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        self.seen.join("\n")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
