//! One connection, both ways.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bedrock_emulator::Gate;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use crate::plan::{Accept, Fault, How, Plan};
use crate::proxy::Shared;
use crate::record::{Connection, Ended};

const BUFFER: usize = 64 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// Serves a connection until both sides have ended, or a fault ends it.
pub(crate) async fn run(mut client: TcpStream, shared: Arc<Shared>, index: usize) {
    let accept = shared.plan.borrow().accept;
    // Fails on a closed socket only, which the first read notices.
    let _ = client.set_nodelay(true);
    match accept {
        Accept::Forward => {}
        Accept::Reset => return reset(&client),
        Accept::Hang => return hang(&mut client, &shared, index).await,
    }
    let Ok(mut upstream) = TcpStream::connect(shared.upstream).await else { return reset(&client) };
    let _ = upstream.set_nodelay(true);
    let how = {
        let (from_client, to_client) = client.split();
        let (from_upstream, to_upstream) = upstream.split();
        let up = Pump::new(&shared, index, Way::Up).run(from_client, to_upstream);
        let down = Pump::new(&shared, index, Way::Down).run(from_upstream, to_client);
        tokio::try_join!(up, down).err().unwrap_or(How::Fin)
    };
    if how == How::Rst {
        reset(&client);
        reset(&upstream);
    }
    // Where both ended in order, closing says so.
}

/// Makes the end of a socket a reset.
fn reset(stream: &TcpStream) {
    // Fails on a socket that is closed already.
    let _ = stream.set_zero_linger();
}

async fn hang(client: &mut TcpStream, shared: &Shared, index: usize) {
    let mut sink = vec![0; BUFFER];
    loop {
        match client.read(&mut sink).await {
            Ok(0) => return ended(shared, index, Way::Up, How::Fin),
            Ok(_) => {}
            Err(_) => return ended(shared, index, Way::Up, How::Rst),
        }
    }
}

/// Notes that the side which sends this way has ended.
fn ended(shared: &Shared, index: usize, way: Way, how: How) {
    let after = shared.started.elapsed();
    change(shared, index, |connection| {
        let end = match way {
            Way::Up => &mut connection.client,
            Way::Down => &mut connection.upstream,
        };
        end.get_or_insert(Ended { how, after });
    });
}

fn change(shared: &Shared, index: usize, with: impl FnOnce(&mut Connection)) {
    shared.connections.send_modify(|connections| {
        if let Some(connection) = connections.get_mut(index) {
            with(connection);
        }
    });
}

/// What is done to the bytes at an offset.
enum Stop {
    Cut(How),
    HalfClose,
    Swallow,
    Drip(Duration),
    Hold(Gate),
}

/// One direction.
struct Pump<'a> {
    shared: &'a Shared,
    index: usize,
    way: Way,
    plans: watch::Receiver<Plan>,
    faults: Vec<Fault>,
    /// Bytes since the plan changed.
    offset: u64,
    swallows: bool,
    /// The time before each byte, where they come one at a time.
    drips: Option<Duration>,
}

impl<'a> Pump<'a> {
    fn new(shared: &'a Shared, index: usize, way: Way) -> Self {
        let mut pump = Self {
            shared,
            index,
            way,
            plans: shared.plan.subscribe(),
            faults: Vec::new(),
            offset: 0,
            swallows: false,
            drips: None,
        };
        if !pump.plans.borrow_and_update().spares_new {
            pump.adopt();
        }
        pump
    }

    /// Goes by the newest plan.
    fn adopt(&mut self) {
        let plan = self.plans.borrow_and_update();
        let faults = if self.way == Way::Up { &plan.up } else { &plan.down };
        self.faults.clone_from(faults);
        drop(plan);
        self.offset = 0;
        self.swallows = false;
        self.drips = None;
    }

