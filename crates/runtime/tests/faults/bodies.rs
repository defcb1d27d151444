//! F17 to F23: whole replies that go wrong behind their head.

use std::time::Duration;

use bytes::Bytes;
use fault_kit::{Fault, Gate, How, Plan, Reply};
use serde_json::{Value, json};

use crate::case::{Case, Outcome, PIECES, Run, in_all_forms};
use crate::lane::Lane;

/// A whole answer on fresh connections and on used ones.
fn whole(case: impl Fn() -> Case) -> Vec<Case> {
    [false, true].into_iter().map(|reused| case().reused(reused)).collect()
}

/// Where the body of the scripted answer begins and ends.
async fn body() -> (u64, u64) {
    let wire = Lane::wire(false).await;
    let head = wire.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    (u64::try_from(head).unwrap(), u64::try_from(wire.len()).unwrap())
}

/// Random places, or all of them in a whole run.
async fn places(run: &Run, few: usize) -> Vec<u64> {
    let body = body().await;
    let mut seeds = run.seeds();
    if run.whole { (body.0..body.1).collect() } else { (0..few).map(|_| seeds.within(body)).collect() }
}

pub(crate) async fn cut_in_order(run: Run) {
    cut(run, How::Fin, &[Outcome::Refused(502, "upstream_incomplete")], 1).await;
    // What is lost may be billed, and is counted.
    let mut lane = Lane::start().await;
    let at = body().await.0 + 20;
    let whole = Case::new("nothing is lost", false);
    let cut = Case::new("an answer is lost", false)
        .plan(Plan::default().down(Fault::Cut { at, how: How::Fin }))
        .refused(502, "upstream_incomplete");
    let refused = Case::new("a refusal", false)
        .always(Reply::error(429, "ThrottlingException", "no"))
        .refused(429, "rate_limit_exceeded")
        .calls(3..=3);
    let unreadable =
        Case::new("no answer", false).says(Reply::json(200, &json!({}))).refused(502, "upstream_error");
    for (case, lost) in [(whole, 0), (cut, 1), (refused, 0), (unreadable, 1)] {
        assert_eq!(lane.growth(&case, "spicerack_answers_lost_total").await, lost, "{}", case.about);
    }
    lane.stop();
}

pub(crate) async fn cut_by_reset(run: Run) {
    // A reset may take the head with it: then nothing has been answered, and one more call is right.
    let outcomes = [Outcome::Refused(502, "upstream_incomplete"), Outcome::Refused(502, "upstream_error")];
    cut(run, How::Rst, &outcomes, 2).await;
}

async fn cut(run: Run, how: How, outcomes: &[Outcome], calls: usize) {
    let mut cases = Vec::new();
    for at in places(&run, 12).await {
        cases.extend(whole(|| {
            let case = Case::new(format!("cut at byte {at}"), false).fails(outcomes).calls(1..=calls);
            let case = case.plan(Plan::default().down(Fault::Cut { at, how }));
            if calls == 1 { case } else { case.always(Reply::converse(&PIECES.concat())) }
        }));
    }
    run.all(cases).await;
}

pub(crate) async fn stall(run: Run) {
    let mut seeds = run.seeds();
    let body = body().await;
    let mut cases = Vec::new();
    for _ in 0..run.count(3, 20) {
        let at = seeds.within(body);
        cases.extend(whole(|| {
            Case::new(format!("nothing comes from byte {at} on"), false)
                .hasty()
                .plan(Plan::default().down(Fault::Hold { at, gate: Gate::default() }))
                .refused(504, "upstream_timeout")
                .lets_go()
        }));
    }
    run.all(cases).await;
}

pub(crate) async fn slow(run: Run) {
    let plan =
        Plan::default().down(Fault::Latency(Duration::from_millis(run.count(100, 2000).try_into().unwrap())));
    run.all(in_all_forms(|stream| Case::new("every write is late", stream).plan(plan.clone()))).await;
    let plan = Plan::default().down(Fault::Slice(1)).up(Fault::Slice(1));
    run.all(in_all_forms(|stream| Case::new("every write is one byte", stream).plan(plan.clone()))).await;
}

