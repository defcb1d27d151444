//! A server of names that says what a test wants, when it wants.
//!
//! Source: [RFC 1035](https://www.rfc-editor.org/rfc/rfc1035), section 4.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bedrock_emulator::Gate;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The port that resolvers ask.
const PORT: u16 = 53;

/// The types of the questions and answers.
const A: u16 = 1;

/// How many servers this process has started.
static STARTED: AtomicU8 = AtomicU8::new(53);

/// What every name leads to.
#[derive(Clone, Debug, Default)]
struct Plan {
    addresses: Vec<Ipv4Addr>,
    gate: Option<Gate>,
}

/// A server of names, on an address of this machine of its own. Dropping it closes it.
#[derive(Debug)]
pub struct Names {
    address: Ipv4Addr,
    plan: watch::Sender<Plan>,
    asked: watch::Sender<usize>,
    _tasks: JoinSet<()>,
}

impl Names {
    /// Starts a server by which no name exists.
    ///
    /// # Errors
    ///
    /// Where the port of names cannot be opened, which not everybody may.
    pub async fn start() -> io::Result<Self> {
        // All that begins with 127 is this machine, and no two servers share the port at one address.
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let address = Ipv4Addr::new(127, STARTED.fetch_add(1, Ordering::Relaxed).max(1), high, low);
        let socket = Arc::new(UdpSocket::bind((address, PORT)).await?);
        let (plan, asked) = (watch::Sender::new(Plan::default()), watch::Sender::new(0_usize));
        let (planned, count) = (plan.subscribe(), asked.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut waiting = JoinSet::new();
            let mut buffer = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
                let question = buffer.get(..length).unwrap_or_default().to_vec();
                count.send_modify(|count| *count = count.saturating_add(1));
                let (plan, socket) = (planned.borrow().clone(), Arc::clone(&socket));
                waiting.spawn(async move { answer(&socket, client, &question, plan).await });
                while waiting.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, plan, asked, _tasks: tasks })
    }

    /// The only line of a `resolv.conf` that leads here.
    pub fn line(&self) -> String {
        format!("nameserver {}", self.address)
    }

    /// Every name leads to these addresses from now on; to none where there are none.
    pub fn lead_to(&self, addresses: &[Ipv4Addr]) {
        self.plan.send_modify(|plan| plan.addresses = addresses.to_vec());
    }

    /// Questions from now on wait until a gate opens; and none where there is none.
    pub fn wait(&self, gate: Option<&Gate>) {
        self.plan.send_modify(|plan| plan.gate = gate.cloned());
    }

    /// How many questions have come: two for a name as a rule, one for each kind of address.
    pub fn asked(&self) -> usize {
        *self.asked.borrow()
    }

    /// Waits until so many questions have come.
    pub async fn wait_for(&self, count: usize) {
        // The sender lives as long as this server.
        let _ = self.asked.subscribe().wait_for(|asked| *asked >= count).await;
    }
}

async fn answer(socket: &UdpSocket, client: SocketAddr, question: &[u8], plan: Plan) {
    if let Some(gate) = plan.gate {
        gate.passed().await;
    }
    if let Some(message) = message(question, &plan.addresses) {
        // Whoever has given up does not hear it.
        let _ = socket.send_to(&message, client).await;
    }
}

/// The answer to a message with one question.
fn message(question: &[u8], addresses: &[Ipv4Addr]) -> Option<Vec<u8>> {
    let (id, asked) = (question.get(..2)?, question.get(12..)?);
    // A name ends with its empty label, and is followed by its type and class.
    let end = asked.iter().position(|byte| *byte == 0)?.checked_add(5)?;
    let asked = asked.get(..end)?;
    let kind = asked.get(end.checked_sub(4)?..end.checked_sub(2)?)?;
    let found = if kind == A.to_be_bytes() { addresses } else { &[] };
    // An answer; and where no name exists, that.
    let flags: u16 = if addresses.is_empty() { 0x8183 } else { 0x8180 };
    let mut message = id.to_vec();
    for word in [flags, 1, u16::try_from(found.len()).ok()?, 0, 0] {
        message.extend(word.to_be_bytes());
    }
    message.extend(asked);
    for address in found {
        // The name of the question, an address of the internet, good for no time.
        message.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        message.extend(address.octets());
    }
    Some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(kind: u8) -> Vec<u8> {
        let mut question = vec![7, 8, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        question.extend(b"\x01a\x04test\x00\x00");
        question.extend([kind, 0, 1]);
        question
    }

    #[test]
    fn questions_are_answered_by_their_kind() {
        let address = Ipv4Addr::new(127, 0, 0, 2);
        let found = message(&question(1), &[address]).unwrap();
        assert!(found.starts_with(&[7, 8, 0x81, 0x80, 0, 1, 0, 1]) && found.ends_with(&[0, 4, 127, 0, 0, 2]));
        let of_another_kind = message(&question(28), &[address]).unwrap();
        assert!(of_another_kind.starts_with(&[7, 8, 0x81, 0x80, 0, 1, 0, 0]));
        assert!(message(&question(1), &[]).unwrap().starts_with(&[7, 8, 0x81, 0x83]));
        assert_eq!(message(&[0; 12], &[address]), None);
    }
}
