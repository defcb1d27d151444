//! Bytes through a proxy, and what becomes of them.

#![expect(clippy::unwrap_used, reason = "a failed assertion names its case")]

use std::time::Duration;

use fault_kit::{Accept, Fault, Gate, How, Plan, Proxy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const TEXT: &[u8] = b"0123456789";

/// Sends `TEXT` to everybody once a byte has come, and waits for their end.
async fn upstream(tasks: &mut JoinSet<()>) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            connections.spawn(async move {
                let mut seen = [0; 64];
                while stream.read(&mut seen).await.is_ok_and(|length| length > 0) {
                    if stream.write_all(TEXT).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

async fn asked(proxy: &Proxy) -> TcpStream {
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    client.write_all(b"x").await.unwrap();
    client
}

#[tokio::test]
async fn what_the_plan_says_becomes_of_the_bytes() {
    let mut tasks = JoinSet::new();
    let proxy = Proxy::start(upstream(&mut tasks).await).await.unwrap();
    let cut = |how| Plan::default().down(Fault::Cut { at: 4, how });
    for (plan, expected) in [
        (cut(How::Fin), Some(&b"0123"[..])),
        (cut(How::Rst), None),
        (Plan::default().down(Fault::HalfClose { at: 0 }), Some(b"")),
        (
            Plan::default().down(Fault::Flip { bit: 8 * 9 }).down(Fault::Cut { at: 99, how: How::Fin }),
            Some(b"0123456788"),
        ),
        (Plan::default().down(Fault::Slice(1)).down(Fault::HalfClose { at: 9 }), Some(b"012345678")),
        (Plan::default().up(Fault::Cut { at: 0, how: How::Fin }), Some(b"")),
        (Plan::default().accept(Accept::Reset), None),
    ] {
        proxy.plan(plan.clone());
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        // A connection that is reset at once may refuse it.
        let _ = client.write_all(b"x").await;
        let mut seen = Vec::new();
        let expected_length = expected.map_or(usize::MAX, <[u8]>::len);
        let read = loop {
            match client.read_buf(&mut seen).await {
                Ok(0) => break Ok(()),
                Ok(_) if seen.len() == TEXT.len() && expected_length == TEXT.len() => break Ok(()),
                Ok(_) => {}
                Err(error) => break Err(error),
            }
        };
        match expected {
            Some(bytes) => assert!(read.is_ok() && seen == bytes, "{plan:?}: {seen:?} {read:?}"),
            None => assert!(read.is_err(), "{plan:?}: {seen:?}"),
        }
    }
}

#[tokio::test]
async fn bytes_wait_for_a_gate_and_ends_are_recorded() {
    let mut tasks = JoinSet::new();
    let proxy = Proxy::start(upstream(&mut tasks).await).await.unwrap();
    let gate = Gate::default();
    proxy.plan(Plan::default().down(Fault::Hold { at: 5, gate: gate.clone() }));
    let mut client = asked(&proxy).await;
    let mut seen = [0; 10];
    client.read_exact(&mut seen[..5]).await.unwrap();
    proxy.wait_for(|connections| connections[0].down == 5).await;
    gate.open();
    client.read_exact(&mut seen[5..]).await.unwrap();
    assert_eq!((&seen[..], proxy.tape().as_slice()), (TEXT, TEXT));
    drop(client);
    proxy.wait_for(|connections| connections[0].client.is_some() && connections[0].upstream.is_some()).await;
    let connection = &proxy.connections()[0];
    assert_eq!((connection.up, connection.down), (1, 10));
    assert_eq!(connection.client.unwrap().how, How::Fin);
    // A plan counts anew on a connection that is there, and spares others where it says so.
    let mut old = asked(&proxy).await;
    old.read_exact(&mut seen).await.unwrap();
    proxy.plan(Plan::default().up(Fault::Cut { at: 0, how: How::Fin }).spares_new());
    old.write_all(b"x").await.unwrap();
    assert_eq!(old.read(&mut seen).await.unwrap_or(0), 0);
    asked(&proxy).await.read_exact(&mut seen).await.unwrap();
}

#[tokio::test]
async fn a_port_is_closed_until_it_is_opened() {
    let mut tasks = JoinSet::new();
    let mut proxy = Proxy::closed(upstream(&mut tasks).await).await.unwrap();
    assert!(TcpStream::connect(proxy.address()).await.is_err());
    proxy.open().await.unwrap();
    let mut seen = [0; 10];
    asked(&proxy).await.read_exact(&mut seen).await.unwrap();
    // Time that passes in the proxy is its own: a client sees all bytes at last.
    proxy.plan(Plan::default().down(Fault::Drip { at: 2, every: Duration::from_millis(1) }));
    asked(&proxy).await.read_exact(&mut seen).await.unwrap();
    assert_eq!(seen, TEXT);
}
