//! F41 to F49: credentials that end, change, come late or not at all, and clocks that are off.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use fault_kit::services::{Key, document, imds, searches, sts};
use fault_kit::{Answer, Config, Gate, Proxy, Reply, Upstream, Web, in_an_hour, in_seconds};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::case::{Case, FORMS, PIECES, Run, answer};
use crate::lane::{Lane, ask, chat, judge, manifest, without_keys};
use crate::load::many;
use crate::process::{live, read};
use crate::record;
use crate::support;

const OLD: Key = Key::new("ASIACANARYOLD", "old-secret-CANARY", Some("old-token-CANARY"));
const NEW: Key = Key::new("ASIACANARYNEW", "new-secret-CANARY", Some("new-token-CANARY"));

const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";

/// The code of requests without credentials.
const NONE: (u16, &str) = (503, "upstream_credentials_unavailable");

/// A gateway whose credentials come from its machine: its home folder, and variables.
pub(crate) async fn on(home: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Lane {
    let config =
        [OLD, NEW].iter().fold(Config::default(), |config, key| config.key(key.id, key.secret, key.token));
    let upstream = Upstream::of(config).await.unwrap();
    let mut command = support::spicerack();
    command.env("HOME", home).env("PATH", "/usr/bin:/bin");
    for (name, value) in variables {
        command.env(name, value);
    }
    if variables.iter().any(|(name, _)| *name == ENDPOINT) {
        command.env_remove("AWS_EC2_METADATA_DISABLED");
    }
    let manifest = without_keys(&manifest(&upstream.url(), "5s"));
    Lane::run_by(command, upstream, &manifest, arguments)
}

/// The same, where a metadata service has them.
async fn on_instance(imds: &Web) -> Lane {
    let home = tempfile::tempdir().unwrap();
    on(home.path(), &[(ENDPOINT, &imds.url())], &[]).await
}

/// A metadata service that gives one key, and something else from its second search on.
pub(crate) async fn then(
    first: impl Fn() -> Answer + Send + Sync + 'static,
    later: impl Fn() -> Answer + Send + Sync + 'static,
) -> Web {
    let count = AtomicUsize::new(0);
    imds(move || if count.fetch_add(1, Ordering::Relaxed) == 0 { first() } else { later() }).await.unwrap()
}

/// A key that is good for so many seconds.
pub(crate) fn good_for(key: Key, seconds: i64) -> impl Fn() -> Answer + Send + Sync + 'static {
    move || (200, "application/json", document(&key, &in_seconds(seconds))).into()
}

/// Waits for the next line of the log with this message.
fn says(lane: &mut Lane, message: &str) -> Value {
    lane.gateway.log(|log| log["message"] == message)
}

/// The last call was signed with this key.
fn signed_with(lane: &Lane, key: Key) {
    let requests = lane.upstream.requests();
    assert_eq!(requests.last().unwrap().header("x-amz-security-token"), key.token);
}

/// Whether the process is ready, as a number.
const READY: &str = "spicerack_ready";

/// How many models there are of which `/v1/ready` says this.
fn models(status: &str) -> String {
    format!("spicerack_models{{status=\"{status}\"}}")
}

/// How many searches for credentials ended like this.
fn refreshes(result: &str) -> String {
    format!("spicerack_credential_refreshes_total{{result=\"{result}\"}}")
}

fn is_none(case: Case) -> Case {
    case.refused(NONE.0, NONE.1)
}

pub(crate) async fn rejected(_run: Run) {
    let said = Reply::error(403, "ExpiredTokenException", "The security token in the request is expired");
    for (stream, reused) in FORMS {
        let imds = then(good_for(OLD, 3600), good_for(NEW, 3600)).await;
        let mut lane = on_instance(&imds).await;
        says(&mut lane, "credentials found");
        let case = Case::new("the token has expired", stream).reused(reused);
        lane.run(&case.clone().says_first(said.clone()).calls(2..=2)).await;
        signed_with(&lane, NEW);
        assert_eq!(searches(&imds), 2);
        lane.run(&case).await;
        signed_with(&lane, NEW);
        assert_eq!(searches(&imds), 2);
        assert_eq!(
            (lane.rest.number(&refreshes("success")), lane.rest.number(&refreshes("failure"))),
            (2, 0)
        );
        lane.stop();
    }
}

