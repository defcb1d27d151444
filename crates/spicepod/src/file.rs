//! Files that the operator names: how they are opened, whoever reads them and whatever is in them.
//!
//! Whoever may write into their folder must not be able to have another file read than the one that was judged, to have
//! the process wait for a pipe, or to have it read without end. Links are followed, because that is how Kubernetes and
//! many tools put files in place; what was opened is then held to what stands there.

use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::libc::{O_CLOEXEC, O_NOFOLLOW, O_NONBLOCK};
#[cfg(target_os = "linux")]
use nix::sys::statfs::{TMPFS_MAGIC, statfs};

use crate::problem::{Problem, Severity};

/// A file that is replaced while it is read is opened again so often.
const TRIES: usize = 3;

/// Room beyond the size of a file: with it, no byte of it is read into memory that is not the buffer's.
const ROOM: usize = 64;

/// What was in a file, in a buffer that was never moved. Debug output does not show it.
pub struct Contents {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Where links led to.
    pub real: PathBuf,
    /// Who may do what with the file.
    pub mode: u32,
    /// Whose it is.
    owner: u32,
    /// Who else than its owner may change it.
    others: Option<&'static str>,
}

/// Why a file was not read.
#[derive(Debug)]
pub enum ReadError {
    /// The system refuses.
    Failed(io::Error),
    /// It lies outside of the folder that it has to be in.
    Outside,
    /// It is a folder, a pipe, a device.
    NotRegular,
    /// It has more bytes than are read.
    TooLarge {
        /// How many it has, as far as they were counted.
        bytes: u64,
        /// How many are read.
        most: u64,
    },
    /// Something else was put in its place while it was opened.
    Replaced,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Outside => f.write_str("it lies outside of its folder"),
            Self::NotRegular => f.write_str("it is not a regular file"),
            Self::TooLarge { most, .. } => write!(f, "it is larger than {most} bytes"),
            Self::Replaced => f.write_str("it was replaced while it was read"),
        }
    }
}

impl std::error::Error for ReadError {}

impl ReadError {
    /// Whether the file may be read later without a change of what is wrong with it: the system may not have been able
    /// to, or somebody was putting the file in place.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Failed(_) | Self::Replaced => true,
            Self::Outside | Self::NotRegular | Self::TooLarge { .. } => false,
        }
    }

    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Failed(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// Reads a regular file of up to `most` bytes.
///
/// # Errors
///
/// [`ReadError`], also where it holds more.
pub fn read(path: &Path, most: u64) -> Result<Contents, ReadError> {
    read_within(path, None, most)
}

/// Reads a regular file of up to `most` bytes that lies in a folder, wherever links lead on the way.
///
/// # Errors
///
/// [`ReadError`], also where it holds more or lies elsewhere.
pub fn read_inside(folder: &Path, path: &Path, most: u64) -> Result<Contents, ReadError> {
    read_within(path, Some(folder), most)
}

fn read_within(path: &Path, folder: Option<&Path>, most: u64) -> Result<Contents, ReadError> {
    let mut last = ReadError::Replaced;
    for _ in 0..TRIES {
        match attempt(path, folder, most, || {}) {
            Err(ReadError::Replaced) => last = ReadError::Replaced,
            // Between two steps of a swap there may be no file.
            Err(error) if error.is_missing() => last = error,
            done => return done,
        }
    }
    Err(last)
}

/// Tries once; `meanwhile` happens between the look at a file and its opening.
fn attempt(
    path: &Path,
    folder: Option<&Path>,
    most: u64,
    meanwhile: impl FnOnce(),
) -> Result<Contents, ReadError> {
    let real = path.canonicalize()?;
    if let Some(folder) = folder
        && !real.starts_with(folder.canonicalize()?)
    {
        return Err(ReadError::Outside);
    }
    // Before it is opened: opening a device may do something.
    judge(&real.symlink_metadata()?, most)?;
    meanwhile();
    let file = open_resolved(&real)?;
    let metadata = file.metadata()?;
    // What was opened must be what stands there, so that no link that came in between counts.
    let identity = |metadata: &Metadata| (metadata.dev(), metadata.ino());
    let stands_there = real.symlink_metadata().is_ok_and(|now| identity(&now) == identity(&metadata));
    if !stands_there || !path.canonicalize().is_ok_and(|now| now == real) {
        return Err(ReadError::Replaced);
    }
    let length = judge(&metadata, most)?;
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default().saturating_add(ROOM));
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= most => {
            let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
            Ok(Contents { bytes, real, mode, owner, others: others(&metadata) })
        }
        _ => Err(ReadError::TooLarge { bytes: most.saturating_add(1), most }),
    }
}

