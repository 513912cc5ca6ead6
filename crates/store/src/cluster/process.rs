//! The server's process, known by its id and by the folder it works in: ids are reused, and a dead server's file stays.
//! Reads /proc.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{Error, Result};

const POLL: Duration = Duration::from_millis(100);
/// How long the children of a killed server may take to notice; they look whenever they wait.
const ORPHANS_DEADLINE: Duration = Duration::from_secs(10);

/// The first process of a server.
#[derive(Debug, Clone)]
pub(super) struct Postmaster {
    pid: i32,
    data: PathBuf,
}

impl Postmaster {
    pub(super) fn new(pid: i32, data: &Path) -> Self {
        Self { pid, data: data.to_owned() }
    }

    /// The one that `postmaster.pid` names, where it is alive and works in `data`.
    pub(super) fn running_in(data: &Path) -> Option<Self> {
        let postmaster = Self::new(pid_file(data)?.first()?.parse().ok()?, data);
        postmaster.is_alive().then_some(postmaster)
    }

    pub(super) const fn pid(&self) -> i32 {
        self.pid
    }

    /// Whether the process is there, is no zombie, and works in the data folder.
    pub(super) fn is_alive(&self) -> bool {
        works_in(self.pid, &self.data)
    }

    /// Returns when the process is gone.
    pub(super) async fn gone(&self) {
        while self.is_alive() {
            tokio::time::sleep(POLL).await;
        }
    }

    pub(super) fn signal(&self, signal: Signal) {
        if self.is_alive()
            && let Err(error) = kill(Pid::from_raw(self.pid), signal)
        {
            tracing::warn!(pid = self.pid, %signal, %error, "cannot signal PostgreSQL");
        }
    }

    /// Where it said that its socket is: line 5 of `postmaster.pid`.
    pub(super) fn socket_folder(&self) -> Option<PathBuf> {
        let lines = pid_file(&self.data)?;
        let folder = lines.get(4).filter(|line| !line.is_empty())?;
        let path = PathBuf::from(folder);
        Some(if path.is_absolute() { path } else { self.data.join(path) })
    }
}

/// Clears what a dead server left: waits for its children, which still write to the data, to end, and removes a
/// `postmaster.pid` whose number now belongs to another program. A file whose process is dead stays: the server
/// checks it, with the shared memory named in it, better than we could.
pub(super) async fn clear_remains(data: &Path) -> Result<()> {
    let started = Instant::now();
    loop {
        let orphans = processes_in(data);
        if orphans.is_empty() {
            break;
        }
        if started.elapsed() > ORPHANS_DEADLINE {
            for pid in &orphans {
                tracing::warn!(pid, "ending a process that a killed PostgreSQL left");
                // Quit, as the server itself would tell them.
                if let Err(error) = kill(Pid::from_raw(*pid), Signal::SIGQUIT) {
                    tracing::debug!(pid, %error, "it went meanwhile");
                }
            }
        }
        if started.elapsed() > ORPHANS_DEADLINE * 2
            && let Some(&pid) = orphans.first()
        {
            return Err(Error::Unanswered { pid, folder: data.to_owned() });
        }
        tokio::time::sleep(POLL).await;
    }
    let named = pid_file(data).and_then(|lines| lines.first()?.parse::<i32>().ok());
    if let Some(pid) = named
        && Path::new("/proc").join(pid.to_string()).exists()
    {
        let file = data.join("postmaster.pid");
        tracing::warn!(pid, "postmaster.pid names a process that is not ours, removing the file");
        std::fs::remove_file(&file).map_err(Error::file("remove", &file))?;
    }
    Ok(())
}

fn pid_file(data: &Path) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
    Some(text.lines().map(|line| line.trim().to_owned()).collect())
}

/// Every server process works in its data folder; a zombie works nowhere.
fn works_in(pid: i32, data: &Path) -> bool {
    let folder = std::fs::read_link(format!("/proc/{pid}/cwd"));
    folder.is_ok_and(|folder| data.canonicalize().is_ok_and(|data| folder == data))
}

fn processes_in(data: &Path) -> Vec<i32> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&pid| works_in(pid, data) && is_postgres(pid))
        .collect()
}

/// A shell that somebody opened in the data folder is not a server.
fn is_postgres(pid: i32) -> bool {
    std::fs::read_link(format!("/proc/{pid}/exe"))
        .is_ok_and(|program| program.file_name().is_some_and(|name| name.to_string_lossy().starts_with("postgres")))
}
