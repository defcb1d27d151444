//! What holds of any bytes of a connection: the guard sees the same however they are cut, changes at most the byte that
//! makes them unreadable, and the library behind it serves no request that the guard has not seen.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What a guard makes of bytes that come in pieces.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// What goes on to the library.
    pub(crate) passed: Vec<u8>,
    /// Where heads began, of those that are complete; known only where the pieces are single bytes.
    pub(crate) heads: Vec<usize>,
}

/// Reads bytes through the guard, and then with the library.
///
/// # Panics
///
/// Where what comes of it breaks a rule.
pub(crate) fn check(bytes: &[u8], guard: impl Fn(&[u8], usize) -> Seen) {
    let seen = guard(bytes, 1);
    for size in [2, 7, bytes.len().max(1)] {
        assert_eq!(guard(bytes, size).passed, seen.passed, "in pieces of {size}");
    }
    let changed: Vec<_> = bytes.iter().zip(&seen.passed).filter(|(before, after)| before != after).collect();
    assert!(bytes.len() == seen.passed.len() && changed.len() <= 1, "{changed:?}");
    assert!(changed.iter().all(|change| *change == (&b'\n', &0)), "{changed:?}");
    // Blank lines before a request are none.
    let heads: Vec<&[u8]> =
        seen.heads.iter().map(|at| &bytes[*at..]).filter(|head| !head.starts_with(b"\r\n")).collect();
    let served = served(&seen.passed);
    assert!(served.len() <= heads.len(), "{} requests of {} heads", served.len(), heads.len());
    for (method, head) in served.iter().zip(&heads) {
        assert!(head.starts_with(method.as_bytes()), "{method} is not the head that the guard saw");
    }
}

/// The methods of the requests that the library finds in bytes.
fn served(bytes: &[u8]) -> Vec<String> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else {
        panic!("there is no runtime")
    };
    let methods = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&methods);
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let kept = Arc::clone(&kept);
        async move {
            if let Ok(mut kept) = kept.lock() {
                kept.push(request.method().to_string());
            }
            let _ = request.into_body().collect().await;
            let mut response = Response::new(Empty::<Bytes>::new());
            // Nothing is switched to another protocol.
            *response.status_mut() = hyper::StatusCode::NOT_FOUND;
            Ok::<_, Infallible>(response)
        }
    });
    runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(1 << 16);
        let mut builder = http1::Builder::new();
        builder.header_read_timeout(None).max_buf_size(1 << 16).max_header_size(1 << 16).max_headers(100);
        let serving = builder.serve_connection(TokioIo::new(server), service);
        let asking = async {
            let (mut reader, mut writer) = tokio::io::split(&mut client);
            let mut replies = Vec::new();
            let sending = async {
                let _ = writer.write_all(bytes).await;
                let _ = writer.shutdown().await;
            };
            let _ = tokio::join!(sending, reader.read_to_end(&mut replies));
        };
        let _ = tokio::join!(serving, asking);
    });
    methods.lock().map(|methods| methods.clone()).unwrap_or_default()
}
