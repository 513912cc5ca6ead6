//! The private broker: a Mosquitto of the station's own on loopback, for devices of a plant that has no broker yet.
//!
//! The real program from the system's packages, supervised: started, adopted after a crash of the station, started again
//! when it dies, stopped in order. Must not know what is published on it.

mod config;
mod process;

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use penstock_model::{Clock, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::mqtt::{Backoff, MqttSettings, MqttSource};
use crate::{Error, Secret};
use process::{Process, Programs};

/// Where the broker listens: this machine alone can reach it.
pub const HOST: &str = "127.0.0.1";

/// User name of the station at its broker: reads everything.
pub const STATION: &str = "station";

/// User name of the devices: they publish and subscribe, and do not see the broker's own topics.
pub const DEVICE: &str = "device";

/// Ports tried, in order: below those that the operating system gives to outgoing connections.
const PORTS: std::ops::RangeInclusive<u16> = 21_883..=21_982;

/// How long the broker may take to start, and to write its queues down when it is stopped.
const START: Duration = Duration::from_secs(10);
const STOP: Duration = Duration::from_secs(10);

/// Stands for the devices' password where only its hash is known.
pub const UNKNOWN: &str = "<password of the devices>";

/// The passwords of the broker's two accounts, to be kept in the keyring by whoever starts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Of [`STATION`].
    pub station: Secret,
    /// Of [`DEVICE`]; empty where it is not known: the one whose hash the broker's folder keeps then goes on to let
    /// devices in, and there is a new one only where there is no such hash.
    pub device: Secret,
}

impl Credentials {
    /// Two new random passwords.
    ///
    /// # Errors
    /// [`Error::Random`] where the operating system gives no random numbers.
    pub fn generate() -> Result<Self, Error> {
        Ok(Self { station: Secret::generate()?, device: Secret::generate()? })
    }
}

/// A private broker that runs; what supervises it is its [`Keeper`].
#[derive(Debug, Clone)]
pub struct PrivateBroker {
    folder: PathBuf,
    credentials: Credentials,
    port: watch::Receiver<u16>,
    state: watch::Receiver<BrokerState>,
}

/// What the private broker is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerState {
    /// The port it listens on, on [`HOST`].
    pub port: u16,
    /// Whether it runs.
    pub life: Life,
    /// How often it was started again after it had died.
    pub restarts: u64,
    /// Why it died last or could not be started, with the cure.
    pub last_problem: Option<String>,
}

/// Whether the broker runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Life {
    /// It takes connections.
    Up {
        /// Since when this station knows it to.
        since: Timestamp,
        /// Its process id.
        pid: i32,
        /// Whether an earlier station had started it.
        adopted: bool,
    },
    /// It does not run and will be started again.
    Down {
        /// Since when.
        since: Timestamp,
    },
    /// It was stopped in order.
    Stopped,
}

impl PrivateBroker {
    /// Starts the broker whose files are in `folder`, or adopts the one that a killed station left running there.
    ///
    /// The port is the one remembered in the folder, else the first free one; it moves on when somebody else took it. A
    /// broker that runs with other passwords or an older configuration is stopped in order and started anew; what it
    /// keeps for its clients stays.
    ///
    /// # Errors
    /// [`Error::Missing`] names the package to install, [`Error::InUse`] a second station on the same folder; the others
    /// name the file, port or program and the cure.
    pub async fn start(
        folder: impl AsRef<Path>,
        mut credentials: Credentials,
        clock: Clock,
    ) -> Result<(Self, Keeper), Error> {
        let programs = Programs::find()?;
        let folder = config::create_folder(folder.as_ref())?;
        let lock = lock(&folder)?;
        if credentials.device.expose().is_empty() && !keeps_device_password(&folder) {
            credentials.device = Secret::generate()?;
        }
        let mut keeper = Keeper {
            programs,
            user: config::user(&folder),
            port: watch::Sender::new(0),
            state: watch::Sender::new(BrokerState {
                port: 0,
                life: Life::Down { since: clock.now() },
                restarts: 0,
                last_problem: None,
            }),
            folder,
            credentials,
            clock,
            process: None,
            has_run: false,
            _lock: lock,
        };
        keeper.adopt_or_launch().await?;
        let mut credentials = keeper.credentials.clone();
        if credentials.device.expose().is_empty() {
            credentials.device = Secret::new(UNKNOWN);
        }
        let broker = Self {
            folder: keeper.folder.clone(),
            credentials,
            port: keeper.port.subscribe(),
            state: keeper.state.subscribe(),
        };
        Ok((broker, keeper))
    }

