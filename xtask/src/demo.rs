//! The control room on the demo plant as two processes: the station, and the simulator that plays its devices.
//!
//! What they agree on: the station takes `--data DIR` and settings from the environment, and writes where it is to
//! `DIR/run/station.json`; the simulator is given the port of the station's broker and the devices' password. Must not
//! know more of either.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::workspace::Workspace;

/// Where in the data folder the simulator keeps how far it came; there once the past is published.
pub(crate) const SIMULATOR_STATE: &str = "demo-simulator.json";
/// Where in the data folder the password of the demo's devices is kept from run to run.
const DEVICE_PASSWORD: &str = "demo-device-password";
/// How often children are looked at.
const GLANCE: Duration = Duration::from_millis(50);
/// What the simulator may take to publish its last messages.
const SIMULATOR_STOP: Duration = Duration::from_secs(10);
/// What the station may take to drain its spool and to stop database and broker.
const STATION_STOP: Duration = Duration::from_secs(90);
/// What a first start may take: it makes the database cluster.
const STATION_START: Duration = Duration::from_secs(120);
/// By then a starting station has taken away the note of the one before.
const SETTLED: Duration = Duration::from_secs(2);

/// How to start.
pub(crate) struct Options {
    /// Where the station keeps its data.
    pub(crate) data: PathBuf,
    /// Whether to open the desktop window, which hosts the station; else the station alone, with its gateway.
    pub(crate) has_window: bool,
    /// Whether the demo plant, its people and its devices are there.
    pub(crate) has_demo: bool,
    /// More settings, as the environment states them.
    pub(crate) settings: Vec<(String, String)>,
    /// More arguments of the simulator.
    pub(crate) simulator: Vec<String>,
    /// Where both write what they have to say; none for the terminal.
    pub(crate) log: Option<PathBuf>,
}

/// What came of starting.
pub(crate) enum Started {
    /// A station that this program stops.
    Here(Box<Room>),
    /// A window on a station that ran already, whose devices are somebody else's.
    Attached(Box<Room>),
    /// One runs already; the new process said so and ended.
    Elsewhere(Note),
    /// A signal came first; everything is stopped again.
    Interrupted,
}

/// What a station writes about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) pid: u32,
    pub(crate) address: String,
    pub(crate) broker_port: Option<u16>,
    pub(crate) is_ready: bool,
}

/// A running control room.
pub(crate) struct Room {
    pub(crate) note: Note,
    pub(crate) station: Child,
    simulator: Option<Child>,
    device_password: String,
}

/// Where a station of this name keeps its data: for root below `/var/lib`, since PostgreSQL, which refuses to run as
/// root, could not reach root's home.
pub(crate) fn data_folder(name: &str) -> anyhow::Result<PathBuf> {
    if nix::unistd::geteuid().is_root() {
        return Ok(Path::new("/var/lib").join(name));
    }
    let base = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share")))
        .context("HOME is not set: name the data folder with --data")?;
    Ok(base.join(name))
}

/// Starts the station, waits until it takes samples in, then starts the simulator.
pub(crate) fn start(workspace: &Workspace, options: &Options, signals: &Receiver<Signal>) -> anyhow::Result<Started> {
    std::fs::create_dir_all(&options.data)
        .with_context(|| format!("the data folder {} cannot be made", options.data.display()))?;
    let device_password = match options.has_demo {
        true => kept_password(&options.data.join(DEVICE_PASSWORD))?,
        false => String::new(),
    };
    let station = station_command(workspace, options, &device_password)?.spawn();
    let mut station = station.context("the station cannot be started: was it built?")?;

    let launched = Instant::now();
    let note = loop {
        // A note of another process is what a killed station left, unless that process lives: then this is its window.
        let is_told_by = |note: &Note| {
            note.pid == station.id() || (options.has_window && launched.elapsed() > SETTLED && is_alive(note.pid))
        };
        if let Some(note) = Note::read(&options.data).filter(|note| note.is_ready && is_told_by(note)) {
            break note;
        }
        if let Some(status) = station.try_wait().context("the station cannot be waited for")? {
            return match Note::read(&options.data) {
                Some(note) if status.success() => Ok(Started::Elsewhere(note)),
                _ => bail!("the station did not start ({status}); its last lines say why"),
            };
        }
        if is_signalled(signals, GLANCE) {
            stop_child(&mut station, "the station", STATION_STOP, signals)?;
            return Ok(Started::Interrupted);
        }
        if launched.elapsed() > STATION_START {
            stop_child(&mut station, "the station", STATION_STOP, signals)?;
            bail!("the station was not ready within {} s; its last lines say why", STATION_START.as_secs());
        }
    };

    let is_own = note.pid == station.id();
    let mut room = Room { note, station, simulator: None, device_password };
    if !is_own {
        return Ok(Started::Attached(Box::new(room)));
    }
    if options.has_demo {
        room.start_simulator(workspace, options)?;
    }
    Ok(Started::Here(Box::new(room)))
}

