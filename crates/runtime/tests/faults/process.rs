//! F60 to F68: the process and its machine.

use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use fault_kit::{Gate, Reply, Upstream};
use http_body_util::BodyExt as _;
use tokio::net::TcpStream;

use crate::case::{PIECES, Run, started, stopped};
use crate::lane::{Lane, chat, check_log, manifest};
use crate::record;
use crate::support::{self, Events, Http};

pub(crate) type Response = http::Response<hyper::body::Incoming>;

/// Begins streams, which go on until a gate opens.
pub(crate) async fn live(lane: &mut Lane, count: usize, gate: &Gate) -> Vec<Response> {
    let rest = PIECES[1..].iter().fold(Reply::default(), |reply, piece| reply.text_delta(piece));
    lane.upstream.always(Some(stopped(started(1).wait(gate).then(rest))));
    lane.rest.at_once = u64::try_from(count).unwrap() + 1;
    let mut streams = Vec::new();
    for _ in 0..count {
        let id = lane.name();
        let http = lane.http.with("x-request-id", &id);
        streams.push(http.begin("POST", "/v1/chat/completions", chat("nova", true).to_string()).await);
    }
    streams
}

pub(crate) async fn read(stream: Response) -> Events {
    let body = stream.into_body().collect().await.unwrap().to_bytes();
    Events::of(std::str::from_utf8(&body).unwrap())
}

fn stopping(lane: &mut Lane) {
    lane.gateway.signal("-TERM");
    lane.gateway.log(|log| log["message"].as_str().is_some_and(|text| text.starts_with("stopping")));
}

pub(crate) async fn drain(run: Run) {
    let upstream = Upstream::start().await.unwrap();
    let url = upstream.url();
    let mut lane = Lane::with(upstream, &manifest(&url, "5s"), &["--max-in-flight", "1000"]);
    let gate = Gate::default();
    let streams = live(&mut lane, run.count(20, 200), &gate).await;
    stopping(&mut lane);
    while TcpStream::connect(lane.gateway.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    gate.open();
    for stream in streams {
        let events = read(stream).await;
        assert!(events.done && events.content() == PIECES.concat(), "{events:?}");
    }
    ends_with(lane, 0, 0);
}

/// Waits for the end of a process that was told to stop, and looks at what it says of answers that were cut off.
fn ends_with(lane: Lane, code: i32, cut: usize) {
    let (status, log, ids) = lane.ended();
    assert_eq!(status.code(), Some(code), "{log}");
    check_log(&log, &ids, &[]);
    let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let mut told =
        lines.filter(|line| line["message"].as_str().is_some_and(|text| text.starts_with("stopped")));
    let told = told.next().unwrap();
    assert!(told["cut"] == cut && told["drained_ms"].is_number(), "{told}");
}

pub(crate) async fn cut_off(run: Run) {
    let upstream = Upstream::start().await.unwrap();
    let url = upstream.url();
    let short = manifest(&url, "5s").replace("runtime:\n", "runtime:\n  shutdown_timeout: 200ms\n");
    let mut lane = Lane::with(upstream, &short, &["--max-in-flight", "1000"]);
    let count = run.count(5, 100);
    let streams = live(&mut lane, count, &Gate::default()).await;
    stopping(&mut lane);
    for stream in streams {
        let events = read(stream).await;
        assert_eq!(events.error.as_ref().unwrap()["code"], "server_shutting_down", "{events:?}");
        assert!(!events.done && events.content() == PIECES[0]);
    }
    for index in 0..count {
        lane.upstream.wait_for_end(index).await;
    }
    ends_with(lane, 0, count);
}

pub(crate) async fn signals(run: Run) {
    for second in ["-TERM", "-INT"] {
        let upstream = Upstream::start().await.unwrap();
        let url = upstream.url();
        let mut lane = Lane::with(upstream, &manifest(&url, "5s"), &["--max-in-flight", "1000"]);
        let count = run.count(5, 100);
        let streams = live(&mut lane, count, &Gate::default()).await;
        // Neither of these ends it.
        lane.gateway.signal("-PIPE");
        lane.gateway.signal("-HUP");
        assert_eq!(lane.gateway.reloaded()["level"], "INFO");
        assert_eq!(lane.http.get("/health").await.status, 200);
        stopping(&mut lane);
        lane.gateway.signal(second);
        for stream in streams {
            let events = read(stream).await;
            assert_eq!(events.error.as_ref().unwrap()["code"], "server_shutting_down", "{events:?}");
            assert!(!events.done && events.content() == PIECES[0]);
        }
        for index in 0..count {
            lane.upstream.wait_for_end(index).await;
        }
        let (status, log, ids) = lane.ended();
        assert_eq!(status.code(), Some(1), "{log}");
        // The last line is for whoever runs it by hand.
        check_log(log.trim_end_matches("error: stopped before all answers had ended"), &ids, &[]);
    }
}

pub(crate) async fn killed(_run: Run) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    for _ in 0..3 {
        let upstream = Upstream::start().await.unwrap();
        let url = upstream.url();
        let mut lane = Lane::with(upstream, &manifest(&url, "5s"), &["--http", &address]);
        lane.is_well(true, true, "a kill").await;
        // With a stream that runs, so that the port is left as it is after a crash.
        let streams = live(&mut lane, 1, &Gate::default()).await;
        lane.gateway.signal("-KILL");
        let (status, ..) = lane.ended();
        assert_eq!(status.code(), None);
        drop(streams);
    }
}

