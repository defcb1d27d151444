//! F37 to F40: too much to do, there or here.

use std::collections::HashMap;

use fault_kit::{Gate, Reply, Upstream};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::case::{Case, FORMS, PIECES, Run, answer};
use crate::lane::{Lane, Seen, ask, chat, judge, manifest};

/// How many chats run at once.
const PLACES: usize = 4;

/// Sends many requests at the same time, every other one streamed, and gives what came of each: whether it was
/// streamed, what its client saw, and its line of the log.
pub(crate) async fn many(lane: &mut Lane, model: &'static str, count: usize) -> Vec<(bool, Seen, Value)> {
    lane.rest.at_once = lane.rest.at_once.max(count.try_into().unwrap());
    let mut asking = JoinSet::new();
    for index in 0..count {
        let (http, id, stream) = (lane.http.clone(), lane.name(), index % 2 == 0);
        asking.spawn(async move {
            let seen = ask(&http, &id, chat(model, stream).to_string()).await;
            (id, stream, seen)
        });
    }
    let all = asking.join_all().await;
    let mut lines = HashMap::new();
    while lines.len() < count {
        let line = lane.gateway.log(|log| log["message"] == "request");
        lines.insert(line["request_id"].as_str().unwrap().to_owned(), line);
    }
    all.into_iter().map(|(id, stream, seen)| (stream, seen, lines.remove(&id).unwrap())).collect()
}

pub(crate) async fn storm(run: Run) {
    let upstream = Upstream::start().await.unwrap();
    let url = upstream.url();
    let mut lane = Lane::with(upstream, &manifest(&url, "5s"), &["--max-in-flight", "2000"]);
    lane.upstream.always(Some(Reply::error(429, "ThrottlingException", "no")));
    let count = run.count(200, 2000);
    for (stream, seen, line) in many(&mut lane, "nova", count).await {
        let case = Case::lost("a storm of 429", stream).calls(1..=1).refused(429, "rate_limit_exceeded");
        judge(&case, &seen, &line, 1);
        assert!(
            seen.head.contains("\"retry-after\": \"") && seen.head.contains("\"x-should-retry\": \"true\"")
        );
    }
    // The reserve of 100, and one call to ten requests; not three times as many.
    let (calls, most) = (lane.upstream.requests().len(), count + 100 + count / 10);
    assert!((count + 50..=most).contains(&calls), "{calls} calls for {count} requests");
    lane.holds("a storm of 429").await;
    // Without a budget there is no other try, and what succeeds needs none.
    lane.upstream.always(None);
    for (stream, reused) in FORMS {
        lane.run(&Case::new("the end of a storm", stream).reused(reused)).await;
    }
    lane.stop();
}

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
