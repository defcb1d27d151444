//! Listening, and the handle by which tests hold a proxy.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::link;
use crate::plan::Plan;
use crate::record::Connection;

/// The most of an answer that is kept.
const TAPE: usize = 256 * 1024;

/// How many connections fill the queue of a listener that takes none.
const QUEUE: usize = 64;

/// How many connections wait to be taken by a proxy that was opened late.
const BACKLOG: u32 = 1024;

/// How long a connection of this machine takes at most where there is room for it.
const ROOM: Duration = Duration::from_millis(200);

/// What a proxy's connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) upstream: SocketAddr,
    /// The plan, which counts its bytes anew with every change.
    pub(crate) plan: watch::Sender<Plan>,
    pub(crate) connections: watch::Sender<Vec<Connection>>,
    pub(crate) started: Instant,
    tape: Mutex<Vec<u8>>,
}

impl Shared {
    fn tape(&self) -> MutexGuard<'_, Vec<u8>> {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what the upstream sent.
    pub(crate) fn keep(&self, bytes: &[u8]) {
        let mut tape = self.tape();
        let room = TAPE.saturating_sub(tape.len());
        tape.extend(bytes.iter().take(room));
    }
}

/// A TCP proxy that does what its plan says. Dropping it closes every connection.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    /// Bound, and not accepted from.
    waiting: Option<TcpListener>,
    /// Bound, and not listened at: nobody else gets the port meanwhile.
    reserved: Option<TcpSocket>,
    /// What fills the queue of a deaf listener.
    fillers: Vec<TcpStream>,
    tasks: JoinSet<()>,
}

impl Proxy {
    /// Starts a proxy on a free port of this machine, without faults.
    ///
    /// # Errors
    ///
    /// Where no port can be opened.
    pub async fn start(upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let mut proxy = Self::on(upstream, listener.local_addr()?);
        proxy.serve(listener);
        Ok(proxy)
    }

    /// Starts another way to an upstream, at an address of the test's choice.
    ///
    /// # Errors
    ///
    /// Where it cannot be had.
    pub async fn at(upstream: SocketAddr, address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let mut proxy = Self::on(upstream, address);
        proxy.serve(listener);
        Ok(proxy)
    }

    /// Reserves a port where nobody listens until [`Proxy::open`].
    ///
    /// # Errors
    ///
    /// Where no port can be had.
    pub async fn closed(upstream: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let mut proxy = Self::on(upstream, socket.local_addr()?);
        proxy.reserved = Some(socket);
        Ok(proxy)
    }

    /// Listens with a queue that is full, so that packets which ask for a connection are lost, until [`Proxy::open`].
    ///
    /// # Errors
    ///
    /// Where no port can be opened, or where this system's queues do not fill.
    pub async fn deaf(upstream: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(1)?;
        let mut proxy = Self::on(upstream, listener.local_addr()?);
        for _ in 0..QUEUE {
            match tokio::time::timeout(ROOM, TcpStream::connect(proxy.address)).await {
                Ok(filler) => proxy.fillers.push(filler?),
                Err(_) => {
                    proxy.waiting = Some(listener);
                    return Ok(proxy);
                }
            }
        }
        Err(io::Error::new(io::ErrorKind::Unsupported, "the queue of a listener does not fill here"))
    }

    fn on(upstream: SocketAddr, address: SocketAddr) -> Self {
        let shared = Shared {
            upstream,
            plan: watch::Sender::new(Plan::default()),
            connections: watch::Sender::new(Vec::new()),
            started: Instant::now(),
            tape: Mutex::default(),
        };
        let shared = Arc::new(shared);
        Self { shared, address, waiting: None, reserved: None, fillers: Vec::new(), tasks: JoinSet::new() }
    }

    fn serve(&mut self, listener: TcpListener) {
        self.tasks.spawn(accept(listener, Arc::clone(&self.shared)));
    }

    /// Takes connections from now on.
    ///
    /// # Errors
    ///
    /// Where the port has been taken by another process.
    pub async fn open(&mut self) -> io::Result<()> {
        self.fillers.clear();
        let listener = match (self.waiting.take(), self.reserved.take()) {
            (Some(listener), _) => listener,
            (None, Some(socket)) => socket.listen(BACKLOG)?,
            (None, None) => TcpListener::bind(self.address).await?,
        };
        self.serve(listener);
        Ok(())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets go wrong what the plan says, on connections that are there and on new ones, and nothing else.
    pub fn plan(&self, plan: Plan) {
        self.shared.tape().clear();
        self.shared.plan.send_replace(plan);
    }

    /// What the upstream has sent since the last plan, before any fault; at most 256 KiB.
    pub fn tape(&self) -> Vec<u8> {
        self.shared.tape().clone()
    }

    /// The connections so far, in the order of their arrival.
    pub fn connections(&self) -> Vec<Connection> {
        self.shared.connections.borrow().clone()
    }

    /// Waits until something is true of the connections.
    pub async fn wait_for(&self, mut condition: impl FnMut(&[Connection]) -> bool) {
        // The sender lives as long as this proxy.
        let _ = self.shared.connections.subscribe().wait_for(|connections| condition(connections)).await;
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut links = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // Out of descriptors: the test fails by what it waits for.
                let Ok((stream, _)) = accepted else { return };
                let mut index = 0;
                shared.connections.send_modify(|connections| {
                    index = connections.len();
                    connections.push(Connection::default());
                });
                links.spawn(link::run(stream, Arc::clone(&shared), index));
            }
            Some(_) = links.join_next() => {}
        }
    }
}