pub(crate) async fn no_renewal(run: Run) {
    let said = |status: u16, body: &str| -> Answer { (status, "application/json", body.to_owned()).into() };
    let failed = r#"{"Code":"Failed","Message":"CANARY"}"#;
    let ways = [
        ("no such role", said(404, "CANARY")),
        ("an error", said(500, "CANARY")),
        ("nonsense", said(200, "CANARY")),
        ("a refusal", said(200, failed)),
        ("silence", said(200, "CANARY").after(&Gate::default())),
    ];
    for (about, way) in ways.into_iter().take(run.count(1, 5)) {
        let imds = then(good_for(OLD, 3), move || way.clone()).await;
        let end = in_seconds(4);
        let mut lane = on_instance(&imds).await;
        says(&mut lane, "credentials found");
        let warning = "AWS credentials could not be renewed; those that are held stay in use";
        says(&mut lane, warning);
        // Through their end, for as long as AWS accepts them.
        let mut is_over = false;
        while !is_over {
            is_over = in_seconds(0) > end;
            for (stream, reused) in FORMS {
                lane.run(&Case::new(format!("no renewal: {about}"), stream).reused(reused)).await;
                signed_with(&lane, OLD);
            }
        }
        assert_eq!(lane.http.get("/v1/ready").await.status, 200, "{about}");
        // Nothing else shows it while requests are served.
        assert!(lane.rest.number(&refreshes("failure")) > 0, "{about}");
        assert_eq!((lane.rest.number(READY), lane.rest.number(&models("ready"))), (1, 4), "{about}");
        let log = lane.stop_and(&[]);
        assert_eq!(log.matches(warning).count(), 1, "{about}: {log}");
    }
}

pub(crate) async fn none_at_first(_run: Run) {
    let imds = imds(good_for(OLD, 3600)).await.unwrap();
    let mut way = Proxy::closed(imds.address()).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut lane = on(home.path(), &[(ENDPOINT, &format!("http://{}", way.address()))], &[]).await;
    says(&mut lane, "no AWS credentials were found");
    for stream in [false, true] {
        let (seen, line) = lane.ask("nova", stream).await;
        judge(&is_none(Case::lost("no credentials", stream)), &seen, &line, 0);
        assert!(seen.head.contains("\"retry-after\": \"5\""), "{seen:?}");
        lane.holds("no credentials").await;
    }
    let ready = lane.http.get("/v1/ready?verbose=true").await;
    assert_eq!(
        (ready.status, &ready.json()["models"][0]["status"]),
        (503.try_into().unwrap(), &"error".into())
    );
    assert!(ready.text().contains("no metadata service answers"), "{}", ready.text());
    assert_eq!((lane.rest.number(READY), lane.rest.number(&models("error"))), (0, 4));
    assert_eq!(searches(&imds), 0);

    way.open().await.unwrap();
    says(&mut lane, "credentials found");
    assert_eq!(searches(&imds), 1);
    for (stream, reused) in FORMS {
        lane.run(&Case::new("credentials appeared", stream).reused(reused)).await;
    }
    assert_eq!(lane.http.get("/v1/ready").await.status, 200);
    assert_eq!((lane.rest.number(READY), lane.rest.number(&models("error"))), (1, 0));
    lane.stop();
}

pub(crate) async fn silence_at_first(run: Run) {
    let gate = Gate::default();
    let held = gate.clone();
    let imds = imds(move || good_for(OLD, 3600)().after(&held)).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut lane = on(home.path(), &[(ENDPOINT, &imds.url())], &["--max-in-flight", "1000"]).await;
    let count = run.count(50, 200);
    // All of them wait, and not for ever.
    for (stream, seen, line) in many(&mut lane, "nova", count).await {
        judge(&is_none(Case::lost("credentials that are waited for", stream)), &seen, &line, 0);
    }
    // One search, whose last step is tried a few times as it is not answered.
    let calls = searches(&imds);
    assert!((1..=8).contains(&calls), "{calls} calls for the credentials of {count} requests");
    gate.open();
    says(&mut lane, "credentials found");
    lane.run(&Case::new("credentials appeared", true)).await;
    lane.stop();
}

pub(crate) async fn over_when_they_come(_run: Run) {
    let imds = imds(good_for(OLD, -60)).await.unwrap();
    let mut lane = on_instance(&imds).await;
    says(&mut lane, "credentials found");
    for (stream, reused) in FORMS {
        lane.run(&Case::new("credentials that are over", stream).reused(reused)).await;
        signed_with(&lane, OLD);
    }
    assert_eq!(searches(&imds), 1);
    lane.stop();
}

