//! Requests to a program, and how long their answers take.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

use crate::BoxError;
use crate::scenario::Scenario;
use crate::start::Target;
use crate::translator::API_KEY;

/// What stands in every piece of an answer.
const PIECE: &[u8] = b" word";

/// How the answers of one turn came.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// From the request's first byte to the answer's last.
    pub(crate) latencies: Vec<Duration>,
    /// From the request's first byte to the first piece of the answer.
    pub(crate) first_tokens: Vec<Duration>,
    /// The pieces of streamed answers.
    pub(crate) pieces: u64,
    /// What the turn took.
    pub(crate) elapsed: Duration,
}

/// One connection to a program.
pub(crate) struct Connection<'a> {
    target: &'a Target,
    sender: SendRequest<Full<Bytes>>,
    _driver: JoinSet<()>,
}

impl<'a> Connection<'a> {
    /// Connects.
    pub(crate) async fn open(target: &'a Target) -> Result<Self, BoxError> {
        let stream = TcpStream::connect(target.program.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // Its end is seen by the next request.
            let _ = connection.await;
        });
        Ok(Self { target, sender, _driver: driver })
    }

    /// Asks once, reads the whole answer, and checks that it is one.
    pub(crate) async fn ask(&mut self, scenario: &Scenario, answers: &mut Answers) -> Result<(), BoxError> {
        let request = Request::post(self.target.path(scenario))
            .header("host", "127.0.0.1")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {API_KEY}"))
            .body(Full::new(Bytes::from(scenario.body.clone())))?;
        let started = Instant::now();
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let mut body = response.into_body();
        let mut seen = Pieces::default();
        let mut first = None;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            seen.read(&data);
            if seen.count > 0 && first.is_none() {
                first = Some(started.elapsed());
            }
        }
        let pieces = seen.count;
        answers.latencies.push(started.elapsed());
        answers.first_tokens.extend(first);
        answers.pieces += pieces;
        if !status.is_success() {
            return Err(format!("{} answered {status}", self.target.name).into());
        }
        if scenario.stream && pieces != scenario.pieces() {
            return Err(format!("{} gave {pieces} of {} pieces", self.target.name, scenario.pieces()).into());
        }
        Ok(())
    }
}

/// Counts the pieces in data that is cut anywhere.
#[derive(Default)]
struct Pieces {
    count: u64,
    /// How much of a piece the data ended with.
    matched: usize,
}

impl Pieces {
    fn read(&mut self, data: &[u8]) {
        for byte in data {
            // The first byte of a piece stands nowhere else in it.
            self.matched = if PIECE.get(self.matched) == Some(byte) {
                self.matched + 1
            } else {
                usize::from(PIECE.first() == Some(byte))
            };
            if self.matched == PIECE.len() {
                self.count += 1;
                self.matched = 0;
            }
        }
    }
}

/// Sends the requests of one turn.
pub(crate) async fn turn(
    target: Rc<Target>,
    scenario: Rc<Scenario>,
    requests: usize,
) -> Result<Answers, BoxError> {
    let left = Rc::new(Cell::new(requests));
    let local = LocalSet::new();
    let started = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..scenario.at_once.min(requests) {
        let (target, scenario, left) = (Rc::clone(&target), Rc::clone(&scenario), Rc::clone(&left));
        workers.spawn_local_on(worker(target, scenario, left), &local);
    }
    let joined = local.run_until(workers.join_all()).await;
    let mut all = Answers { elapsed: started.elapsed(), ..Answers::default() };
    for answers in joined {
        let answers = answers?;
        all.latencies.extend(answers.latencies);
        all.first_tokens.extend(answers.first_tokens);
        all.pieces += answers.pieces;
    }
    Ok(all)
}

async fn worker(
    target: Rc<Target>,
    scenario: Rc<Scenario>,
    left: Rc<Cell<usize>>,
) -> Result<Answers, BoxError> {
    let mut answers = Answers::default();
    let mut connection = Connection::open(&target).await?;
    while let Some(less) = left.get().checked_sub(1) {
        left.set(less);
        connection.ask(&scenario, &mut answers).await?;
    }
    Ok(answers)
}
