//! Renewal: ahead of the end, once for all who wait, and never in the way of credentials that AWS still accepts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;

use fault_kit::services::{Key, document, imds, searches};
use fault_kit::{Web, in_an_hour, in_seconds};

use crate::support::{Gateway, INSTANCE, Machine, NEXT};

const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";

/// A metadata service that gives one key, which ends after some seconds, and then another.
async fn rotating(first: Key, seconds: i64, second: Key) -> Web {
    let count = AtomicUsize::new(0);
    imds(move || {
        let document = match count.fetch_add(1, Ordering::Relaxed) {
            0 => document(&first, &in_seconds(seconds)),
            _ => document(&second, &in_an_hour()),
        };
        (200, "application/json", document)
    })
    .await
    .unwrap()
}

/// Chats in parallel, all of which are answered.
async fn all_answered(gateway: &Gateway, count: usize) {
    let chats = (0..count).map(|index| gateway.post(index.is_multiple_of(2)));
    for (status, body) in join_all(chats).await {
        assert!(status == 200 && !body.contains("\"error\""), "{status} {body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_end_under_load_lose_no_request() {
    let imds = rotating(INSTANCE, 5, NEXT).await;
    let machine = Machine::new().await.env(ENDPOINT, imds.url());
    let gateway = machine.serve();
    let signed_by = |key: Key| {
        let requests = machine.emulator.requests();
        requests.iter().filter(|request| request.header("x-amz-security-token") == key.token).count()
    };
    while signed_by(NEXT) < 50 {
        all_answered(&gateway, 10).await;
    }
    assert!(signed_by(INSTANCE) > 0);
    assert_eq!(searches(&imds), 2);
    let log = gateway.stop().await;
    assert_eq!(log.matches("\"credentials found\"").count(), 2, "{log}");
    assert!(!log.contains("\"WARN\""), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_credentials_are_renewed_once_for_all() {
    let imds = rotating(INSTANCE, 3600, NEXT).await;
    let machine = Machine::knowing(&[NEXT]).await.env(ENDPOINT, imds.url());
    let mut gateway = machine.serve();
    gateway.says("credentials found");
    all_answered(&gateway, 40).await;
    machine.signed_with(NEXT);
    assert_eq!(searches(&imds), 2);
    let line = gateway.says("request");
    assert!(line["attempts"] == 2 || line["attempts"] == 1, "{line}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_are_no_others_are_not_tried_again() {
    let imds = rotating(INSTANCE, 3600, INSTANCE).await;
    let machine = Machine::knowing(&[NEXT]).await.env(ENDPOINT, imds.url());
    let gateway = machine.serve();
    for _ in 0..5 {
        let (status, body) = gateway.chat().await;
        assert!(status == 502 && body.contains("upstream_credentials_rejected"), "{body}");
    }
    assert_eq!(searches(&imds), 2, "a renewal that gives nothing new is not asked for at once again");
    assert_eq!(machine.emulator.requests().len(), 5);
    let log = gateway.stop().await;
    assert!(log.contains("AWS does not know the access key"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_that_was_rotated_is_read_again() {
    let file = |key: Key| {
        let token = key.token.unwrap();
        format!(
            "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {token}\n",
            key.id, key.secret
        )
    };
    let machine = Machine::knowing(&[NEXT]).await.file(".aws/credentials", &file(INSTANCE));
    let mut gateway = machine.serve();
    gateway.says("credentials found");
    let machine = machine.file(".aws/credentials", &file(NEXT));
    all_answered(&gateway, 4).await;
    machine.signed_with(NEXT);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_renewal_fails_what_is_held_stays_in_use() {
    let count = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&count);
    let imds = imds(move || match asked.fetch_add(1, Ordering::Relaxed) {
        0 => (200, "application/json", document(&INSTANCE, &in_seconds(3))),
        _ => (404, "text/plain", "CANARY".to_owned()),
    })
    .await
    .unwrap();
    let machine = Machine::new().await.env(ENDPOINT, imds.url());
    let mut gateway = machine.serve();
    let warning = gateway.says("AWS credentials could not be renewed; those that are held stay in use");
    assert!(warning["reason"].as_str().unwrap().contains("answered with status 404"), "{warning}");
    // Through the end of the credentials, and more attempts to renew them.
    while count.load(Ordering::Relaxed) < 4 {
        all_answered(&gateway, 10).await;
    }
    assert_eq!(gateway.ready().await["status"], "ready");
    let log = gateway.stop().await;
    assert_eq!(log.matches("could not be renewed").count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_appear_late_are_found() {
    let up = Arc::new(AtomicUsize::new(0));
    let switch = Arc::clone(&up);
    let imds = imds(move || match switch.load(Ordering::Relaxed) {
        0 => (404, "text/plain", String::new()),
        _ => (200, "application/json", document(&INSTANCE, &in_an_hour())),
    })
    .await
    .unwrap();
    let machine = Machine::new().await.env(ENDPOINT, imds.url());
    let mut gateway = machine.serve();
    gateway.says("no AWS credentials were found");
    let before = searches(&imds);
    assert!(gateway.chat().await.0 == 503);
    assert_eq!(searches(&imds), before, "requests do not search themselves");
    up.store(1, Ordering::Relaxed);
    gateway.says("credentials found");
    all_answered(&gateway, 2).await;
    gateway.stop().await;
}