pub(crate) async fn rotation(run: Run) {
    let file = |key: Key| {
        let token = key.token.unwrap();
        format!(
            "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {token}\n",
            key.id, key.secret
        )
    };
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    let path = home.path().join(".aws/credentials");
    std::fs::write(&path, file(OLD)).unwrap();
    let mut lane = on(home.path(), &[], &["--max-in-flight", "1000"]).await;
    says(&mut lane, "credentials found");
    // Eight clients, and the one that asks beside them.
    lane.rest.at_once = 9;
    let mut keys = [NEW, OLD].into_iter().cycle();
    for round in 0..run.count(2, 20) {
        let stream = round % 2 == 0;
        lane.upstream.always(Some(answer(stream)));
        let stop = Arc::new(AtomicBool::new(false));
        let mut load = JoinSet::new();
        for client in 0..8 {
            let (http, stop) = (lane.http.clone(), Arc::clone(&stop));
            load.spawn(async move {
                let mut all = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let id = format!("rotation-{round}-{client}-{}", all.len());
                    let seen = ask(&http, &id, chat("nova", stream).to_string()).await;
                    all.push((id, seen));
                }
                all
            });
        }
        let calls = lane.upstream.requests().len();
        lane.upstream.wait_for_requests(calls + 20).await;
        let key = keys.next().unwrap();
        std::fs::write(home.path().join("saved"), file(key)).unwrap();
        std::fs::rename(home.path().join("saved"), &path).unwrap();
        lane.gateway.log(|log| log["message"] == "credentials found");
        let (id, calls) = (lane.name(), lane.upstream.requests().len());
        let seen = ask(&lane.http, &id, chat("nova", stream).to_string()).await;
        stop.store(true, Ordering::Relaxed);
        for (id, seen) in load.join_all().await.into_iter().flatten().chain([(id, seen)]) {
            assert!(seen.status == 200 && !seen.text.contains("\"error\""), "{id}: {seen:?}");
            if id.starts_with("rotation") {
                lane.know(&id);
            }
        }
        // What each client had begun before may have been signed with the old one.
        let later = lane.upstream.requests_since(calls);
        let others = later.iter().filter(|request| request.header("x-amz-security-token") != key.token);
        assert!(others.count() <= 8, "an old key after the new one was found");
        lane.upstream.always(None);
        lane.holds("a rotation").await;
        lane.is_well(stream, true, "a rotation").await;
        signed_with(&lane, key);
    }
    lane.stop();
}

pub(crate) async fn web_identities(_run: Run) {
    let home = tempfile::tempdir().unwrap();
    let token = home.path().join("token");
    for why in ["does not exist", "is not a file", "is too large"] {
        match why {
            "is not a file" => std::fs::create_dir(&token).unwrap(),
            "is too large" => std::fs::write(&token, "x".repeat(10 << 20)).unwrap(),
            _ => {}
        }
        let sts = sts(NEW).await.unwrap();
        let variables = [
            ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
            ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/app"),
            ("AWS_ENDPOINT_URL_STS", &sts.url()),
        ];
        let mut lane = on(home.path(), &variables, &[]).await;
        let line = says(&mut lane, "no AWS credentials were found");
        assert!(line["reason"].as_str().unwrap().contains(why), "{line}");
        for stream in [false, true] {
            lane.alone(&is_none(Case::lost(format!("a token file that {why}"), stream))).await;
        }
        assert!(sts.asked().is_empty(), "{why}");
        let _ = std::fs::remove_dir(&token);
        std::fs::write(home.path().join("saved"), "first-CANARY").unwrap();
        std::fs::rename(home.path().join("saved"), &token).unwrap();
        says(&mut lane, "credentials found");
        for (stream, reused) in FORMS {
            lane.run(&Case::new("a token file that was put right", stream).reused(reused)).await;
            signed_with(&lane, NEW);
        }
        // A token that was renewed is used from the next search on.
        std::fs::write(&token, "second-CANARY").unwrap();
        lane.gateway.signal("-HUP");
        sts.wait_for(|asked| asked.len() == 2).await;
        let tokens: Vec<bool> =
            sts.asked().iter().map(|asked| asked.body.contains("second-CANARY")).collect();
        assert_eq!(tokens, [false, true]);
        lane.is_well(true, true, "a token was renewed").await;
        lane.stop();
        std::fs::remove_file(&token).unwrap();
    }
}

pub(crate) async fn clock(_run: Run) {
    for (ahead, streamed) in [(600, false), (600, true), (-600, false), (-600, true)] {
        let upstream = Upstream::of(Config::default().ahead(ahead)).await.unwrap();
        let mut lane = Lane::before(upstream);
        let about = format!("a clock that is {ahead} s behind AWS's");
        lane.upstream.push(answer(streamed));
        lane.alone(&Case::new(&about, streamed).calls(2..=2)).await;
        for (stream, reused) in FORMS {
            lane.run(&Case::new(&about, stream).reused(reused)).await;
        }
        let requests = lane.upstream.requests();
        let dates: Vec<&str> = requests.iter().map(|request| request.header("x-amz-date").unwrap()).collect();
        let (first, later) = dates.split_first().unwrap();
        assert!(later.iter().all(|date| (date > first) == (ahead > 0)), "{dates:?}");
        let skew = lane.rest.number("spicerack_clock_skew_seconds");
        assert!((skew - ahead).abs() <= 5, "{skew}");
        let log = lane.stop_and(&[]);
        let said = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let told: Vec<i64> = said.filter_map(|line| line["clock_skew_s"].as_i64()).collect();
        assert!(told.len() == 1 && (told[0] - ahead).abs() <= 5, "{told:?}");
    }
}