/// Opens a regular file, wherever links lead on the way, and waits for nobody.
///
/// # Errors
///
/// Where the system refuses, or where something else stands there; not for the size of the file.
pub fn open(path: &Path) -> Result<File, ReadError> {
    let real = path.canonicalize()?;
    judge(&real.symlink_metadata()?, u64::MAX)?;
    let file = open_resolved(&real)?;
    judge(&file.metadata()?, u64::MAX)?;
    Ok(file)
}

/// Opens a file that was looked at. A pipe may have come in its place, and opening that waits for a writer; or a link.
fn open_resolved(real: &Path) -> Result<File, ReadError> {
    let flags = O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC;
    OpenOptions::new().read(true).custom_flags(flags).open(real).map_err(|error| {
        // A link and a socket cannot be opened like that.
        let is_other = real.symlink_metadata().is_ok_and(|metadata| !metadata.is_file());
        if is_other { ReadError::Replaced } else { error.into() }
    })
}

/// The size of a file that may be read.
fn judge(metadata: &Metadata, most: u64) -> Result<u64, ReadError> {
    if !metadata.is_file() {
        return Err(ReadError::NotRegular);
    }
    if metadata.len() > most {
        Err(ReadError::TooLarge { bytes: metadata.len(), most })
    } else {
        Ok(metadata.len())
    }
}

/// A group that has its owner's number is the owner's own on most systems, and root's is trusted.
fn others(metadata: &Metadata) -> Option<&'static str> {
    let mode = metadata.mode();
    if mode & 0o002 != 0 {
        return Some("everybody on this machine");
    }
    (mode & 0o020 != 0 && metadata.gid() != metadata.uid()).then_some("a group")
}

impl Contents {
    /// Warns where others than its owner may change the file, which decides who may call and what is sent where.
    pub fn warning(&self, shown: &str) -> Option<Problem> {
        let message = format!("{} may change this file (its mode is {:o})", self.others?, self.mode);
        let problem = Problem::of_file(Severity::Warning, shown, message);
        Some(problem.help("let nobody but its owner write it: `chmod go-w`"))
    }

    /// The same for a file that is a secret: also where everybody on this machine may read it.
    pub fn secret_warning(&self, shown: &str) -> Option<Problem> {
        self.warning(shown).or_else(|| {
            let is_open = self.mode & 0o004 != 0 && is_reachable(&self.real) && !self.is_mounted();
            let message =
                format!("everybody on this machine may read this secret (its mode is {:o})", self.mode);
            let problem = Problem::of_file(Severity::Warning, shown, message);
            is_open.then(|| problem.help("let nobody but its owner read it: `chmod go-r`"))
        })
    }

    /// Whether a platform put it there for this container: root's, in memory. Kubernetes and Docker let everybody in the
    /// container read what they mount, and nobody is in it but the process.
    fn is_mounted(&self) -> bool {
        self.owner == 0 && is_in_memory(&self.real)
    }
}

/// Whether no folder on the way to a file keeps others out.
fn is_reachable(file: &Path) -> bool {
    let lets_in = |folder: &Path| folder.metadata().is_ok_and(|metadata| metadata.mode() & 0o001 != 0);
    file.ancestors().skip(1).all(lets_in)
}

#[cfg(target_os = "linux")]
fn is_in_memory(file: &Path) -> bool {
    statfs(file).is_ok_and(|system| system.filesystem_type() == TMPFS_MAGIC)
}

#[cfg(not(target_os = "linux"))]
fn is_in_memory(_: &Path) -> bool {
    false
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contents").field("mode", &self.mode).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
