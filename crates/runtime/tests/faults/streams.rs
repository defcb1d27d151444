//! F24 to F36: streams that go wrong.

use std::time::Duration;

use bytes::Bytes;
use fault_kit::{Fault, Frame, How, Plan, Reply};
use serde_json::{Value, json};

use crate::bodies::UNKNOWN;
use crate::case::{Case, Outcome, PIECES, Run, answer, started, stopped, streamed};
use crate::lane::{Chunk, Lane};

const INCOMPLETE: Outcome = Outcome::Broken("upstream_incomplete");
const CORRUPT: &str = "upstream_corrupt";

/// A stream on fresh connections and on used ones, of one reply.
fn of(about: &str, reply: &Reply, with: impl Fn(Case) -> Case) -> Vec<Case> {
    streamed(|| with(Case::new(about, true).says(reply.clone())))
}

fn delta(text: &str) -> Value {
    json!({ "contentBlockIndex": 0, "delta": { "text": text } })
}

pub(crate) async fn exceptions_first(run: Run) {
    let mut cases = Vec::new();
    for (exception, status, code) in [
        ("throttlingException", 429, "rate_limit_exceeded"),
        ("validationException", 400, "invalid_request"),
        ("modelTimeoutException", 504, "model_timeout"),
        ("internalServerException", 502, "upstream_error"),
        ("modelStreamErrorException", 502, "model_stream_error"),
        ("serviceUnavailableException", 503, "server_is_overloaded"),
        ("neverHeardOfException", 502, "upstream_error"),
    ] {
        let reply = Reply::events().exception(exception, "no");
        cases.extend(of(exception, &reply, |case| case.refused(status, code)));
    }
    let reply = Reply::events().error_frame("InternalError", "no");
    cases.extend(of("an error frame", &reply, |case| case.refused(502, "upstream_error")));
    run.all(cases).await;
}

pub(crate) async fn exceptions_later(run: Run) {
    let mut seeds = run.seeds();
    let mut cases = Vec::new();
    for (exception, code) in [
        ("throttlingException", "rate_limit_exceeded"),
        ("validationException", "invalid_request"),
        ("modelTimeoutException", "model_timeout"),
        ("internalServerException", "upstream_error"),
        ("modelStreamErrorException", "model_stream_error"),
        ("serviceUnavailableException", "server_is_overloaded"),
        ("neverHeardOfException", "upstream_error"),
    ] {
        let pieces = usize::try_from(seeds.within((0, 5))).unwrap();
        let reply = started(pieces).exception(exception, "no");
        cases.extend(of(&format!("{exception} after {pieces} pieces"), &reply, |case| case.broken(code)));
    }
    let reply = started(1).error_frame("InternalError", "no");
    cases.extend(of("an error frame after a piece", &reply, |case| case.broken("upstream_error")));
    run.all(cases).await;
}

pub(crate) async fn no_stop(run: Run) {
    let mut cases = Vec::new();
    for pieces in 0..=PIECES.len() {
        let end = started(pieces);
        cases.extend(of(&format!("the end after {pieces} pieces"), &end, |case| case.fails(&[INCOMPLETE])));
        let closed = started(pieces).event("contentBlockStop", &json!({ "contentBlockIndex": 0 }));
        cases.extend(of("the end after a block", &closed, |case| case.fails(&[INCOMPLETE])));
        let metadata = started(pieces).event("metadata", &json!({ "usage": { "inputTokens": 1 } }));
        cases.extend(of("metadata in place of a stop", &metadata, |case| case.broken("upstream_protocol")));
    }
    run.all(cases).await;
}

/// The case of a stream of which so many bytes of its chunks arrive; `first` and `stop` are where the first event and
/// `messageStop` end.
fn cut_case(about: String, at: u64, (first, stop): (u64, u64)) -> Case {
    let case = Case::new(about, true);
    if at < first {
        case.refused(502, "upstream_incomplete")
    } else if at < stop {
        case.fails(&[INCOMPLETE])
    } else {
        case
    }
}

