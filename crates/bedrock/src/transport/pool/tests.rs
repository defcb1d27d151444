//! A pool in front of a server that closes connections when a script says so.

use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::super::connect::Connections;
use super::*;

const TIMEOUT: Duration = Duration::from_secs(5);

/// What a server does with one connection.
#[derive(Clone, Copy, Debug, Default)]
struct Script {
    /// Answers that it gives before it closes the connection; none where it never does.
    answers: Option<usize>,
    /// Whether it waits for the next request before it closes, and leaves that without an answer.
    under_a_request: bool,
}

/// A server that keeps to a script for its first connections, and answers everything on others.
struct Server {
    connections: Connections,
    pool: Arc<Pool>,
    accepted: Arc<AtomicUsize>,
    answered: Arc<AtomicUsize>,
    /// How many connections have ended.
    ended: watch::Receiver<usize>,
    _tasks: JoinSet<()>,
}

impl Server {
    async fn start(scripts: &'static [Script]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = Uri::try_from(format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let (accepted, answered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (sender, ended) = watch::channel(0);
        let mut tasks = JoinSet::new();
        let counts = (Arc::clone(&accepted), Arc::clone(&answered));
        tasks.spawn(async move {
            let mut links = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let index = counts.0.fetch_add(1, Ordering::SeqCst);
                let script = scripts.get(index).copied().unwrap_or_default();
                let (answered, sender) = (Arc::clone(&counts.1), sender.clone());
                links.spawn(async move {
                    serve(stream, script, &answered).await;
                    sender.send_modify(|ended| *ended += 1);
                });
            }
        });
        let connections = Connections::default();
        let pool = connections.pool(TIMEOUT, origin).unwrap();
        Self { connections, pool, accepted, answered, ended, _tasks: tasks }
    }

    fn counts(&self) -> (usize, usize) {
        (self.accepted.load(Ordering::SeqCst), self.answered.load(Ordering::SeqCst))
    }

    fn free(&self) -> usize {
        self.pool.free().len()
    }

    async fn has_ended(&mut self, count: usize) {
        self.ended.wait_for(|ended| *ended >= count).await.unwrap();
    }
}