pub(crate) async fn processes(run: Run) {
    let hangs = "sleep 1000 & echo $! >$HOME/child; wait";
    let ways = [
        ("ended with status 7", "echo secret-CANARY >&2; exit 7"),
        ("not a JSON object", "echo secret-CANARY"),
        ("more than 64 KiB", "yes secret-CANARY"),
        ("status 127", "/no/such/program CANARY"),
        // Takes as long as a search may.
        ("did not end within 15 s", hangs),
    ];
    for (why, command) in ways.into_iter().take(run.count(4, 5)) {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        let config = home.path().join(".aws/config");
        std::fs::write(&config, format!("[default]\ncredential_process = {command}\n")).unwrap();
        let mut lane = on(home.path(), &[], &[]).await;
        if command == hangs {
            // No request waits for all of it.
            lane.alone(&is_none(Case::lost("a process that hangs", true))).await;
        }
        let line = says(&mut lane, "no AWS credentials were found");
        assert!(line["reason"].as_str().unwrap().contains(why), "{line}");
        for stream in [false, true] {
            lane.alone(&is_none(Case::lost(format!("a process that {why}"), stream))).await;
        }
        let good = format!(
            r#"{{"Version":1,"AccessKeyId":"{}","SecretAccessKey":"{}","SessionToken":"{}","Expiration":"{}"}}"#,
            NEW.id,
            NEW.secret,
            NEW.token.unwrap(),
            in_an_hour()
        );
        std::fs::write(home.path().join("good"), good).unwrap();
        std::fs::write(&config, "[default]\ncredential_process = cat $HOME/good\n").unwrap();
        says(&mut lane, "credentials found");
        for (stream, reused) in FORMS {
            lane.run(&Case::new("a process that was put right", stream).reused(reused)).await;
            signed_with(&lane, NEW);
        }
        lane.stop();
    }
}

/// The library that gives a process another clock, where it is installed.
fn faketime() -> Option<String> {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib", "/usr/lib64"];
    let mut paths = folders.iter().map(|folder| format!("{folder}/faketime/libfaketime.so.1"));
    paths.find(|path| Path::new(path).exists())
}

pub(crate) async fn jumps(run: Run) {
    let Some(library) = faketime() else {
        return record::skipped("F48", "libfaketime is not installed");
    };
    let imds = then(good_for(OLD, 1800), good_for(NEW, 1800)).await;
    let home = tempfile::tempdir().unwrap();
    let clock = home.path().join("clock");
    std::fs::write(&clock, "+0").unwrap();
    let variables = [
        (ENDPOINT, imds.url()),
        ("LD_PRELOAD", library),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap().to_owned()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        // Only the clock that people set.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut lane = on(home.path(), &variables, &["--max-in-flight", "1000"]).await;
    says(&mut lane, "credentials found");
    let gate = Gate::default();
    let streams = live(&mut lane, run.count(5, 100), &gate).await;
    lane.upstream.always(None);
    for (jumps, jump) in ["+3600", "-3600", "+0"].into_iter().enumerate() {
        std::fs::write(home.path().join("saved"), jump).unwrap();
        std::fs::rename(home.path().join("saved"), &clock).unwrap();
        // AWS finds the first signature misdated, and the gateway goes by AWS's clock from there on.
        let about = format!("a clock that jumped to {jump} s");
        lane.upstream.push(answer(true));
        let (seen, line) = lane.ask("nova", true).await;
        judge(&Case::new(&about, true).calls(2..=2), &seen, &line, 2);
        assert_eq!(line["attempts"], 2, "{about}");
        // Credentials that seem to be over, or good for hours, are asked for no more often.
        lane.gateway.signal("-HUP");
        imds.wait_for(|_| searches(&imds) > jumps + 1).await;
        assert_eq!(lane.gateway.reloaded()["level"], "INFO", "{about}");
        for (stream, _) in FORMS {
            lane.is_well(stream, true, &about).await;
        }
        assert_eq!(searches(&imds), jumps + 2, "{about}");
    }
    gate.open();
    for stream in streams {
        let events = read(stream).await;
        assert!(events.done && events.content() == PIECES.concat(), "{events:?}");
    }
    lane.holds("a clock that jumped").await;
    lane.stop();
}