pub(crate) async fn cuts(run: Run) {
    let wire = Lane::wire(true).await;
    let chunks = Chunk::all(&wire);
    let head = chunks[0].start;
    let end = |index: usize| chunks[index].end;
    let stop = chunks.iter().position(|chunk| chunk.holds(&wire, "messageStop")).unwrap();
    let marks = (end(0), end(stop));
    let total = u64::try_from(wire.len()).unwrap();
    let mut seeds = run.seeds();
    let mut places: Vec<u64> = if run.whole {
        (head..total).collect()
    } else {
        (0..24).map(|_| seeds.within((head, total))).collect()
    };
    // Behind the lengths of each frame, where a decoder may have taken them and hold nothing.
    places.extend(chunks.iter().map(|chunk| chunk.start + 12));
    places.extend([marks.0, marks.1]);
    let mut cases = Vec::new();
    for (index, at) in places.into_iter().enumerate() {
        let reused = index % 2 == 0;
        let in_order = cut_case(format!("an end at byte {at}"), at, marks).reused(reused);
        cases.push(in_order.plan(Plan::default().down(Fault::Cut { at, how: How::Fin })));
        // A reset may take with it what had arrived, even the head; what is left must look as broken as it is.
        let mut reset = cut_case(format!("a reset at byte {at}"), at, marks).reused(reused);
        reset.model = "once";
        reset.outcomes.extend([
            INCOMPLETE,
            Outcome::Refused(502, "upstream_incomplete"),
            Outcome::Refused(502, "upstream_error"),
        ]);
        cases.push(reset.plan(Plan::default().down(Fault::Cut { at, how: How::Rst })));
    }
    // The same by a last chunk, so that HTTP finds nothing wrong.
    let frames: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.bytes(&wire).to_vec()).collect();
    let length = |chunks: &[Chunk]| chunks.iter().map(|chunk| chunk.end - chunk.start).sum::<u64>();
    let marks = (length(&chunks[..1]), length(&chunks[..=stop]));
    let total = u64::try_from(frames.len()).unwrap();
    let places: Vec<u64> =
        if run.whole { (0..total).collect() } else { (0..12).map(|_| seeds.below(total)).collect() };
    for at in places {
        let kept = Bytes::copy_from_slice(&frames[..usize::try_from(at).unwrap()]);
        let case = cut_case(format!("a last chunk after {at} bytes of frames"), at, marks);
        cases.push(case.says(Reply::events().body(kept)).reused(at % 2 == 0));
    }
    run.all(cases).await;
}

pub(crate) async fn damage(run: Run) {
    let wire = Lane::wire(true).await;
    let chunks = Chunk::all(&wire);
    let frame = &chunks[2];
    assert!(frame.holds(&wire, PIECES[1]), "the second piece of the answer");
    let mut seeds = run.seeds();
    let bits = (frame.start * 8, frame.end * 8);
    let places: Vec<u64> =
        if run.whole { (bits.0..bits.1).collect() } else { (0..40).map(|_| seeds.within(bits)).collect() };
    let mut cases: Vec<Case> = places
        .into_iter()
        .map(|bit| {
            let case = Case::new(format!("bit {bit} is wrong"), true).reused(bit % 2 == 0).broken(CORRUPT);
            case.plan(Plan::default().down(Fault::Flip { bit }))
        })
        .collect();
    let event = || Frame::event("contentBlockDelta", delta("never").to_string());
    for (about, frame) in [
        ("a wrong checksum of the lengths", event().prelude_checksum(7)),
        ("a wrong checksum of the frame", event().message_checksum(7)),
        ("a header of an unknown type", event().header_bytes(b"\x01x\x0a\x00\x00")),
        ("a header that is longer than the frame", event().header_bytes(b"\x01x\x07\xff\xff")),
        ("a header that ends early", event().header_bytes(b"\x05x")),
        ("a header that is no UTF-8", event().header_bytes(b"\x01x\x07\x00\x01\xff")),
        ("headers that are longer than the frame", event().headers_length(100_000)),
        ("headers that end in the middle of one", event().headers_length(20)),
    ] {
        let reply = stopped(started(1).body(frame.bytes()));
        cases.extend(of(about, &reply, |case| case.broken(CORRUPT)));
    }
    run.all(cases).await;
}

pub(crate) async fn lengths(run: Run) {
    let flood = Bytes::from(vec![b'x'; 1 << 20]);
    let mut cases = Vec::new();
    for length in [0, 1, 15, 2 << 20, 0x7fff_ffff, u32::MAX] {
        let frame =
            Frame::event("contentBlockDelta", delta("never").to_string()).total_length(length).bytes();
        let reply = started(1).body(frame);
        let reply = (0..run.count(4, 64)).fold(reply, |reply, _| reply.body(flood.clone()));
        let about = format!("a frame of {length} bytes");
        cases.extend(of(&about, &reply, |case| case.broken(CORRUPT)));
    }
    Lane::stays_small(&cases, 24).await;
}

