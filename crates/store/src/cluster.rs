//! The station's private PostgreSQL: found, created, started, adopted, watched and stopped. It listens on a Unix socket
//! only and admits root, the system user `postgres` and the station's own account. Must not know any table.

mod account;
mod configuration;
mod process;
mod programs;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::process::{Child, Command};

use self::account::Account;
use self::process::Postmaster;
use self::programs::Programs;
use crate::{Error, Result};

/// The name of the station's database.
pub const DATABASE: &str = "penstock";
/// The role that the station works as; it owns everything.
const ROLE: &str = "postgres";
/// The role that screens read as; migrations make it and say what it may.
pub(crate) const READER: &str = "penstock_reader";

/// How long a start may take. Recovery after a crash replays up to a gigabyte of log.
const START_DEADLINE: Duration = Duration::from_secs(180);
/// How long an immediate shutdown may take.
const IMMEDIATE_DEADLINE: Duration = Duration::from_secs(10);
/// How long one question whether it answers may take: a server that stands still takes connections and says nothing.
const ANSWER_DEADLINE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(25);
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// A server that ran so long before it died is started again without a pause.
const STEADY: Duration = Duration::from_secs(60);

/// Where a cluster lives and how careful it is.
#[derive(Debug, Clone)]
pub struct ClusterSettings {
    /// The folder it owns; created where missing. As root it must be one that the system user `postgres` can reach.
    pub folder: PathBuf,
    /// Folder of `initdb` and `postgres`; none to look in the usual places and on PATH.
    pub programs: Option<PathBuf>,
    /// What a commit means.
    pub durability: Durability,
}

impl ClusterSettings {
    /// A durable cluster in `folder`, with the programs found by themselves.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), programs: None, durability: Durability::Full }
    }
}

/// What a commit means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It is on the disk.
    Full,
    /// It survives a crash of the server, not one of the machine: for tests.
    Scratch,
}

/// A running private PostgreSQL. Dropping it leaves the server running, to be adopted by the next start.
#[derive(Debug)]
pub struct Cluster {
    settings: ClusterSettings,
    account: Account,
    programs: Programs,
    sockets: PathBuf,
    server: Server,
}

#[derive(Debug)]
enum Server {
    /// Started by this process.
    Own(Child, Postmaster),
    /// Left running by one that was killed.
    Adopted(Postmaster),
    /// Stopped or dead.
    None,
}

/// What happened to the server while it was watched.
#[derive(Debug)]
pub enum ClusterEvent {
    /// It died.
    Died,
    /// It runs again.
    Restarted,
    /// It could not be started; the next try comes after the pause.
    StartFailed {
        /// Why.
        error: Error,
        /// The pause.
        pause: Duration,
    },
}

/// How the server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// With everything written back.
    Cleanly,
    /// At once: the next start recovers from the log, nothing committed is lost.
    Immediately,
    /// It was not running.
    NotRunning,
}

impl Cluster {
    /// Makes sure that the cluster of `settings` exists and runs: creates it where it is missing, adopts a server that
    /// a killed station left, starts one otherwise, and waits until it answers.
    ///
    /// # Errors
    /// [`Error::Missing`] with the command that installs PostgreSQL, [`Error::Unreachable`], [`Error::File`],
    /// [`Error::Program`] with the end of its log, [`Error::Killed`], or [`Error::Unanswered`].
    pub async fn start(settings: ClusterSettings) -> Result<Self> {
        let account = Account::choose()?;
        account.prepare_folder(&settings.folder)?;
        let data = settings.folder.join("data");
        let programs = Programs::find(settings.programs.as_deref(), programs::version_of_data(&data)?)?;
        let sockets = account.socket_folder(&settings.folder)?;
        let mut cluster = Self { settings, account, programs, sockets, server: Server::None };
        if !data.join("PG_VERSION").exists() {
            cluster.initialise().await?;
        }
        cluster.bring_up().await?;
        Ok(cluster)
    }

    /// How to reach the station's database.
    pub fn options(&self) -> PgConnectOptions {
        // The environment of whoever starts the station (PGHOST, PGOPTIONS, …) means other servers.
        PgConnectOptions::new_without_pgpass()
            .socket(&self.sockets)
            .port(configuration::PORT)
            .username(ROLE)
            .database(DATABASE)
            .ssl_mode(PgSslMode::Disable)
            .application_name("penstock")
            .disable_statement_logging()
    }