fn station_command(workspace: &Workspace, options: &Options, device_password: &str) -> anyhow::Result<Command> {
    let mut command = workspace.command(workspace.program("penstock"));
    if !options.has_window {
        command.arg("station");
    }
    command.arg("--data").arg(&options.data);
    if options.has_demo {
        add_settings(&mut command, workspace, device_password);
    }
    command.envs(options.settings.iter().map(|(name, value)| (name, value)));
    on_its_own(&mut command, options.log.as_deref(), "station.log")?;
    Ok(command)
}

/// The demo plant, its people, and the password its devices come with.
pub(crate) fn add_settings(command: &mut Command, workspace: &Workspace, device_password: &str) {
    command
        .env("PENSTOCK_PLANT__IMPORT", workspace.path("assets/demo/plant.json"))
        .env("PENSTOCK_DEMO__PEOPLE", "true")
        .env("PENSTOCK_SECRET__DEVICE_PASSWORD", device_password);
}

/// Lets time pass, unless a signal comes.
pub(crate) fn wait(time: Duration, signals: &Receiver<Signal>) -> anyhow::Result<()> {
    if is_signalled(signals, time) {
        bail!("interrupted");
    }
    Ok(())
}

/// In a process group of its own: Ctrl-C at the terminal would reach the child first, and out of order.
fn on_its_own(command: &mut Command, log: Option<&Path>, name: &str) -> anyhow::Result<()> {
    command.stdin(Stdio::null()).process_group(0);
    if let Some(folder) = log {
        let file = folder.join(name);
        let file = std::fs::File::create(&file).with_context(|| format!("cannot write {}", file.display()))?;
        command.stdout(file.try_clone().context("the log cannot be shared")?).stderr(file);
    }
    Ok(())
}

impl Room {
    /// Lets the demo's devices publish to the station's broker.
    fn start_simulator(&mut self, workspace: &Workspace, options: &Options) -> anyhow::Result<()> {
        let port = self.note.broker_port.context(
            "the station runs no broker of its own, so the demo's devices have nowhere to publish: set broker.enabled",
        )?;
        let mut command = workspace.command(workspace.program("penstock-sim"));
        command
            .args(["run", "--host", "127.0.0.1", "--port", &port.to_string(), "--user", "device", "--history", "7d"])
            // There the simulator keeps how far it came: the past is published once, and what it was away for.
            .arg("--state")
            .arg(options.data.join(SIMULATOR_STATE))
            .args(&options.simulator)
            .env("PENSTOCK_SIM_PASSWORD", &self.device_password);
        on_its_own(&mut command, options.log.as_deref(), "simulator.log")?;
        self.simulator = Some(command.spawn().context("the simulator cannot be started: was it built?")?);
        Ok(())
    }

    /// Stays until a signal comes or the station ends by itself; then stops what still runs, devices first.
    pub(crate) fn stay(mut self, signals: &Receiver<Signal>) -> anyhow::Result<Option<ExitStatus>> {
        loop {
            if is_signalled(signals, GLANCE) {
                self.stop(signals)?;
                return Ok(None);
            }
            if let Some(status) = self.station.try_wait().context("the station cannot be waited for")? {
                self.stop_simulator(signals)?;
                return Ok(Some(status));
            }
            if let Some(simulator) = &mut self.simulator
                && let Some(status) = simulator.try_wait().context("the simulator cannot be waited for")?
            {
                eprintln!("xtask: the simulator ended ({status}); the station goes on without its devices");
                self.simulator = None;
            }
        }
    }

    /// Stops the devices, then the station, and says so.
    pub(crate) fn stop(&mut self, signals: &Receiver<Signal>) -> anyhow::Result<()> {
        self.stop_simulator(signals)?;
        stop_child(&mut self.station, "the station with its database and broker", STATION_STOP, signals)
    }

    fn stop_simulator(&mut self, signals: &Receiver<Signal>) -> anyhow::Result<()> {
        match self.simulator.take() {
            Some(mut simulator) => stop_child(&mut simulator, "the simulator", SIMULATOR_STOP, signals),
            None => Ok(()),
        }
    }
}