pub(crate) async fn large(run: Run) {
    let piece = Bytes::from(vec![b' '; 1 << 20]);
    let count = run.count(64, 600);
    let sized = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        count * piece.len()
    );
    let sized = (0..count).fold(Reply::silence().raw(sized), |reply, _| reply.raw(piece.clone()));
    let chunk = Bytes::from([b"100000\r\n", &*piece, b"\r\n"].concat());
    let chunked = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunked = (0..count).fold(Reply::silence().raw(chunked), |reply, _| reply.raw(chunk.clone()));
    let mut cases = Vec::new();
    for (about, reply) in [("a length", sized), ("chunks", chunked)] {
        cases.extend(whole(|| {
            Case::new(format!("hundreds of megabytes with {about}"), false)
                .says(reply.clone())
                .refused(502, "upstream_too_large")
        }));
    }
    Lane::stays_small(&cases, 64).await;
}

pub(crate) async fn shapes(run: Run) {
    let output = json!({ "message": { "role": "assistant", "content": [{ "text": PIECES.concat() }] } });
    let usage = json!({ "inputTokens": 1, "outputTokens": 1, "totalTokens": 2 });
    let reply = |output: &Value, stop: &str, usage: &Value| json!({ "output": output, "stopReason": stop, "usage": usage, "metrics": { "latencyMs": 1 } });
    let mut more = reply(&output, "end_turn", &usage);
    more["somethingNew"] = json!({ "a": [1, 2, { "b": null }] });
    more["output"]["message"]["content"] = json!([{ "hologram": {} }, { "text": PIECES.concat() }]);
    let mut cases = Vec::new();
    for (about, body) in [
        ("unknown members", more),
        ("an unknown reason to stop", reply(&output, "got_bored", &usage)),
        ("no usage", reply(&output, "end_turn", &Value::Null)),
        ("a usage of another type", reply(&output, "end_turn", &json!({ "outputTokens": 2.5 }))),
    ] {
        cases.extend(whole(|| Case::new(about, false).says(Reply::json(200, &body))));
    }
    for (about, body) in [
        ("an empty object", json!({})),
        ("no output", json!({ "stopReason": "end_turn" })),
        ("an output without a message", json!({ "output": {}, "stopReason": "end_turn" })),
        ("a message that is text", json!({ "output": { "message": "hi" }, "stopReason": "end_turn" })),
        ("an array", json!([])),
        ("null", Value::Null),
    ] {
        let case = || Case::new(about, false).says(Reply::json(200, &body)).refused(502, "upstream_error");
        cases.extend(whole(case));
    }
    for (about, body) in [("nothing", ""), ("half an object", "{\"output\":"), ("two objects", "{}{}")] {
        let case = || Case::new(about, false).says(Reply::text(200, body)).refused(502, "upstream_error");
        cases.extend(whole(case));
    }
    let mut lane = Lane::start().await;
    for (stop, counted) in [("end_turn", 0), ("got_bored", 1)] {
        let body = reply(&output, stop, &usage);
        let case = Case::new("an unknown reason to stop", false).says(Reply::json(200, &body));
        assert_eq!(lane.growth(&case, UNKNOWN).await, counted, "{stop}");
    }
    lane.stop();
    run.all(cases).await;
}

/// Counts answers with something in them that is not known.
pub(crate) const UNKNOWN: &str = "spicerack_unknown_content_total";

pub(crate) async fn compressed(run: Run) {
    // An empty text and a megabyte of zeros, by gzip.
    let empty = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00".to_vec();
    let cut = empty[..12].to_vec();
    let mut cases = Vec::new();
    for (about, coding, body) in
        [("gzip", "gzip", empty.clone()), ("half of it", "gzip", cut), ("twice", "gzip, gzip", empty)]
    {
        cases.extend(in_all_forms(|stream| {
            let kind = if stream { "application/vnd.amazon.eventstream" } else { "application/json" };
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let reply = Reply::silence().raw([head.as_bytes(), &body].concat());
            let case = Case::new(about, stream).says(reply);
            // Of a stream the first bytes are a length that no frame has.
            let codes = ["upstream_error", "upstream_corrupt", "upstream_incomplete"];
            case.fails(&codes.map(|code| Outcome::Refused(502, code)))
        }));
    }
    run.all(cases).await;
}