    /// Passes bytes on until this side ends; an error is how the whole connection is to end.
    async fn run(mut self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> Result<(), How> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let length = match from.read(&mut buffer).await {
                Ok(0) => {
                    ended(self.shared, self.index, self.way, How::Fin);
                    // The other side may be gone.
                    let _ = to.shutdown().await;
                    return Ok(());
                }
                Ok(length) => length,
                Err(_) => {
                    ended(self.shared, self.index, self.way, How::Rst);
                    return Err(How::Rst);
                }
            };
            if self.plans.has_changed().unwrap_or(false) {
                self.adopt();
            }
            let Some(piece) = buffer.get_mut(..length) else { return Err(How::Rst) };
            if self.way == Way::Down {
                self.shared.keep(piece);
            }
            self.flip(piece);
            if self.pass(piece, &mut to).await? {
                return Ok(());
            }
        }
    }

    fn flip(&self, piece: &mut [u8]) {
        for fault in &self.faults {
            let Fault::Flip { bit } = fault else { continue };
            let place = (bit / 8).checked_sub(self.offset).and_then(|place| usize::try_from(place).ok());
            if let Some(byte) = place.and_then(|place| piece.get_mut(place)) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }

    /// Passes a piece on, and does what is due within it. Says whether this direction has ended.
    async fn pass(&mut self, mut piece: &[u8], to: &mut WriteHalf<'_>) -> Result<bool, How> {
        while !piece.is_empty() {
            let stop = self.next_stop(piece.len());
            let before = stop.as_ref().map_or(piece.len(), |(length, _)| *length);
            let (now, later) = piece.split_at(before);
            self.offset = self.offset.saturating_add(u64::try_from(now.len()).unwrap_or(0));
            if !self.swallows && self.write(now, to).await.is_err() {
                return Err(How::Rst);
            }
            match stop.map(|(_, stop)| stop) {
                Some(Stop::Cut(how)) => {
                    if how == How::Fin {
                        let _ = to.shutdown().await;
                    }
                    return Err(how);
                }
                Some(Stop::HalfClose) => {
                    let _ = to.shutdown().await;
                    return Ok(true);
                }
                Some(Stop::Swallow) => self.swallows = true,
                Some(Stop::Drip(every)) => self.drips = Some(every),
                Some(Stop::Hold(gate)) => gate.passed().await,
                None => {}
            }
            piece = later;
        }
        Ok(false)
    }

    /// The first fault that stops bytes within the next `length` ones, and how many come before it. It is taken out of
    /// the faults.
    fn next_stop(&mut self, length: usize) -> Option<(usize, Stop)> {
        let mut first: Option<(u64, usize)> = None;
        for (index, fault) in self.faults.iter().enumerate() {
            let Some(at) = fault.stop() else { continue };
            if at >= self.offset && first.is_none_or(|(best, _)| at < best) {
                first = Some((at, index));
            }
        }
        let (at, index) = first?;
        let before = usize::try_from(at.saturating_sub(self.offset)).ok()?;
        if before >= length {
            return None;
        }
        let stop = match self.faults.remove(index) {
            Fault::Cut { how, .. } => Stop::Cut(how),
            Fault::HalfClose { .. } => Stop::HalfClose,
            Fault::Swallow { .. } => Stop::Swallow,
            Fault::Drip { every, .. } => Stop::Drip(every),
            Fault::Hold { gate, .. } => Stop::Hold(gate),
            Fault::Latency(_) | Fault::Slice(_) | Fault::Flip { .. } => return None,
        };
        Some((before, stop))
    }

    async fn write(&self, bytes: &[u8], to: &mut WriteHalf<'_>) -> io::Result<()> {
        let (mut slice, mut latency) = (bytes.len().max(1), Duration::ZERO);
        for fault in &self.faults {
            match fault {
                Fault::Slice(length) => slice = slice.min((*length).max(1)),
                Fault::Latency(time) => latency = *time,
                Fault::Cut { .. }
                | Fault::HalfClose { .. }
                | Fault::Swallow { .. }
                | Fault::Drip { .. }
                | Fault::Hold { .. }
                | Fault::Flip { .. } => {}
            }
        }
        if let Some(every) = self.drips {
            (slice, latency) = (1, every);
        }
        for piece in bytes.chunks(slice) {
            if !latency.is_zero() {
                tokio::time::sleep(latency).await;
            }
            to.write_all(piece).await?;
            change(self.shared, self.index, |connection| {
                let count = if self.way == Way::Up { &mut connection.up } else { &mut connection.down };
                *count = count.saturating_add(u64::try_from(piece.len()).unwrap_or(0));
            });
            if slice < bytes.len() {
                // What was written may be read before the next piece is.
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }
}