pub(crate) async fn stall(run: Run) {
    let mut cases = Vec::new();
    for pieces in 0..=PIECES.len() {
        let reply = started(pieces).stall();
        let about = format!("silence after {pieces} pieces");
        cases.extend(of(&about, &reply, |case| case.hasty().broken("upstream_timeout").lets_go()));
    }
    let reply = Reply::events().stall();
    cases.extend(of("silence from the head on", &reply, |case| {
        case.hasty().refused(504, "upstream_timeout").lets_go()
    }));
    run.all(cases).await;
}

pub(crate) async fn drip(run: Run) {
    let wire = Lane::wire(true).await;
    let chunks = Chunk::all(&wire);
    let mut seeds = run.seeds();
    let mut cases = Vec::new();
    for chunk in &chunks[1..=PIECES.len()] {
        let at = seeds.within((chunk.start, chunk.end - 20));
        let plan = Plan::default().down(Fault::Drip { at, every: Duration::from_millis(100) });
        cases.extend(streamed(|| {
            let case = Case::new(format!("bytes drip from byte {at} on"), true).hasty();
            case.plan(plan.clone()).broken("upstream_timeout").lets_go()
        }));
    }
    run.all(cases).await;
}

pub(crate) async fn unknown(run: Run) {
    let text = PIECES[..2].concat();
    let mut cases = Vec::new();
    let foreign = Frame::default().text(":message-type", "gossip").bytes();
    for (about, reply) in [
        ("an unknown event", started(2).event("somethingNew", &json!({ "x": 1 }))),
        (
            "an unknown piece",
            started(2)
                .event("contentBlockDelta", &json!({ "contentBlockIndex": 0, "delta": { "hologram": {} } })),
        ),
        ("an event without a payload", started(2).body(Frame::event("somethingNew", "").bytes())),
    ] {
        cases.extend(of(about, &stopped(reply), |case| case.text(text.clone())));
    }
    // Its checksums say that this is what was meant.
    let nameless =
        Frame::event("contentBlockDelta", delta(PIECES[1]).to_string()).header_bytes(b"\x00\x07\x00\x01x");
    let reply = stopped(started(1).body(nameless.bytes()));
    cases.extend(of("a header without a name", &reply, |case| case.text(text.clone())));
    let reply = stopped(started(2).body(foreign));
    cases.extend(of("an unknown kind of message", &reply, |case| case.broken("upstream_protocol")));
    let reply = started(2).exception("neverHeardOfException", "no");
    cases.extend(of("an unknown exception", &reply, |case| case.broken("upstream_error")));
    let mut lane = Lane::start().await;
    let reply = stopped(started(4).event("somethingNew", &json!({ "x": 1 })));
    for (reply, counted) in [(answer(true), 0), (reply, 1)] {
        let case = Case::new("an unknown event is counted", true).says(reply);
        assert_eq!(lane.growth(&case, UNKNOWN).await, counted);
    }
    for (about, reply) in [("no stop", started(1).close()), ("nothing at all", Reply::events().close())] {
        let case = Case::new(about, true).says(reply);
        let case = case
            .fails(&[Outcome::Broken("upstream_incomplete"), Outcome::Refused(502, "upstream_incomplete")]);
        assert_eq!(lane.growth(&case, "spicerack_answers_lost_total").await, 1, "{about}");
    }
    lane.stop();
    run.all(cases).await;
}

