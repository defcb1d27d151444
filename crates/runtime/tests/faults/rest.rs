//! What a gateway holds while nothing is asked of it: after every case it must be there again, and no more.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long it may take until nothing is left of a case.
const PATIENCE: Duration = Duration::from_secs(20);

/// A gateway at rest.
#[derive(Debug)]
pub(crate) struct Rest {
    process: u32,
    metrics: SocketAddr,
    /// Tasks beside those of clients' connections.
    tasks: u64,
    /// Descriptors beside those of connections, of clients and to the upstream; 0 where the system does not tell.
    descriptors: u64,
    /// The most requests that were under way at the same time: as many connections to the upstream may wait for more.
    pub(crate) at_once: u64,
}

/// What a gateway has at a moment.
#[derive(Debug)]
struct Now {
    page: String,
    in_flight: u64,
    queued: u64,
    tasks: u64,
    descriptors: u64,
}

impl Rest {
    /// Looks at a gateway of which nothing was asked yet.
    pub(crate) fn of(process: u32, metrics: SocketAddr) -> Self {
        let mut rest = Self { process, metrics, tasks: 0, descriptors: 0, at_once: 0 };
        let now = rest.now();
        (rest.tasks, rest.descriptors, rest.at_once) = (now.tasks, now.descriptors, 1);
        rest
    }

    /// Waits until the gateway is at rest again, and gives the page of its numbers.
    pub(crate) async fn again(&mut self, about: &str) -> String {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            // Each look is an exchange with the gateway, which has what it holds to do meanwhile.
            let now = tokio::task::block_in_place(|| self.now());
            let idle = self.descriptors + self.at_once;
            let rests = (now.in_flight, now.queued) == (0, 0)
                && now.tasks <= self.tasks
                && (now.descriptors <= idle || self.descriptors == 0);
            if rests {
                // A look catches what is about to end as well, so the least that was seen counts.
                self.tasks = self.tasks.min(now.tasks);
                self.descriptors = self.descriptors.min(now.descriptors);
                return now.page;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{about}: something is left: {now:?} of {self:?}"
            );
            tokio::task::yield_now().await;
        }
    }

    /// A number of the page, by its name and labels as they stand there.
    pub(crate) fn number(&self, sample: &str) -> i64 {
        let page = tokio::task::block_in_place(|| page(self.metrics));
        let line = page.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {sample} in {page}")).parse().unwrap()
    }

    fn now(&self) -> Now {
        let page = page(self.metrics);
        let number = |name: &str| {
            let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("no {name} in {page}")).parse::<u64>().unwrap()
        };
        let clients = number("spicerack_connections");
        Now {
            in_flight: number("spicerack_requests_in_flight"),
            queued: number("spicerack_requests_queued"),
            tasks: number("spicerack_tasks").saturating_sub(clients),
            descriptors: descriptors(self.process).saturating_sub(clients),
            page,
        }
    }
}

/// The numbers of a gateway, over a connection that ends with them.
fn page(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

/// How many descriptors a process has open; 0 where the system does not tell. A process with secrets shows them to root
/// alone, and Linux 6.2 tells everybody how many there are.
fn descriptors(process: u32) -> u64 {
    let folder = format!("/proc/{process}/fd");
    match std::fs::read_dir(&folder) {
        Ok(open) => u64::try_from(open.count()).unwrap(),
        Err(_) => std::fs::metadata(folder).map_or(0, |folder| folder.len()),
    }
}