    /// The server's process id, while it runs.
    pub fn pid(&self) -> Option<i32> {
        self.postmaster().filter(Postmaster::is_alive).map(|postmaster| postmaster.pid())
    }

    /// Whether the server's process is there.
    pub fn is_alive(&self) -> bool {
        self.pid().is_some()
    }

    /// The server's major version, for example 15.
    pub const fn version(&self) -> u32 {
        self.programs.version
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.settings.folder.join("data")
    }

    /// Returns when the server is not running any more; at once where it is not.
    pub async fn exited(&mut self) {
        match &mut self.server {
            Server::Own(child, postmaster) => {
                if let Err(error) = child.wait().await {
                    tracing::warn!(%error, "cannot wait for PostgreSQL, looking at its process instead");
                    postmaster.gone().await;
                }
            }
            Server::Adopted(postmaster) => postmaster.gone().await,
            Server::None => {}
        }
    }

    /// Starts the server again where it is not running.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub async fn restart(&mut self) -> Result<()> {
        if self.is_alive() {
            return Ok(());
        }
        self.server = Server::None;
        self.bring_up().await
    }

    /// Watches the server and starts it again whenever it dies, until `stop` completes: at once after a steady run,
    /// else with a pause that doubles up to 30 s. The server then still runs; stopping it is the caller's.
    pub async fn watch(&mut self, stop: impl Future<Output = ()>, mut on_event: impl FnMut(ClusterEvent)) {
        let mut stop = std::pin::pin!(stop);
        let mut backoff = FIRST_BACKOFF;
        loop {
            let since = Instant::now();
            tokio::select! {
                () = &mut stop => return,
                () = self.exited() => {}
            }
            self.server = Server::None;
            on_event(ClusterEvent::Died);
            if since.elapsed() > STEADY {
                backoff = FIRST_BACKOFF;
            } else {
                tokio::select! {
                    () = &mut stop => return,
                    () = tokio::time::sleep(backoff) => {}
                }
                backoff = LONGEST_BACKOFF.min(backoff * 2);
            }
            loop {
                let restarted = tokio::select! {
                    () = &mut stop => return,
                    restarted = self.restart() => restarted,
                };
                let Err(error) = restarted else { break };
                on_event(ClusterEvent::StartFailed { error, pause: backoff });
                tokio::select! {
                    () = &mut stop => return,
                    () = tokio::time::sleep(backoff) => {}
                }
                backoff = LONGEST_BACKOFF.min(backoff * 2);
            }
            on_event(ClusterEvent::Restarted);
        }
    }

    /// Stops the server: ends sessions and writes everything back, and where that takes longer than `deadline`, ends
    /// it at once.
    ///
    /// # Errors
    /// [`Error::Unanswered`] where even that did not end it within 10 s.
    pub async fn stop(&mut self, deadline: Duration) -> Result<Stopped> {
        let Some(postmaster) = self.postmaster().filter(Postmaster::is_alive) else {
            self.server = Server::None;
            return Ok(Stopped::NotRunning);
        };
        postmaster.signal(Signal::SIGINT);
        if tokio::time::timeout(deadline, self.exited()).await.is_ok() {
            self.server = Server::None;
            return Ok(Stopped::Cleanly);
        }
        postmaster.signal(Signal::SIGQUIT);
        if tokio::time::timeout(IMMEDIATE_DEADLINE, self.exited()).await.is_ok() {
            self.server = Server::None;
            return Ok(Stopped::Immediately);
        }
        Err(Error::Unanswered { pid: postmaster.pid(), folder: self.data() })
    }

    fn postmaster(&self) -> Option<Postmaster> {
        match &self.server {
            Server::Own(_, postmaster) | Server::Adopted(postmaster) => Some(postmaster.clone()),
            Server::None => None,
        }
    }

    /// Creates the data folder, under another name until it is complete.
    async fn initialise(&self) -> Result<()> {
        let partial = self.settings.folder.join("data.partial");
        if partial.exists() {
            std::fs::remove_dir_all(&partial).map_err(Error::file("remove", &partial))?;
        }
        let mut command = self.command("initdb");
        command
            .arg("--pgdata")
            .arg(&partial)
            .args(["--username", ROLE, "--encoding", "UTF8", "--locale", "C.UTF-8", "--auth", "peer"])
            .args(["--data-checksums", "--no-instructions"])
            // A new file of the log is filled with zeros and flushed while a commit waits: small ones hold it up less.
            .args(["--wal-segsize", "4"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if self.settings.durability == Durability::Scratch {
            command.arg("--no-sync");
        }
        let output = command.output().await.map_err(Error::file("run", self.programs.path("initdb")))?;
        if !output.status.success() {
            return Err(Error::Program {
                program: "initdb".to_owned(),
                folder: self.settings.folder.clone(),
                output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            });
        }
        std::fs::rename(&partial, self.data()).map_err(Error::file("rename", &partial))
    }

    fn configure(&self) -> Result<()> {
        configuration::write(&self.data(), &self.sockets, self.settings.durability, &self.account, &self.programs)
    }

    /// Adopts the server that runs in the data folder, or starts one.
    async fn bring_up(&mut self) -> Result<()> {
        let data = self.data();
        if let Some(postmaster) = Postmaster::running_in(&data)
            && self.adopt(&postmaster).await?
        {
            tracing::info!(pid = postmaster.pid(), "adopted the PostgreSQL that was left running");
            // A station of another version may have started it, and let others in.
            self.configure()?;
            postmaster.signal(Signal::SIGHUP);
            self.server = Server::Adopted(postmaster);
            return Ok(());
        }
        process::clear_remains(&data).await?;
        self.configure()?;
        self.launch().await
    }

    /// Waits until the server found running answers; false where it ended instead.
    async fn adopt(&mut self, postmaster: &Postmaster) -> Result<bool> {
        let deadline = Instant::now() + START_DEADLINE;
        while postmaster.is_alive() {
            if let Some(sockets) = postmaster.socket_folder() {
                self.sockets = sockets;
            }
            if self.answers().await? {
                return Ok(true);
            }
            if Instant::now() > deadline {
                return Err(Error::Unanswered { pid: postmaster.pid(), folder: self.data() });
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(false)
    }

    async fn launch(&mut self) -> Result<()> {
        let data = self.data();
        let start_log = self.settings.folder.join("start.log");
        let log = std::fs::File::create(&start_log).map_err(Error::file("write", &start_log))?;
        let log_too = log.try_clone().map_err(Error::file("write", &start_log))?;
        let mut child = self
            .command("postgres")
            .arg("-D")
            .arg(&data)
            .current_dir(&data)
            .stdout(log)
            .stderr(log_too)
            .kill_on_drop(false)
            .spawn()
            .map_err(Error::file("run", self.programs.path("postgres")))?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
        let postmaster = Postmaster::new(pid, &data);
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            let ended = child.try_wait().map_err(Error::file("wait for", self.programs.path("postgres")))?;
            if let Some(status) = ended {
                let (program, folder) = ("postgres".to_owned(), self.settings.folder.clone());
                return Err(match status.code() {
                    Some(_) => Error::Program { program, folder, output: configuration::last_words(&start_log, &data) },
                    None => Error::Killed { program, folder },
                });
            }
            if self.answers().await? {
                self.server = Server::Own(child, postmaster);
                return Ok(());
            }
            if Instant::now() > deadline {
                self.server = Server::Own(child, postmaster);
                return Err(Error::Unanswered { pid, folder: data });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Whether the server takes connections; false while it starts or stops.
    async fn answers(&self) -> Result<bool> {
        match tokio::time::timeout(ANSWER_DEADLINE, self.options().database("postgres").connect()).await {
            Err(_elapsed) => Ok(false),
            Ok(Ok(connection)) => {
                connection.close().await?;
                Ok(true)
            }
            Ok(Err(error)) => match Error::from(error) {
                Error::Unavailable(_) => Ok(false),
                other => Err(other),
            },
        }
    }

    /// A program of PostgreSQL as the cluster's account, in a process group of its own, so that Ctrl-C at a terminal
    /// does not reach it before the station has finished with it.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.path(program));
        command.stdin(Stdio::null()).process_group(0).current_dir(&self.settings.folder);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("PG") || name.starts_with("LC_") || name == "LANG") {
                command.env_remove(name);
            }
        }
        self.account.apply(&mut command);
        command
    }
}

/// The folder's path in a few letters, for names that must be short.
fn short_name(folder: &Path) -> String {
    let name = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, folder.as_os_str().as_encoded_bytes());
    name.simple().to_string().chars().take(12).collect()
}