pub(crate) async fn reload(run: Run) {
    let upstream = Upstream::start().await.unwrap();
    let first = manifest(&upstream.url(), "5s");
    let mut lane = Lane::with(upstream, &first, &["--max-in-flight", "1000"]);
    let gate = Gate::default();
    let streams = live(&mut lane, run.count(20, 200), &gate).await;
    lane.upstream.always(None);
    let path = lane.folder.path().join("spicepod.yaml");
    let changed =
        |number: usize| first.replace("connect_timeout: 5s", &format!("connect_timeout: {number}s"));

    // What has problems changes nothing, and is told.
    let half = first.split_at(first.rfind("aws_secret").unwrap() + 5).0.to_owned();
    for (about, text) in [
        ("a mistake", first.replace("max_attempts: 1", "max_attempts: one")),
        ("half a file", half),
        ("no YAML", "models: [".to_owned()),
        ("an empty file", String::new()),
    ] {
        std::fs::write(&path, text).unwrap();
        reloaded(&mut lane, false, about).await;
    }
    std::fs::remove_file(&path).unwrap();
    reloaded(&mut lane, false, "a deleted file").await;
    std::fs::write(&path, changed(6)).unwrap();
    reloaded(&mut lane, true, "a valid file").await;

    // As Kubernetes replaces what it mounts.
    let folder = lane.folder.path().to_owned();
    for number in 7..9 {
        let target = format!("..{number}");
        std::fs::create_dir(folder.join(&target)).unwrap();
        std::fs::write(folder.join(&target).join("spicepod.yaml"), changed(number)).unwrap();
        symlink(&target, folder.join("..new")).unwrap();
        std::fs::rename(folder.join("..new"), folder.join("..data")).unwrap();
        if number == 7 {
            symlink("..data/spicepod.yaml", folder.join("link")).unwrap();
            std::fs::rename(folder.join("link"), &path).unwrap();
        }
        reloaded(&mut lane, true, "a swap of links").await;
    }

    for number in 0..run.count(100, 1_000) {
        std::fs::write(folder.join("saved"), changed(10 + number)).unwrap();
        std::fs::rename(folder.join("saved"), &path).unwrap();
    }
    reloaded(&mut lane, true, "a burst of saves").await;

    gate.open();
    for stream in streams {
        let events = read(stream).await;
        assert!(events.done && events.content() == PIECES.concat(), "{events:?}");
    }
    lane.holds("the reloads").await;
    lane.stop();
}

/// Waits until the manifest has been looked at again, and asks whole and streamed.
async fn reloaded(lane: &mut Lane, served: bool, about: &str) {
    let line = lane.gateway.reloaded();
    let (level, told) = if served { ("INFO", true) } else { ("ERROR", line["problems"].is_string()) };
    assert!(line["level"] == level && told, "{about}: {line}");
    for stream in [false, true] {
        lane.is_well(stream, true, about).await;
    }
}

pub(crate) async fn descriptors(_run: Run) {
    let upstream = Upstream::start().await.unwrap();
    let url = upstream.url();
    let own = support::spicerack();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]).arg(own.get_program());
    command.env_clear().env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", "/nonexistent");
    command.stdin(Stdio::null());
    let mut lane = Lane::run_by(command, upstream, &manifest(&url, "5s"), &[]);
    let gate = Gate::default();
    let mut streams = live(&mut lane, 1, &gate).await;
    let mut flood = Vec::new();
    // Fewer than wait in a listener's queue, and more than there are descriptors for.
    for _ in 0..100 {
        flood.push(TcpStream::connect(lane.gateway.address).await.unwrap());
    }
    gate.open();
    let events = read(streams.remove(0)).await;
    assert!(events.done && events.content() == PIECES.concat(), "{events:?}");
    lane.upstream.always(None);
    drop(flood);
    let late = Http::to(lane.gateway.address);
    assert_eq!(late.get("/health").await.status, 200);
    lane.holds("no descriptors left").await;
    lane.is_well(true, true, "no descriptors were left").await;
    lane.stop();
}

pub(crate) async fn full_disk(_run: Run) {
    let upstream = Upstream::start().await.unwrap();
    let folder = support::pod(&manifest(&upstream.url(), "5s"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = support::spicerack();
    command.arg(folder.path()).args(["--http", &address.to_string(), "--log", "debug"]);
    let mut child = command.stdout(full()).stderr(full()).spawn().unwrap();
    while TcpStream::connect(address).await.is_err() {
        assert_eq!(child.try_wait().unwrap(), None, "it ended because it could not log");
        tokio::task::yield_now().await;
    }
    let http = Http::to(address).with("authorization", &format!("Bearer {}", crate::lane::API_KEY));
    for stream in [false, true, false, true] {
        record::case();
        upstream.push(crate::case::answer(stream));
        let reply = http.post(&chat("nova", stream)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert!(reply.text().contains(PIECES[3]), "{reply:?}");
    }
    assert_eq!(http.get("/health").await.status, 200);
    child.kill().unwrap();
    child.wait().unwrap();
}
