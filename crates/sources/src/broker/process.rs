//! The broker's processes: found, started, watched, stopped.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::config;
use crate::{Error, Secret};

/// Mosquitto's programs.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    broker: PathBuf,
    passwd: PathBuf,
}

impl Programs {
    pub(super) fn find() -> Result<Self, Error> {
        Ok(Self { broker: find("mosquitto")?, passwd: find("mosquitto_passwd")? })
    }

    /// Starts the broker in a process group of its own, so that a Ctrl-C at the station's terminal does not reach it.
    pub(super) fn spawn(&self, folder: &Path) -> Result<Process, Error> {
        let output = folder.join(config::OUTPUT);
        let output = std::fs::File::options().append(true).open(&output).map_err(|cause| Error::File {
            action: "open",
            path: output,
            cause,
        })?;
        let child = Command::new(&self.broker)
            .arg("-c")
            .arg(folder.join(config::CONFIG))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .process_group(0)
            .spawn()
            .map_err(|cause| Error::Program { program: "mosquitto", cause: cause.to_string() })?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
        let Some(pid) = pid else {
            return Err(Error::Program { program: "mosquitto", cause: config::last_words(folder) });
        };
        Ok(Process { pid, child: Some(child), folder: folder.to_owned() })
    }

    /// Sets an account's password in the file. It goes through a pipe: a command line can be read by everybody.
    pub(super) async fn set_password(&self, file: &Path, account: &str, password: &Secret) -> Result<(), Error> {
        let failed = |cause: String| Error::Program { program: "mosquitto_passwd", cause };
        let mut child = Command::new(&self.passwd)
            .arg(file)
            .arg(account)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|cause| failed(cause.to_string()))?;
        if let Some(mut stdin) = child.stdin.take() {
            let word = password.expose();
            let twice = zeroize::Zeroizing::new(format!("{word}\n{word}\n"));
            stdin.write_all(twice.as_bytes()).await.map_err(|cause| failed(cause.to_string()))?;
        }
        match timeout(Duration::from_secs(10), child.wait_with_output()).await {
            Ok(Ok(output)) if output.status.success() => Ok(()),
            Ok(Ok(output)) => Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
            Ok(Err(cause)) => Err(failed(cause.to_string())),
            Err(_elapsed) => Err(failed("it did not end within 10 s".to_owned())),
        }
    }
}

/// System programs are not on every user's path.
fn find(program: &'static str) -> Result<PathBuf, Error> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/sbin"];
    std::env::split_paths(&path)
        .chain(usual.iter().map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .ok_or(Error::Missing { program })
}

/// A running broker, started by this station or by one before it.
#[derive(Debug)]
pub(super) struct Process {
    pid: Pid,
    /// None where an earlier station started it: then only looking tells whether it lives.
    child: Option<Child>,
    folder: PathBuf,
}

impl Process {
    /// The broker that runs with the configuration in `folder`. Looking through the processes needs no file that could
    /// be out of date or never have been written.
    pub(super) fn find(folder: &Path) -> Option<Self> {
        let processes = std::fs::read_dir("/proc").ok()?;
        let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let pid = pids.into_iter().map(Pid::from_raw).find(|pid| is_broker_of(*pid, folder))?;
        Some(Self { pid, child: None, folder: folder.to_owned() })
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Waits for its end and says what is known of it.
    pub(super) async fn ended(&mut self) -> String {
        match &mut self.child {
            Some(child) => match child.wait().await {
                Ok(status) => format!("mosquitto ended ({status}): {}", config::last_words(&self.folder)),
                Err(cause) => format!("mosquitto is lost ({cause})"),
            },
            None => {
                while is_broker_of(self.pid, &self.folder) {
                    sleep(Duration::from_millis(250)).await;
                }
                format!("mosquitto ended: {}", config::last_words(&self.folder))
            }
        }
    }

    /// Asks it to end, and makes it after `patience`.
    pub(super) async fn stop(mut self, patience: Duration) {
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            // Never a signal to a process that took over the number.
            if !is_broker_of(self.pid, &self.folder) || kill(self.pid, signal).is_err() {
                break;
            }
            if timeout(patience, self.ended()).await.is_ok() {
                return;
            }
            tracing::warn!(pid = self.pid.as_raw(), "the private broker did not stop in time");
        }
        if let Some(child) = &mut self.child {
            // Gone already: this only takes its exit status, so that no zombie stays.
            child.try_wait().ok();
        }
    }
}

fn is_broker_of(pid: Pid, folder: &Path) -> bool {
    let Ok(line) = std::fs::read(format!("/proc/{pid}/cmdline")) else { return false };
    let mut arguments = line.split(|byte| *byte == 0);
    let is_mosquitto = arguments.next().is_some_and(|program| program.ends_with(b"mosquitto"));
    let config = folder.join(config::CONFIG);
    is_mosquitto && arguments.any(|argument| argument == config.as_os_str().as_bytes())
}