    /// The port it listens on now.
    pub fn port(&self) -> u16 {
        *self.port.borrow()
    }

    /// What it is doing, as it changes.
    pub fn state(&self) -> watch::Receiver<BrokerState> {
        self.state.clone()
    }

    /// The passwords of its accounts; [`UNKNOWN`] where the devices' is not known.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Settings with which the station receives everything from it.
    pub fn station_settings(&self, name: &str, client_id: &str) -> MqttSettings {
        MqttSettings { username: Some(STATION.to_owned()), ..MqttSettings::new(name, HOST, self.port(), client_id) }
    }

    /// The station's source on this broker; it follows when the broker moves to another port.
    ///
    /// # Errors
    /// [`Error::Setting`] where `name` or `client_id` cannot be used.
    pub fn source(&self, name: &str, client_id: &str, clock: Clock) -> Result<MqttSource, Error> {
        let password = self.credentials.station.clone();
        let source = MqttSource::new(self.station_settings(name, client_id), Some(password), clock)?;
        Ok(source.following(self.port.clone()).remembering(self.folder.join("session")))
    }

    /// A whole command that publishes one reading as a device, password included: for the screen, never for a log. With
    /// [`UNKNOWN`] in its place where it is not known.
    pub fn publish_example(&self) -> String {
        let password = match self.credentials.device.expose() {
            UNKNOWN => format!("'{UNKNOWN}'"),
            known => known.to_owned(),
        };
        format!(
            "mosquitto_pub -h {HOST} -p {} -u {DEVICE} -P {password} -q 1 -t jjm/sensors/S0001/data \
             -m '{{\"sensor_id\":\"S0001\",\"type\":\"flow\",\"value\":250.5}}'",
            self.port()
        )
    }
}

/// Supervises a private broker; one at a time for each folder.
///
/// Dropped without [`Keeper::run`] having ended, it leaves the broker running, to be adopted by the next one.
pub struct Keeper {
    programs: Programs,
    folder: PathBuf,
    user: config::User,
    credentials: Credentials,
    clock: Clock,
    port: watch::Sender<u16>,
    state: watch::Sender<BrokerState>,
    process: Option<Process>,
    /// From then on a start is a restart.
    has_run: bool,
    _lock: Flock<std::fs::File>,
}