/// Whoever drops a room without stopping it met an error: nothing it started stays behind.
impl Drop for Room {
    fn drop(&mut self) {
        for child in self.simulator.iter_mut().chain([&mut self.station]) {
            if matches!(child.try_wait(), Ok(None)) {
                eprintln!("xtask: stopping process {}", child.id());
                if let Err(error) = signal_group(child, Signal::SIGTERM).and_then(|()| Ok(child.wait().map(drop)?)) {
                    eprintln!("xtask: process {} could not be stopped: {error:#}", child.id());
                }
            }
        }
    }
}

impl Note {
    pub(crate) fn read(data: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(data.join("run/station.json")).ok()?;
        Self::parse(&serde_json::from_str(&text).ok()?)
    }

    fn parse(note: &serde_json::Value) -> Option<Self> {
        Some(Self {
            pid: note.get("pid")?.as_u64()?.try_into().ok()?,
            address: note.get("address")?.as_str()?.to_owned(),
            broker_port: note
                .get("broker_port")
                .and_then(serde_json::Value::as_u64)
                .and_then(|port| port.try_into().ok()),
            is_ready: note.get("ready")?.as_bool()?,
        })
    }
}

fn is_signalled(signals: &Receiver<Signal>, wait: Duration) -> bool {
    match signals.recv_timeout(wait) {
        Ok(_) => true,
        Err(RecvTimeoutError::Timeout) => false,
        Err(RecvTimeoutError::Disconnected) => {
            std::thread::sleep(wait);
            false
        }
    }
}

/// Asks with SIGTERM and waits; a second Ctrl-C, or the end of patience, kills.
fn stop_child(child: &mut Child, what: &str, patience: Duration, signals: &Receiver<Signal>) -> anyhow::Result<()> {
    if child.try_wait().with_context(|| format!("{what} cannot be waited for"))?.is_some() {
        return Ok(());
    }
    println!("stopping {what}");
    signal_group(child, Signal::SIGTERM)?;
    let deadline = Instant::now() + patience;
    while child.try_wait().with_context(|| format!("{what} cannot be waited for"))?.is_none() {
        if is_signalled(signals, GLANCE) || Instant::now() > deadline {
            eprintln!("killing {what}: what it had acknowledged is on disk");
            signal_group(child, Signal::SIGKILL)?;
            child.wait().with_context(|| format!("{what} cannot be waited for"))?;
        }
    }
    Ok(())
}

fn is_alive(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

fn signal_group(child: &Child, signal: Signal) -> anyhow::Result<()> {
    let group = Pid::from_raw(child.id().try_into().context("a process id out of range")?);
    killpg(group, signal).with_context(|| format!("process {group} cannot be signalled"))
}

/// The password of the demo's devices, the same at each run, so that a device that somebody adds is not locked out.
///
/// In a file for its owner alone, because there need not be a keyring. This is for the demo plant only, whose devices are
/// this program's own: a real plant's password is never written down in clear.
fn kept_password(file: &Path) -> anyhow::Result<String> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    if let Ok(kept) = std::fs::read_to_string(file)
        && !kept.trim().is_empty()
    {
        return Ok(kept.trim().to_owned());
    }
    let password = random_password()?;
    std::fs::File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut file| file.write_all(password.as_bytes()))
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(password)
}

fn random_password() -> anyhow::Result<String> {
    use std::io::Read as _;
    let mut bytes = [0; 16];
    let mut source = std::fs::File::open("/dev/urandom").context("the system's source of random numbers is missing")?;
    source.read_exact(&mut bytes).context("the system's source of random numbers fails")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_the_station_writes_it() {
        let note = serde_json::json!(
            { "pid": 7, "address": "http://127.0.0.1:8470/", "broker_port": 40123, "ready": true, "more": [] }
        );
        let expected =
            Note { pid: 7, address: "http://127.0.0.1:8470/".into(), broker_port: Some(40123), is_ready: true };
        assert_eq!(Note::parse(&note), Some(expected));
        assert_eq!(Note::parse(&serde_json::json!({ "pid": 7 })), None);
    }

    #[test]
    fn the_devices_password_is_kept() -> anyhow::Result<()> {
        let file = std::env::temp_dir().join(format!("penstock-xtask-{}-{}", std::process::id(), random_password()?));
        let (one, again) = (kept_password(&file)?, kept_password(&file)?);
        std::fs::remove_file(&file)?;
        assert_eq!(one.len(), 32);
        assert_eq!(one, again);
        Ok(())
    }

    #[test]
    fn passwords_differ() -> anyhow::Result<()> {
        let (one, other) = (random_password()?, random_password()?);
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
        Ok(())
    }
}
