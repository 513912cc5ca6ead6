//! The processes of a measured station as Linux shows them: processor time, memory, and PostgreSQL stopped dead and let
//! go again. Must not know what they do.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Serialize;

/// A station's processes.
#[derive(Debug, Clone)]
pub(crate) struct Processes {
    /// The station's own.
    pub(crate) station: i32,
    /// The folder it keeps everything in.
    pub(crate) data: PathBuf,
}

/// Processor time since the start, in seconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Cpu {
    /// Of the station.
    pub(crate) station: f64,
    /// Of its broker.
    pub(crate) broker: f64,
    /// Of its database.
    pub(crate) database: f64,
}

impl Cpu {
    /// What was used since `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            station: self.station - before.station,
            broker: self.broker - before.broker,
            database: self.database - before.database,
        }
    }
}

/// PostgreSQL that stands still; it goes on when this is dropped.
pub(crate) struct Frozen(Vec<i32>);

impl Drop for Frozen {
    fn drop(&mut self) {
        // The server's first process last: it finds its children at work.
        for pid in self.0.iter().rev() {
            // One that has ended meanwhile needs no word.
            kill(Pid::from_raw(*pid), Signal::SIGCONT).unwrap_or_default();
        }
    }
}

impl Processes {
    /// Processor time used so far.
    pub(crate) fn cpu(&self) -> Result<Cpu> {
        let database = self.database()?;
        let of = |pid: &i32| Some(Stat::of(*pid)?.cpu_secs);
        Ok(Cpu {
            station: of(&self.station).context("the station is gone")?,
            broker: self.broker().iter().filter_map(of).sum(),
            database: database.iter().filter_map(of).sum(),
        })
    }

    /// The station's memory in bytes, shared pages by their share.
    pub(crate) fn memory(&self) -> Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.station))
            .context("the station's memory cannot be read")?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).context("no share of memory")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kilobytes * 1024)
    }

    /// Stops every process of PostgreSQL where it stands.
    pub(crate) fn freeze(&self) -> Result<Frozen> {
        let mut frozen = Frozen(Vec::new());
        // The first is the one that starts all others: once it stands, there come no more.
        for pid in self.database()? {
            if kill(Pid::from_raw(pid), Signal::SIGSTOP).is_ok() {
                frozen.0.push(pid);
            }
        }
        for pid in self.database()? {
            if !frozen.0.contains(&pid) && kill(Pid::from_raw(pid), Signal::SIGSTOP).is_ok() {
                frozen.0.push(pid);
            }
        }
        Ok(frozen)
    }

    /// The server's first process and its children.
    fn database(&self) -> Result<Vec<i32>> {
        let file = self.data.join("database/data/postmaster.pid");
        let text = std::fs::read_to_string(&file).with_context(|| format!("no {}", file.display()))?;
        let first: i32 = text.lines().next().unwrap_or_default().trim().parse().context("a server without number")?;
        let children = all().filter(|pid| Stat::of(*pid).is_some_and(|stat| stat.parent == first));
        Ok(std::iter::once(first).chain(children).collect())
    }

    fn broker(&self) -> Vec<i32> {
        let config = self.data.join("broker/mosquitto.conf");
        all().filter(|pid| has_argument(*pid, &config)).collect()
    }
}

fn has_argument(pid: i32, argument: &Path) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).any(|word| word == argument.as_os_str().as_encoded_bytes())
}

fn all() -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_string_lossy().parse().ok())
}

struct Stat {
    parent: i32,
    /// Of the process and of its children that have ended.
    cpu_secs: f64,
}

impl Stat {
    fn of(pid: i32) -> Option<Self> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, fields) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let ticks: u64 = fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
        // Linux counts process times in hundredths of a second on every platform Penstock runs on.
        Some(Self { parent: fields.get(1)?.parse().ok()?, cpu_secs: Duration::from_millis(ticks * 10).as_secs_f64() })
    }
}
