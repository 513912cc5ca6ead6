//! Hosting a station: prepared, started together with its gateway, and stopped in order.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use penstock_gateway::{Assets, Gateway};
use penstock_model::Clock;
use penstock_station::instance::{self, Instance, Running, Turn};
use penstock_station::notices::RecentLog;
use penstock_station::secrets::Secrets;
use penstock_station::settings::{self, Loaded};
use penstock_station::{Options, Station, Waiting};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::logs;

/// How long a start that came first may take to say where its screens are, and how often that is looked for.
const FIRST: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(100);

/// Who runs the station on a data folder.
pub(crate) enum Host {
    /// This process is to start it, and it alone until the turn is let go.
    Here(Option<Turn>),
    /// Another process; without an address where it did not say in time where its screens are.
    Elsewhere(Running),
}

/// Finds out who runs the station on `data`. Waits while another process is just starting it.
pub(crate) fn who(data: &Path) -> Host {
    let begun = Instant::now();
    loop {
        let pid = match Turn::take(data) {
            Ok(Some(turn)) => match Instance::take(data) {
                Ok(_free) => return Host::Here(Some(turn)),
                Err(penstock_station::Error::Running { pid, .. }) => {
                    if let Some(running) = instance::find(data).filter(|running| running.ready) {
                        return Host::Elsewhere(running);
                    }
                    pid
                }
                // Told by the start itself, with its cure.
                Err(_) => return Host::Here(Some(turn)),
            },
            Ok(None) => 0,
            Err(_) => return Host::Here(None),
        };
        if begun.elapsed() > FIRST {
            return Host::Elsewhere(Running { pid, address: String::new(), broker_port: None, ready: false });
        }
        std::thread::sleep(GLANCE);
    }
}

/// Reads the settings and starts the log.
pub(crate) fn prepare(data: &Path) -> anyhow::Result<(Loaded, RecentLog)> {
    let loaded = settings::load(data, std::env::vars())?;
    let log = RecentLog::new(Clock::System);
    logs::start(&loaded.settings.log, log.clone())?;
    for name in &loaded.overridden {
        tracing::info!(name, "a setting comes from the environment");
    }
    Ok((loaded, log))
}

/// A station with its gateway.
pub(crate) struct Hosted {
    pub(crate) station: Station,
    pub(crate) address: String,
    gateway: tokio::task::JoinHandle<()>,
    stop: CancellationToken,
}

impl Hosted {
    /// Starts the station and serves its screens; lets the turn go when others can find it. `interrupt` ends a start
    /// that waits for its database, and `waiting` is told what it waits for.
    pub(crate) async fn start(
        data: PathBuf,
        settings: Loaded,
        log: RecentLog,
        turn: Option<Turn>,
        interrupt: CancellationToken,
        waiting: watch::Sender<Option<Waiting>>,
    ) -> anyhow::Result<Self> {
        let listen = settings.settings.gateway.listen.clone();
        // Bound first: an address that is taken should not cost a start of the database.
        let gateway = Gateway::bind(&listen).await?;
        let address = format!("http://{}/", gateway.address());
        let scope = data.display().to_string();
        let secrets = tokio::task::spawn_blocking(move || Secrets::open(&scope, std::env::vars())).await?;
        let assets: Arc<dyn Assets> = Arc::new(Embedded::load());
        // A database that stays away should not leave those who look for the station without a word.
        let starting = CancellationToken::new();
        let telling = gateway.starting()?.serve(waiting.subscribe(), Arc::clone(&assets), starting.clone());
        tokio::spawn(async move {
            if let Err(error) = telling.await {
                tracing::warn!(%error, "browsers cannot be told what the start waits for");
            }
        });
        let until_started = starting.drop_guard();
        let options = Options { data, settings, clock: Clock::System, log, secrets, stop: interrupt, waiting };
        let station = Station::start(options).await?;
        drop(until_started);
        let stop = CancellationToken::new();
        let serving = gateway.serve(station.clone(), assets, stop.clone());
        let gateway = tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "browsers cannot reach the station any more");
            }
        });
        if let Err(error) = station.announce(&address) {
            stop.cancel();
            station.stop().await;
            return Err(error.into());
        }
        drop(turn);
        Ok(Self { station, address, gateway, stop })
    }

    /// Stops the gateway and then the station.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        let late = tokio::time::timeout(Duration::from_secs(3), self.gateway).await.is_err();
        if late {
            tracing::info!("a browser did not let go in time");
        }
        self.station.stop().await;
    }
}

/// Runs without a window until it is told to stop.
pub(crate) async fn serve(data: PathBuf, settings: Loaded, log: RecentLog, turn: Option<Turn>) -> anyhow::Result<()> {
    let mut interrupted = Interrupted::listen()?;
    let interrupt = CancellationToken::new();
    let mut start =
        std::pin::pin!(Hosted::start(data, settings, log, turn, interrupt.clone(), watch::Sender::new(None)));
    let started = tokio::select! {
        hosted = start.as_mut() => Some(hosted?),
        () = interrupted.wait() => None,
    };
    let hosted = match started {
        Some(hosted) => {
            let address = &hosted.address;
            logs::say(&format!("Penstock runs: open {address} in a browser on this machine. Ctrl-C stops it."));
            interrupted.wait().await;
            hosted
        }
        None => {
            // A start that is dropped half way would leave the database and the broker running.
            logs::say("Stopping when the start is through");
            interrupt.cancel();
            match start.await {
                Ok(hosted) => hosted,
                Err(error) if is_interrupted(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    };
    logs::say("Stopping: sources, spool, database, broker");
    hosted.stop().await;
    Ok(())
}

/// Whether a start only ended because it was told to.
fn is_interrupted(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<penstock_station::Error>(), Some(penstock_station::Error::Interrupted))
}

/// Ctrl-C, and the signal that asks a service to end.
pub(crate) struct Interrupted {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Interrupted {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
                .context("cannot listen for the signal to end")?,
        })
    }

    pub(crate) async fn wait(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        drop(tokio::signal::ctrl_c().await);
    }
}

/// The screens as they are embedded for the window: browsers get the same.
struct Embedded(Box<dyn tauri::Assets<tauri::Wry>>);

impl Embedded {
    fn load() -> Self {
        let mut context = crate::window::context();
        Self(context.set_assets(Box::new(Nothing)))
    }
}

impl Assets for Embedded {
    fn get(&self, path: &str) -> Option<Vec<u8>> {
        self.0.get(&path.into()).map(std::borrow::Cow::into_owned)
    }
}

/// What is left in a context after its assets were taken out.
struct Nothing;

impl tauri::Assets<tauri::Wry> for Nothing {
    fn get(&self, _: &tauri::utils::assets::AssetKey) -> Option<std::borrow::Cow<'_, [u8]>> {
        None
    }

    fn iter(&self) -> Box<tauri::utils::assets::AssetsIter<'_>> {
        Box::new(std::iter::empty())
    }

    fn csp_hashes(
        &self,
        _: &tauri::utils::assets::AssetKey,
    ) -> Box<dyn Iterator<Item = tauri::utils::assets::CspHash<'_>> + '_> {
        Box::new(std::iter::empty())
    }
}