async fn serve(mut stream: TcpStream, script: Script, answered: &AtomicUsize) {
    let mut answers = 0;
    loop {
        let closes = script.answers == Some(answers);
        if closes && !script.under_a_request {
            return;
        }
        let mut request = Vec::new();
        while !request.ends_with(b"{}") {
            match stream.read_buf(&mut request).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        if closes {
            return;
        }
        answers += 1;
        answered.fetch_add(1, Ordering::SeqCst);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    }
}

fn request() -> Request<Full<Bytes>> {
    Request::post("/").header("host", "test").body(Full::from("{}")).unwrap()
}

/// Reads an answer to its end, with which its connection is free.
async fn read(response: Result<Response<Reply>, SendError>) -> Bytes {
    response.unwrap().into_body().collect().await.unwrap().to_bytes()
}

#[tokio::test]
async fn requests_one_after_the_other_use_one_connection() {
    let server = Server::start(&[]).await;
    for _ in 0..5 {
        assert_eq!(read(server.pool.send(request(), false, &Calls::default()).await).await, "ok");
        assert_eq!(server.free(), 1);
    }
    assert_eq!(server.counts(), (1, 5));
}

#[tokio::test]
async fn an_answer_that_is_not_read_to_its_end_takes_its_connection_with_it() {
    let mut server = Server::start(&[]).await;
    drop(server.pool.send(request(), false, &Calls::default()).await.unwrap());
    server.has_ended(1).await;
    assert_eq!((server.free(), server.counts()), (0, (1, 1)));
    assert_eq!(read(server.pool.send(request(), false, &Calls::default()).await).await, "ok");
    assert_eq!(server.counts(), (2, 2));
}

#[tokio::test]
async fn an_idle_connection_that_the_server_closed_costs_nothing() {
    let mut server = Server::start(&[Script { answers: Some(2), under_a_request: false }]).await;
    for _ in 0..2 {
        assert_eq!(read(server.pool.send(request(), false, &Calls::default()).await).await, "ok");
    }
    server.has_ended(1).await;
    // The news has arrived, as it has long before the next request as a rule.
    while poll_fn(|context| {
        Poll::Ready(server.pool.free().last_mut().is_some_and(|free| free.link.is_free(context)))
    })
    .await
    {
        tokio::task::yield_now().await;
    }
    assert_eq!(read(server.pool.send(request(), false, &Calls::default()).await).await, "ok");
    assert_eq!(server.counts(), (2, 3));
}

#[tokio::test]
async fn what_is_sent_anew_goes_over_no_used_connection() {
    let dies = Script { answers: Some(1), under_a_request: true };
    let server = Server::start(Box::leak(Box::new([dies; 2]))).await;
    // Both are in use at the same time.
    let first = server.pool.send(request(), false, &Calls::default()).await;
    let second = server.pool.send(request(), false, &Calls::default()).await;
    assert_eq!((read(first).await, read(second).await), ("ok".into(), "ok".into()));
    assert_eq!((server.free(), server.counts()), (2, (2, 2)));

    let lost = server.pool.send(request(), false, &Calls::default()).await;
    assert!(matches!(lost, Err(SendError::Exchange(_))), "it may have been received: {lost:?}");
    assert_eq!(read(server.pool.send(request(), true, &Calls::default()).await).await, "ok");
    assert_eq!(server.counts(), (3, 3));
    // The other one is still there, and the new one before it.
    assert_eq!(server.free(), 2);
    assert_eq!(read(server.pool.send(request(), false, &Calls::default()).await).await, "ok");
    assert_eq!(server.counts(), (3, 4));
}

#[tokio::test]
async fn idle_connections_are_closed_after_their_time() {
    let mut server = Server::start(&[]).await;
    assert_eq!(read(server.pool.send(request(), false, &Calls::default()).await).await, "ok");
    // Not before: while a connection is being made, a clock that stands still runs ahead.
    tokio::time::pause();
    tokio::time::advance(IDLE - Duration::from_secs(1)).await;
    server.pool.sweep();
    assert_eq!(server.free(), 1);
    // The sweeper itself does it now.
    server.has_ended(1).await;
    assert_eq!(server.free(), 0);
    tokio::time::resume();
    assert_eq!(read(server.pool.send(request(), false, &Calls::default()).await).await, "ok");
    assert_eq!(server.counts(), (2, 2));
}

#[tokio::test]
async fn models_of_an_endpoint_share_its_connections_which_close_with_the_last_of_them() {
    let Server { connections, pool, mut ended, _tasks, .. } = Server::start(&[]).await;
    let of_another = connections.pool(TIMEOUT, pool.origin.clone()).unwrap();
    assert!(Arc::ptr_eq(&pool, &of_another));
    assert_eq!(read(pool.send(request(), false, &Calls::default()).await).await, "ok");
    drop(pool);
    assert_eq!(of_another.free().len(), 1);
    drop(of_another);
    ended.wait_for(|ended| *ended == 1).await.unwrap();
}

#[tokio::test]
async fn one_that_is_too_old_is_not_used_though_it_was_not_swept_yet() {
    let server = Server::start(&[]).await;
    assert_eq!(read(server.pool.send(request(), false, &Calls::default()).await).await, "ok");
    tokio::time::pause();
    tokio::time::advance(IDLE).await;
    assert!(server.pool.take().await.is_none());
    assert_eq!(server.free(), 0);
}

#[tokio::test]
async fn no_more_than_so_many_stay_and_the_oldest_go() {
    let mut server = Server::start(&[]).await;
    let mut answers = Vec::new();
    for _ in 0..=MOST_IDLE {
        answers.push(server.pool.send(request(), false, &Calls::default()).await);
    }
    for answer in answers {
        assert_eq!(read(answer).await, "ok");
    }
    server.has_ended(1).await;
    assert_eq!((server.free(), server.counts().0), (MOST_IDLE, MOST_IDLE + 1));
}
