//! Listening, and the handle by which tests hold an emulator.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::config::Config;
use crate::record::{Ending, Recorded};
use crate::script::Reply;
use crate::state::State;
use crate::{http1, http2};

/// How HTTP/2 begins where nothing was negotiated.
const PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// An emulator that is running. Dropping it closes every connection.
#[derive(Debug)]
pub struct Emulator {
    state: Arc<State>,
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Emulator {
    /// Starts an emulator on a free port of this machine, for tests: it keeps every request.
    ///
    /// # Errors
    ///
    /// Where no port can be opened.
    pub async fn start(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Self::on(listener, config, true)
    }

    /// Starts an emulator on a free port of this machine, for use: it keeps no request.
    ///
    /// # Errors
    ///
    /// Where no port can be opened.
    pub async fn start_unrecorded(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Self::on(listener, config, false)
    }

    fn on(listener: TcpListener, config: Config, recording: bool) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let state = Arc::new(State::new(config, recording));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { state, address, _tasks: tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as SDKs want it.
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Scripts the reply to the next request that has no other script. Requests are checked before.
    pub fn push(&self, reply: Reply) {
        self.state.push(reply);
    }

    /// Scripts the reply to the next request of a model.
    pub fn push_for(&self, model_id: &str, reply: Reply) {
        self.state.push_for(model_id, reply);
    }

    /// Scripts the reply to all requests that have no other script; `None` goes back to its own answers.
    pub fn always(&self, reply: Option<Reply>) {
        self.state.always(reply);
    }

    /// The requests so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<Recorded> {
        self.state.records()
    }

    /// The requests so far but for so many of the first.
    pub fn requests_since(&self, count: usize) -> Vec<Recorded> {
        self.state.records_since(count)
    }

    /// Waits until so many requests have arrived.
    pub async fn wait_for_requests(&self, count: usize) {
        self.state.wait_for(|records| records.len() >= count).await;
    }

    /// Waits until a request has ended, and says how.
    pub async fn wait_for_end(&self, index: usize) -> Ending {
        let ending =
            |records: &Vec<Recorded>| records.get(index).map_or(Ending::Pending, |record| record.ending);
        self.state.wait_for(|records| ending(records) != Ending::Pending).await;
        ending(&self.state.records())
    }
}

/// Serves on a listener until the future is dropped.
pub async fn serve(listener: TcpListener, config: Config) {
    accept(listener, Arc::new(State::new(config, false))).await;
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&state)));
                }
                // Out of descriptors, most likely: wait for some connection to end.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, state: Arc<State>) {
    // Both fail on a closed socket only, which the first read notices.
    let _ = stream.set_nodelay(true);
    if speaks_http2(&stream).await.unwrap_or(false) {
        http2::serve(stream, state).await;
    } else {
        http1::serve(stream, state).await;
    }
}

/// Looks at the first bytes without taking them.
async fn speaks_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut start = [0; PREFACE.len()];
    loop {
        let length = stream.peek(&mut start).await?;
        let seen = start.get(..length).unwrap_or_default();
        if length == 0 || !PREFACE.starts_with(seen) {
            return Ok(false);
        }
        if length == PREFACE.len() {
            return Ok(true);
        }
        // A preface that came in pieces; peeking does not wait for more.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