impl Keeper {
    /// Keeps the broker running until `shutdown`, then stops it in order: what it keeps for its clients is on disk.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut backoff = Backoff::new();
        loop {
            let begun = Instant::now();
            let cause = match &mut self.process {
                Some(process) => tokio::select! {
                    () = shutdown.cancelled() => break,
                    cause = process.ended() => cause,
                },
                None => tokio::select! {
                    () = shutdown.cancelled() => break,
                    launched = self.launch() => match launched {
                        Ok(()) => continue,
                        Err(error) => error.to_string(),
                    },
                },
            };
            self.process = None;
            if begun.elapsed() > START {
                backoff.reset();
            }
            let wait = backoff.next();
            tracing::warn!(cause, wait_secs = wait.as_secs_f64(), "the private broker does not run; starting it again");
            let since = self.clock.now();
            self.state.send_modify(|state| {
                state.life = Life::Down { since };
                state.last_problem = Some(cause);
            });
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = sleep(wait) => {}
            }
        }
        self.stop().await;
    }

    async fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.stop(STOP).await;
        } else if let Some(process) = Process::find(&self.folder) {
            // The shutdown came while it was being started.
            process.stop(STOP).await;
        }
        self.state.send_modify(|state| state.life = Life::Stopped);
    }

    async fn adopt_or_launch(&mut self) -> Result<(), Error> {
        if let Some(process) = Process::find(&self.folder) {
            if let Some(port) = self.adoptable().await {
                tracing::info!(port, pid = process.pid(), "adopted the private broker of an earlier run");
                self.up(port, process, true);
                return Ok(());
            }
            tracing::info!(
                pid = process.pid(),
                "the private broker runs with other passwords or settings: starting anew"
            );
            process.stop(STOP).await;
        }
        self.write_accounts().await?;
        self.launch().await
    }

    /// The port of the running broker, where it has this configuration and lets both accounts in.
    async fn adoptable(&self) -> Option<u16> {
        let port = config::remembered_port(&self.folder)?;
        if !config::is_written(&self.folder, &self.user, port) {
            return None;
        }
        let device = &self.credentials.device;
        let answers = async {
            let station = knock(port, STATION, &self.credentials.station).await;
            station.is_ok() && (device.expose().is_empty() || knock(port, DEVICE, device).await.is_ok())
        };
        answers.await.then_some(port)
    }

    async fn write_accounts(&self) -> Result<(), Error> {
        let path = self.folder.join(config::PASSWORDS);
        let Credentials { station, device } = &self.credentials;
        let kept = match device.expose().is_empty() {
            true => config::kept_account(&self.folder, DEVICE).unwrap_or_default(),
            false => String::new(),
        };
        config::write(&path, &kept, &self.user)?;
        self.programs.set_password(&path, STATION, station).await?;
        if !device.expose().is_empty() {
            self.programs.set_password(&path, DEVICE, device).await?;
        }
        // The program writes a new file.
        config::hand_over(&path, 0o600, &self.user)
    }

    /// Starts the broker and waits until it takes connections.
    async fn launch(&mut self) -> Result<(), Error> {
        let no_port = || Error::NoPort { first: *PORTS.start(), last: *PORTS.end() };
        let remembered = config::remembered_port(&self.folder);
        for port in remembered.into_iter().chain(PORTS).filter(|port| is_free(*port)) {
            config::write_all(&self.folder, &self.user, port)?;
            let mut process = self.programs.spawn(&self.folder)?;
            let answered = tokio::select! {
                answered = answers(port, &self.credentials.station, &self.folder) => answered,
                cause = process.ended() => Err(Error::Program { program: "mosquitto", cause }),
            };
            match answered {
                Ok(()) => {
                    tracing::info!(port, pid = process.pid(), "the private broker runs");
                    self.up(port, process, false);
                    return Ok(());
                }
                // Somebody was quicker to take the port: the next one.
                Err(Error::Program { .. }) if !is_free(port) => {}
                Err(error) => {
                    process.stop(STOP).await;
                    return Err(error);
                }
            }
        }
        Err(no_port())
    }

    fn up(&mut self, port: u16, process: Process, adopted: bool) {
        let life = Life::Up { since: self.clock.now(), pid: process.pid(), adopted };
        self.process = Some(process);
        self.port.send_if_modified(|told| std::mem::replace(told, port) != port);
        let is_restart = std::mem::replace(&mut self.has_run, true);
        self.state.send_modify(|state| {
            state.port = port;
            state.life = life;
            state.restarts += u64::from(is_restart);
        });
    }
}

/// Whether the broker in `folder` lets devices in with a password of an earlier run, whose hash it keeps.
pub fn keeps_device_password(folder: &Path) -> bool {
    config::kept_account(folder, DEVICE).is_some()
}

fn lock(folder: &Path) -> Result<Flock<std::fs::File>, Error> {
    let path = folder.join("lock");
    let file = std::fs::File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|cause| Error::File { action: "open", path, cause })?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_file, _errno)| Error::InUse(folder.to_owned()))
}

fn is_free(port: u16) -> bool {
    std::net::TcpListener::bind((HOST, port)).is_ok()
}

/// Waits until the broker lets the station in.
async fn answers(port: u16, password: &Secret, folder: &Path) -> Result<(), Error> {
    let deadline = Instant::now() + START;
    loop {
        match knock(port, STATION, password).await {
            Ok(()) => return Ok(()),
            Err(cause) if Instant::now() >= deadline => {
                return Err(Error::Silent { port, cause, log: folder.join(config::LOG) });
            }
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Connects once, to see whether the broker lets this account in.
async fn knock(port: u16, account: &str, password: &Secret) -> Result<(), String> {
    let client_id = format!("penstock-knock-{:08x}", getrandom::u32().unwrap_or_default());
    let mut options = rumqttc::MqttOptions::new(client_id, HOST, port);
    options.set_credentials(account, password.expose());
    let (client, mut events) = rumqttc::AsyncClient::new(options, 1);
    match timeout(Duration::from_secs(2), events.poll()).await {
        Ok(Ok(_connack)) => {
            // Without the goodbye the broker would log a broken connection.
            if client.try_disconnect().is_ok() {
                timeout(Duration::from_secs(1), events.poll()).await.ok();
            }
            Ok(())
        }
        Ok(Err(cause)) => Err(cause.to_string()),
        Err(_elapsed) => Err("no answer within 2 s".to_owned()),
    }
}
