//! F09 to F16: what goes wrong before the head of a reply has been read.

use bytes::Bytes;
use fault_kit::{Fault, Gate, How, Plan, Reply};
use serde_json::json;
use tokio::task::JoinSet;

use crate::case::{Case, FORMS, Run, Says, answer, in_all_forms};
use crate::lane::{Lane, ask, chat};

/// The shortest head that a reply of the emulator has.
const HEAD: u64 = 100;

pub(crate) async fn reset(run: Run) {
    run.all(breaks(&run, How::Rst, |reply| reply.reset())).await;
}

pub(crate) async fn end(run: Run) {
    run.all(breaks(&run, How::Fin, |reply| reply.close())).await;
}

fn breaks(run: &Run, how: How, end: impl Fn(Reply) -> Reply) -> Vec<Case> {
    let silence = end(Reply::silence());
    let mut cases = in_all_forms(|stream| {
        Case::new("every call breaks off", stream)
            .always(silence.clone())
            .refused(502, "upstream_error")
            .calls(2..=2)
    });
    cases.extend(in_all_forms(|stream| Case {
        says: Says::Once(vec![silence.clone(), answer(stream)]),
        ..Case::new("the first call breaks off", stream).calls(2..=2)
    }));
    let mut seeds = run.seeds();
    for (stream, reused) in FORMS {
        for _ in 0..run.count(2, 20) {
            let at = seeds.within((1, HEAD));
            let case = Case::new(format!("every head breaks off at byte {at}"), stream).reused(reused);
            let case = case.always(answer(stream)).plan(Plan::default().down(Fault::Cut { at, how }));
            cases.push(case.refused(502, "upstream_error").calls(2..=2));
        }
    }
    cases
}

pub(crate) async fn stale(run: Run) {
    for how in [How::Fin, How::Rst] {
        for stream in [false, true] {
            let plan = Plan::default().up(Fault::Cut { at: 0, how }).spares_new();
            let case =
                Case::new(format!("the connection was closed by {how:?}"), stream).reused(true).plan(plan);
            // Each on a gateway of its own, which holds no connection but that one.
            run.all(vec![case]).await;
        }
    }
}

/// Two connections are there, and both are closed under the request that they get next.
pub(crate) async fn stale_ones(_run: Run) {
    for how in [How::Fin, How::Rst] {
        for stream in [false, true] {
            let mut lane = Lane::start().await;
            let gate = Gate::default();
            lane.upstream.always(Some(Reply::silence().wait(&gate).then(answer(stream))));
            let mut waiting = JoinSet::new();
            for index in 0..2 {
                let (http, id) = (lane.http.clone(), lane.name());
                waiting.spawn(async move { ask(&http, &id, chat("nova", stream).to_string()).await });
                lane.upstream.wait_for_requests(index + 1).await;
            }
            gate.open();
            assert!(waiting.join_all().await.iter().all(|seen| seen.status == 200));
            lane.upstream.always(None);

            lane.upstream.proxy.plan(Plan::default().up(Fault::Cut { at: 0, how }).spares_new());
            lane.upstream.push(answer(stream));
            let (seen, line) = lane.ask("nova", stream).await;
            assert_eq!(seen.status, 200, "closed by {how:?}: {seen:?}");
            let calls = lane.upstream.requests().len() - 2;
            let connections = lane.upstream.proxy.connections().len() - 2;
            assert_eq!((calls, connections, &line["attempts"]), (1, 1, &json!(2)), "closed by {how:?}");
            lane.rest.at_once = 2;
            assert_eq!(lane.rest.number("spicerack_stale_connections_total"), 1);
            lane.holds("several connections that ended").await;
            lane.stop();
        }
    }
}

pub(crate) async fn drip(run: Run) {
    let every = std::time::Duration::from_millis(50);
    let cases = in_all_forms(|stream| {
        Case::new("the head drips", stream)
            .hasty()
            .plan(Plan::default().down(Fault::Drip { at: 0, every }))
            .refused(504, "upstream_timeout")
            .lets_go()
    });
    run.all(cases).await;
}

pub(crate) async fn flood(run: Run) {
    let header = Bytes::from(format!("x-flood: {}\r\n", "a".repeat(60_000)));
    let start = Reply::silence().raw("HTTP/1.1 200 OK\r\n");
    let reply = (0..400).fold(start, |reply, _| reply.raw(header.clone()));
    let cases = in_all_forms(|stream| {
        Case::new("25 MB of headers", stream).says(reply.clone()).refused(502, "upstream_error")
    });
    let _ = run;
    Lane::stays_small(&cases, 24).await;
}

pub(crate) async fn garbage(run: Run) {
    let early = Bytes::from("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".repeat(10_000));
    let mut cases = Vec::new();
    for (about, bytes) in [
        ("words", Bytes::from_static(b"this is not HTTP\r\n\r\n")),
        ("zeros", Bytes::from_static(&[0; 4096])),
        ("HTTP/0.9", Bytes::from_static(b"<html>hello</html>")),
        ("HTTP/3.7", Bytes::from_static(b"HTTP/3.7 200 OK\r\ncontent-length: 0\r\n\r\n")),
        ("a handshake of TLS", Bytes::from_static(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")),
        ("another protocol", Bytes::from_static(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n")),
        ("a status of two digits", Bytes::from_static(b"HTTP/1.1 20 OK\r\n\r\n")),
        ("a header without a colon", Bytes::from_static(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n")),
        (
            "two lengths",
            Bytes::from_static(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
        ),
        ("interim replies", early),
    ] {
        cases.extend(in_all_forms(|stream| {
            Case::new(about, stream)
                .always(Reply::silence().raw(bytes.clone()).close())
                .refused(502, "upstream_error")
                .calls(1..=2)
        }));
    }
    run.all(cases).await;
}

pub(crate) async fn redirect(run: Run) {
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let target = format!("http://{}/latest/meta-data/", elsewhere.local_addr().unwrap());
    let mut cases = Vec::new();
    for status in
        ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let reply = format!("HTTP/1.1 {status}\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n");
        cases.extend(in_all_forms(|stream| {
            Case::new(status, stream).says(Reply::silence().raw(reply.clone())).refused(502, "upstream_error")
        }));
    }
    run.all(cases).await;
    let called = elsewhere.accept();
    assert!(
        called.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock),
        "a redirect was followed"
    );
}

pub(crate) async fn page(run: Run) {
    let page = "<html>canary-prompt-5519</html>";
    let cases = in_all_forms(|stream| {
        let reply = Reply::text(200, page).header("content-type", "text/html");
        Case::new("a page", stream).says(reply).refused(502, "upstream_error")
    });
    run.all(cases).await;
}
