//! F37 to F40: too much to do, there or here.

use fault_kit::{Gate, Reply, Upstream};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::case::{PIECES, Run, answer};
use crate::lane::{Lane, ask, chat, manifest};

/// How many chats run at once.
const PLACES: usize = 4;

pub(crate) async fn one_model(run: Run) {
    let upstream = Upstream::start().await.unwrap();
    let url = upstream.url();
    let other = "amazon.nova-micro-v1:0";
    let manifest = manifest(&url, "5s").replace(
        "bedrock:us.amazon.nova-lite-v1:0\n    name: once",
        &format!("bedrock:{other}\n    name: once"),
    );
    let mut lane = Lane::with(upstream, &manifest, &[]);
    let gate = Gate::default();
    for _ in 0..run.count(3, 20) {
        lane.upstream.push_for(other, Reply::error(503, "ServiceUnavailableException", "no"));
        let (seen, _) = lane.ask("once", false).await;
        assert_eq!(seen.status, 503, "{seen:?}");
        lane.is_well(true, true, "another model failed").await;
    }
    // Nor does one that is stuck hold up another.
    let calls = lane.upstream.requests().len();
    lane.upstream.push_for(other, Reply::silence().wait(&gate).then(answer(false)));
    let (http, id) = (lane.http.clone(), lane.name());
    let mut stuck = JoinSet::new();
    stuck.spawn({
        let id = id.clone();
        async move { ask(&http, &id, chat("once", false).to_string()).await }
    });
    lane.upstream.wait_for_requests(calls + 1).await;
    for _ in 0..5 {
        lane.is_well(true, true, "another model got stuck").await;
    }
    lane.rest.at_once = 2;
    gate.open();
    assert_eq!(stuck.join_next().await.unwrap().unwrap().status, 200);
    assert_eq!(lane.line(&id)["end_reason"], "completed");
    lane.holds("one model").await;
    lane.stop();
}

pub(crate) async fn full(run: Run) {
    let upstream = Upstream::start().await.unwrap();
    let url = upstream.url();
    let places = PLACES.to_string();
    let mut lane = Lane::with(upstream, &manifest(&url, "5s"), &["--max-in-flight", &places]);
    let gate = Gate::default();
    lane.upstream.always(Some(Reply::silence().wait(&gate).then(answer(false))));
    let begin = |lane: &mut Lane, asked: &mut JoinSet<(String, u16, String)>| {
        let (http, id) = (lane.http.clone(), lane.name());
        asked.spawn(async move {
            let seen = ask(&http, &id, chat("nova", false).to_string()).await;
            (id, seen.status, seen.text)
        });
    };
    let mut running = JoinSet::new();
    for _ in 0..PLACES {
        begin(&mut lane, &mut running);
    }
    lane.upstream.wait_for_requests(PLACES).await;
    let mut more = JoinSet::new();
    for _ in 0..run.count(20, 500) {
        begin(&mut lane, &mut more);
    }
    while let Some(done) = more.join_next().await {
        let (id, status, text) = done.unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((status, &body["error"]["code"]), (503, &"server_overloaded".into()), "{text}");
        assert!(!id.is_empty());
    }
    gate.open();
    while let Some(done) = running.join_next().await {
        let (id, status, text) = done.unwrap();
        assert!(status == 200 && text.contains(PIECES[0]), "{text}");
        assert_eq!(lane.upstream.requests().len(), PLACES, "who was sent away was called for: {id}");
    }
    lane.upstream.always(None);
    lane.rest.at_once = PLACES.try_into().unwrap();
    lane.holds("all places taken").await;
    lane.is_well(true, true, "all places were taken").await;
    // Requests that were sent away reached no model, which their lines leave out.
    lane.stop_and(&["model"]);
}