pub(crate) async fn disorder(run: Run) {
    let start = json!({ "role": "assistant" });
    let stop = json!({ "stopReason": "end_turn" });
    let block = |index: u32| json!({ "contentBlockIndex": index });
    let call = json!({ "contentBlockIndex": 1, "start": { "toolUse": { "toolUseId": "t", "name": "n" } } });
    let input = json!({ "contentBlockIndex": 1, "delta": { "toolUse": { "input": "{}" } } });
    let events = |list: &[(&str, &Value)]| {
        list.iter().fold(Reply::events(), |reply, (kind, payload)| reply.event(kind, payload))
    };
    let hi = delta(PIECES[0]);
    let (s, d, e) = (("messageStart", &start), ("contentBlockDelta", &hi), ("messageStop", &stop));
    let mut cases = Vec::new();
    for (about, reply) in [
        ("two stops", events(&[s, d, e, e])),
        ("a piece after the stop", events(&[s, d, e, d])),
        (
            "a block that ends twice",
            events(&[s, d, ("contentBlockStop", &block(0)), ("contentBlockStop", &block(0)), e]),
        ),
        ("a block that ends and never began", events(&[s, d, ("contentBlockStop", &block(9)), e])),
        ("a call without an end", events(&[s, d, ("contentBlockStart", &call), e])),
    ] {
        cases.extend(of(about, &reply, |case| case.text(PIECES[0])));
    }
    for (about, reply) in
        [("a piece before the start", events(&[d, s, d, e])), ("a stop alone", events(&[e]))]
    {
        cases.extend(of(about, &reply, |case| case.refused(502, "upstream_protocol")));
    }
    for (about, reply) in [
        ("a start in the middle", events(&[s, d, s, e])),
        ("arguments of no call", events(&[s, d, ("contentBlockDelta", &input), e])),
        (
            "a block that begins twice",
            events(&[s, d, ("contentBlockStart", &call), ("contentBlockStart", &call), e]),
        ),
        ("a stop without a reason", events(&[s, d, ("messageStop", &json!({}))])),
        ("a stop that is a number", events(&[s, d, ("messageStop", &json!(5))])),
        (
            "an index that is text",
            events(&[
                s,
                d,
                ("contentBlockDelta", &json!({ "contentBlockIndex": "x", "delta": { "text": "y" } })),
                e,
            ]),
        ),
        ("a piece of nothing", events(&[s, d, ("contentBlockDelta", &json!({})), e])),
    ] {
        cases.extend(of(about, &reply, |case| case.broken("upstream_protocol")));
    }
    run.all(cases).await;
}

pub(crate) async fn half_characters(run: Run) {
    let payload = |text: &[u8]| [b"{\"contentBlockIndex\":0,\"delta\":{\"text\":\"", text, b"\"}}"].concat();
    let frame = |text: &[u8]| Frame::event("contentBlockDelta", payload(text)).bytes();
    let mut cases = Vec::new();
    for (about, first, second) in [
        ("half a character in bytes", &b"\xf0\x9f"[..], &b"\x98\x80"[..]),
        ("half a character in escapes", b"\\ud83d", b"\\ude00"),
        ("a byte that begins nothing", b"\xff", b"a"),
    ] {
        let reply = stopped(started(1).body(frame(first)).body(frame(second)));
        cases.extend(of(about, &reply, |case| case.broken("upstream_protocol")));
    }
    run.all(cases).await;
}

pub(crate) async fn burst(run: Run) {
    let count = run.count(3000, 100_000);
    let pieces: Vec<String> = (0..count).map(|index| format!("{index} ")).collect();
    let start = Reply::events().event("messageStart", &json!({ "role": "assistant" }));
    let many = pieces.iter().fold(start, |reply, piece| reply.text_delta(piece));
    let large = "y".repeat(900 * 1024);
    let start = Reply::events().event("messageStart", &json!({ "role": "assistant" }));
    let mut cases = of("small events", &stopped(many), |case| case.text(pieces.concat()));
    cases.extend(of("a large event", &stopped(start.text_delta(&large)), |case| case.text(large.clone())));
    Lane::stays_small(&cases, 32).await;
}

pub(crate) async fn injection(run: Run) {
    let mut cases = Vec::new();
    for text in [
        "\n\ndata: [DONE]\n\n",
        "\r\n\r\nevent: error\r\ndata: {\"error\":{}}\r\n\r\n",
        "\0\u{1}\u{1b}[31m\u{7f}",
        "\u{2028}\u{2029}\u{85}",
        ": ping\n\n",
        "\"}]}\n\n",
        "\u{feff}\u{202e}\u{10ffff}",
        "id: 1\nretry: 1\n\n",
    ] {
        let start = Reply::events().event("messageStart", &json!({ "role": "assistant" }));
        cases.extend(of(text, &stopped(start.text_delta(text)), |case| case.text(text)));
    }
    run.all(cases).await;
}
