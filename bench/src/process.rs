//! Programs under measurement, and what the kernel says of them.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

use crate::BoxError;

/// How long a program may take to answer for the first time.
const START: Duration = Duration::from_secs(10);

/// A program that runs until this value is dropped.
pub(crate) struct Program {
    child: Child,
    clock: ClockId,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// When it was started.
    pub(crate) started: Instant,
}

/// The processor time that a program has used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    /// In user and kernel mode together.
    pub(crate) total: Duration,
    /// In kernel mode, in ticks of the kernel's accounting.
    system_ticks: u64,
    user_ticks: u64,
}

impl Cpu {
    /// What was used since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            total: self.total.saturating_sub(earlier.total),
            system_ticks: self.system_ticks.saturating_sub(earlier.system_ticks),
            user_ticks: self.user_ticks.saturating_sub(earlier.user_ticks),
        }
    }

    /// The part in kernel mode, 0 to 1.
    pub(crate) fn system_share(self) -> f64 {
        let ticks = |ticks: u64| u32::try_from(ticks).map_or(f64::from(u32::MAX), f64::from);
        ticks(self.system_ticks) / ticks(self.system_ticks + self.user_ticks).max(1.0)
    }
}

impl Program {
    /// Starts one of the benchmark's own programs, which says its port.
    pub(crate) fn own(arguments: &[&str]) -> Result<Self, BoxError> {
        let started = Instant::now();
        let mut child =
            Command::new(std::env::current_exe()?).args(arguments).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or("no stdout")?;
        BufReader::new(stdout).read_line(&mut line)?;
        Self::new(child, SocketAddr::from(([127, 0, 0, 1], line.trim().parse()?)), started)
    }

    /// Starts the gateway with everything on; its log goes to a file.
    pub(crate) fn spicerack(binary: &Path, folder: &Path) -> Result<Self, BoxError> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        Self::spicerack_at(binary, folder, address, &["--max-in-flight", "4096"])
    }

    /// The same at an address, and with more arguments.
    pub(crate) fn spicerack_at(
        binary: &Path,
        folder: &Path,
        address: SocketAddr,
        arguments: &[&str],
    ) -> Result<Self, BoxError> {
        let started = Instant::now();
        let child = Command::new(binary)
            .arg(folder)
            .args(["--http", &address.to_string(), "--metrics", "127.0.0.1:0"])
            .args(arguments)
            .stderr(File::options().append(true).create(true).open(folder.join("log"))?)
            .spawn()?;
        let program = Self::new(child, address, started)?;
        program.wait()?;
        Ok(program)
    }

    fn new(child: Child, address: SocketAddr, started: Instant) -> Result<Self, BoxError> {
        let clock = clock_getcpuclockid(Pid::from_raw(child.id().try_into()?))?;
        Ok(Self { child, clock, address, started })
    }

    /// Waits until it takes connections.
    fn wait(&self) -> Result<(), BoxError> {
        while std::net::TcpStream::connect(self.address).is_err() {
            if self.started.elapsed() > START {
                return Err(BoxError::from("spicerack does not listen; its log says why"));
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    }

    /// Says how much processor time it has used, its ended threads included.
    pub(crate) fn cpu(&self) -> Result<Cpu, BoxError> {
        let total = Duration::from(clock_gettime(self.clock)?);
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name before may hold spaces.
        let (_, fields) = stat.rsplit_once(") ").ok_or("no such process")?;
        let mut ticks = fields.split(' ').skip(11).map(str::parse);
        let mut next = || ticks.next().unwrap_or(Ok(0));
        Ok(Cpu { total, user_ticks: next()?, system_ticks: next()? })
    }

    /// Its resident memory, in KiB: `VmRSS` now, `VmHWM` at its most.
    pub(crate) fn memory(&self, key: &str) -> Result<u64, BoxError> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(key)).ok_or("no such figure")?;
        Ok(line.trim_matches([':', '\t', ' ', 'k', 'B']).parse()?)
    }

    /// Its open file descriptors: sockets, for the most part.
    pub(crate) fn descriptors(&self) -> Result<usize, BoxError> {
        let folder = format!("/proc/{}/fd", self.child.id());
        match std::fs::read_dir(&folder) {
            Ok(entries) => Ok(entries.count()),
            // A process with secrets shows them to root alone. Linux 6.2 tells everybody how many there are.
            Err(error) => match std::fs::metadata(&folder)?.len() {
                0 => Err(format!("{folder}: {error}; run this as root").into()),
                count => Ok(usize::try_from(count)?),
            },
        }
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), BoxError> {
        Ok(kill(Pid::from_raw(self.child.id().try_into()?), signal)?)
    }

    /// How it ended, where it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>, BoxError> {
        Ok(self.child.try_wait()?)
    }
}

/// Lets this process, and those that it starts, open as many files as they ever may.
pub(crate) fn raise_descriptors() -> Result<u64, BoxError> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    Ok(most)
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
