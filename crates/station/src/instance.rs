//! One station on one data folder: the lock that a second start meets, and the note that tells it where the first is.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use crate::Error;

/// What a running station tells those who look for it, in `<data>/run/station.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Its process.
    pub pid: u32,
    /// Where its screens are, for example `http://127.0.0.1:8470/`; empty until it listens.
    pub address: String,
    /// Port of its own broker on loopback, where it runs one.
    pub broker_port: Option<u16>,
    /// Whether it takes samples in.
    pub ready: bool,
}

/// The hold on a data folder; let go when dropped, also by a kill.
#[derive(Debug)]
pub struct Instance {
    note: PathBuf,
    _lock: Flock<File>,
}

impl Instance {
    /// Takes hold of `data`, which is made where it does not exist.
    ///
    /// # Errors
    /// [`Error::Running`] where another station has it, [`Error::File`] where the folder cannot be used.
    pub fn take(data: &Path) -> Result<Self, Error> {
        let run = data.join("run");
        let path = run.join("lock");
        let note = run.join("station.json");
        match try_lock(data, &path)? {
            Ok(lock) => {
                // What a killed station left is no longer true.
                match std::fs::remove_file(&note) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(Error::file("note of the running station", &note, error));
                    }
                    _ => {}
                }
                Ok(Self { note, _lock: lock })
            }
            Err(nix::errno::Errno::EWOULDBLOCK) => {
                let running = find(data);
                Err(Error::Running {
                    data: data.display().to_string(),
                    pid: running.as_ref().map_or(0, |running| running.pid),
                    address: running.map(|running| running.address).unwrap_or_default(),
                })
            }
            Err(errno) => Err(Error::file("lock file", &path, errno.into())),
        }
    }

    /// Tells those who look for the station where it is.
    ///
    /// # Errors
    /// [`Error::File`] where the note cannot be written.
    pub fn tell(&self, running: &Running) -> Result<(), Error> {
        let fresh = self.note.with_extension("new");
        let text = serde_json::to_string_pretty(running).unwrap_or_default();
        std::fs::write(&fresh, text)
            .and_then(|()| std::fs::rename(&fresh, &self.note))
            .map_err(|source| Error::file("note of the running station", &self.note, source))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // The lock is what counts; a note left behind is removed by the next start.
        drop(std::fs::remove_file(&self.note));
    }
}

/// The turn to start a station on a data folder: of two that start at the same moment, the later waits for what comes of
/// the first. Let go when dropped, also by a kill.
#[derive(Debug)]
pub struct Turn {
    _lock: Flock<File>,
}

impl Turn {
    /// Takes the turn, where nobody else is just starting.
    ///
    /// # Errors
    /// [`Error::File`] where the folder cannot be used.
    pub fn take(data: &Path) -> Result<Option<Self>, Error> {
        let path = data.join("run").join("starting");
        match try_lock(data, &path)? {
            Ok(lock) => Ok(Some(Self { _lock: lock })),
            Err(nix::errno::Errno::EWOULDBLOCK) => Ok(None),
            Err(errno) => Err(Error::file("lock file", &path, errno.into())),
        }
    }
}

/// Locks a file in the folder of what runs; both are made where they do not exist.
fn try_lock(data: &Path, path: &Path) -> Result<Result<Flock<File>, nix::errno::Errno>, Error> {
    let run = data.join("run");
    std::fs::create_dir_all(&run).map_err(|source| Error::file("data folder", &run, source))?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|source| Error::file("lock file", path, source))?;
    Ok(Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_file, errno)| errno))
}

/// The station that runs on `data`, as it tells of itself.
pub fn find(data: &Path) -> Option<Running> {
    let text = std::fs::read_to_string(data.join("run").join("station.json")).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_of_the_first() {
        let data = tempfile::tempdir().expect("folder");
        let first = Instance::take(data.path()).expect("free");
        let running = Running { pid: 42, address: "http://127.0.0.1:1/".into(), broker_port: Some(5), ready: true };
        first.tell(&running).expect("written");
        assert_eq!(find(data.path()), Some(running));
        let refused = Instance::take(data.path()).expect_err("taken");
        assert!(
            matches!(&refused, Error::Running { pid: 42, address, .. } if address == "http://127.0.0.1:1/"),
            "{refused}"
        );
        drop(first);
        assert_eq!(find(data.path()), None);
        Instance::take(data.path()).expect("free again");
    }

    #[test]
    fn one_starts_at_a_time() {
        let data = tempfile::tempdir().expect("folder");
        let first = Turn::take(data.path()).expect("usable").expect("free");
        assert!(Turn::take(data.path()).expect("usable").is_none());
        drop(first);
        assert!(Turn::take(data.path()).expect("usable").is_some());
    }
}
