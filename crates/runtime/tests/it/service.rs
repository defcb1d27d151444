//! The process among others: its service manager, signals, and descriptors that run out.

use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::support::{Gateway, hello, manifest, pod, spicerack};

/// The variable and its value of one line.
fn lines(text: &str) -> Vec<(&str, &str)> {
    text.lines().map(|line| line.split_once('=').unwrap()).collect()
}

struct Manager(UnixDatagram);

impl Manager {
    fn told(&self) -> String {
        let mut bytes = [0; 1024];
        let length = self.0.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }
}

#[tokio::test]
async fn a_service_manager_is_told_of_the_start_of_reloads_and_of_the_end() {
    let folder = pod(&manifest(&[]));
    let path = folder.path().join("notify");
    let manager = Manager(UnixDatagram::bind(&path).unwrap());
    manager.0.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut command = spicerack();
    command.arg(folder.path()).args(["--emulator", "--no-watch"]).env("NOTIFY_SOCKET", &path);
    let gateway = Gateway::spawn(&mut command);
    assert_eq!(lines(&manager.told()), [("READY", "1"), ("STATUS", "serving")]);

    gateway.signal("-HUP");
    let told = manager.told();
    let told = lines(&told);
    assert_eq!((told[0], told[1].0), (("RELOADING", "1"), "MONOTONIC_USEC"));
    assert!(told[1].1.parse::<u64>().unwrap() > 0);
    assert_eq!(lines(&manager.told())[0], ("READY", "1"));

    std::fs::write(folder.path().join("spicepod.yaml"), "nonsense").unwrap();
    gateway.signal("-HUP");
    assert_eq!(lines(&manager.told())[0], ("RELOADING", "1"));
    let told = manager.told();
    assert!(told.starts_with("READY=1") && told.contains("problems"), "{told}");

    gateway.signal("-TERM");
    assert_eq!(lines(&manager.told()), [("STOPPING", "1")]);
    let (status, log) = gateway.ended();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[tokio::test]
async fn a_watchdog_gets_signs_of_life() {
    let folder = pod(&manifest(&[]));
    let path = folder.path().join("notify");
    let manager = Manager(UnixDatagram::bind(&path).unwrap());
    manager.0.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut command = spicerack();
    command.arg(folder.path()).arg("--emulator").env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "60000");
    let _gateway = Gateway::spawn(&mut command);
    for _ in 0..4 {
        let told = manager.told();
        assert!(told.starts_with("READY=1") || told == "WATCHDOG=1\n", "{told}");
    }
}

#[tokio::test]
async fn a_socket_that_is_passed_on_is_served() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let folder = pod(&manifest(&[]));
    let mut command = spicerack();
    command.arg(folder.path()).arg("--emulator");
    // The manager would pass it on as the third.
    command.env("LISTEN_FDS", "1").env("LISTEN_FDS_FIRST_FD", "0");
    command.stdin(Stdio::from(OwnedFd::from(listener)));
    let gateway = Gateway::adopt(&mut command);
    assert_eq!(gateway.address, address);
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
    drop(gateway);

    // Where other machines reach it, it is as with `--http`; also after a reload.
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let locked = manifest(&[])
        .replace("models:\n", "runtime:\n  auth:\n    api-key:\n      keys: [secret-key]\nmodels:\n");
    std::fs::write(folder.path().join("spicepod.yaml"), locked).unwrap();
    command.stdin(Stdio::from(OwnedFd::from(listener)));
    let mut gateway = Gateway::adopt(&mut command);
    std::fs::write(folder.path().join("spicepod.yaml"), manifest(&[])).unwrap();
    let line = gateway.reloaded();
    assert_eq!(line["level"], "ERROR");
    assert!(line["problems"].as_str().unwrap().contains("no API keys are configured"), "{line}");
    drop(gateway);
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    command.stdin(Stdio::from(OwnedFd::from(listener)));
    assert_eq!(command.status().unwrap().code(), Some(78));

    // What is no socket is told.
    command.stdin(Stdio::null());
    let output = command.stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the socket of the service manager cannot be used"), "{said}");
}

#[tokio::test]
async fn a_killed_process_is_followed_by_another_on_the_same_address() {
    let folder = pod(&manifest(&[]));
    let mut command = spicerack();
    let gateway = Gateway::spawn(command.arg(folder.path()).arg("--emulator"));
    let address = gateway.address;
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
    gateway.signal("-KILL");
    let (status, _) = gateway.ended();
    assert_eq!(status.code(), None);
    let mut command = spicerack();
    command.arg(folder.path()).args(["--emulator", "--http", &address.to_string()]);
    let gateway = Gateway::adopt(&mut command);
    assert_eq!(gateway.address, address);
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
}

#[tokio::test]
async fn a_broken_pipe_is_no_end() {
    let gateway = Gateway::start(&manifest(&[]), &["--emulator"]);
    gateway.signal("-PIPE");
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
    gateway.stop();
}

#[tokio::test]
async fn a_process_without_descriptors_waits_and_goes_on_once_there_are_some() {
    let folder = pod(&manifest(&[]));
    let mut command = Command::new("prlimit");
    command.args(["--nofile=40", "--", env!("CARGO_BIN_EXE_spicerack")]).arg(folder.path());
    command.arg("--emulator").env_clear().env("AWS_EC2_METADATA_DISABLED", "true");
    let mut gateway = Gateway::spawn(&mut command);
    let kept = gateway.http.get("/health").await;
    assert_eq!(kept.status, 200);
    let held: Vec<TcpStream> = (0..60).map(|_| TcpStream::connect(gateway.address).unwrap()).collect();
    let line =
        gateway.log(|log| log["message"].as_str().is_some_and(|text| text.contains("cannot be accepted")));
    assert_eq!(line["level"], json!("WARN"));
    // What is connected goes on.
    assert_eq!(gateway.http.get("/health").await.status, 200);
    drop(held);
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
    // It was told once, and not with each try.
    assert_eq!(gateway.stop().matches("cannot be accepted").count(), 1);
}

#[tokio::test]
async fn the_limit_of_open_files_is_raised_as_far_as_is_allowed() {
    let folder = pod(&manifest(&[]));
    let mut command = Command::new("prlimit");
    command.args(["--nofile=40:400", "--", env!("CARGO_BIN_EXE_spicerack")]).arg(folder.path());
    command.arg("--emulator").env_clear().env("AWS_EC2_METADATA_DISABLED", "true");
    let gateway = Gateway::spawn(&mut command);
    let held: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(gateway.address).unwrap()).collect();
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
    drop(held);
    assert!(!gateway.stop().contains("cannot be accepted"));
}
