//! The running station: what it starts, in which order, what it watches, and how it stops without losing anything.
//!
//! Every shell holds one of these. Must not know shells.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use penstock_anomaly::{Detector, Fleet, SNAPSHOT_VERSION, Snapshot};
use penstock_api::{ApiError, Code, StationStatus};
use penstock_model::{Clock, OperatorPosition, Permission, PointNo, Sample, TenantId, Timestamp};
use penstock_sources::broker::{Credentials, Keeper, PrivateBroker, keeps_device_password};
use penstock_sources::mqtt::MqttSettings;
use penstock_sources::{Received, Secret, SourceState};
use penstock_spool::{Seq, Spool};
use penstock_store::{
    Cluster, ClusterEvent, ClusterSettings, ConnectOptions, Delivery, DetectorModel, Reader, Store, Writer,
};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::calls::Analyses;
use crate::clock::ClockWatch;
use crate::configuration::{KnownBaseline, count, load_register};
use crate::cures;
use crate::demo::Demo;
use crate::exports::{Exports, Taken};
use crate::floods;
use crate::housekeeping;
use crate::instance::{Instance, Running};
use crate::live::{Feed, Live};
use crate::notices::{Notices, RecentLog};
use crate::patience::{Patience, Waiting};
use crate::pipeline::resume::{self, Resumed};
use crate::pipeline::{self, Counters, Order, Pipeline, Start};
use crate::positions::Positions;
use crate::register::Register;
use crate::secrets::Secrets;
use crate::sessions::Sessions;
use crate::settings::{BrokerSettings, LOCAL_SOURCE, Loaded, PlantSettings, PrivateBrokerSettings, Settings};
use crate::spooler::spooler;
use crate::tiles::Tiles;
use crate::trials::Trials;
use crate::ways_in::{WaysIn, mqtt_settings};
use crate::writer::{Copier, DatabaseWatch};

/// How long what is taken in may take to reach the spool, and the spool's content the database, when stopping.
const DRAIN: Duration = Duration::from_secs(10);
/// How long the detectors' state is waited for when stopping.
const LAST_SNAPSHOT: Duration = Duration::from_secs(3);
/// Bytes of one file of the spool, and those that only what people do may take.
const SEGMENT_BYTES: u64 = 16 << 20;
/// From this bound on, two segments more are little: less, and they stand for room that samples need.
const LEAST_AHEAD_BYTES: u64 = 64 * SEGMENT_BYTES;
const RESERVED_BYTES: u64 = 64 << 20;
/// What the spool may take on the smallest disk: less holds no file of it.
const LEAST_SPOOL_BYTES: u64 = 64 << 20;
/// How often detectors' states are kept.
const SNAPSHOT: Duration = Duration::from_secs(300);

/// What a station is started with.
pub struct Options {
    /// The folder it keeps everything in.
    pub data: PathBuf,
    /// Its settings.
    pub settings: Loaded,
    /// Present time.
    pub clock: Clock,
    /// The newest warnings of the log.
    pub log: RecentLog,
    /// Its secrets.
    pub secrets: Secrets,
    /// Ends a start that waits for its database; one that is through ends by [`Station::stop`].
    pub stop: CancellationToken,
    /// Told what a start waits for, for as long as it does.
    pub waiting: watch::Sender<Option<Waiting>>,
}

/// A running station. Clones are the same one.
#[derive(Clone)]
pub struct Station {
    pub(crate) shared: Arc<Shared>,
}

/// What calls work with.
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) since: Timestamp,
    pub(crate) tenant: TenantId,
    pub(crate) settings: Mutex<Loaded>,
    pub(crate) secrets: Secrets,
    /// For changes, for what the station itself needs, and for signing in.
    pub(crate) store: Store,
    /// The same as screens read it: whatever is read for a person.
    pub(crate) screens: Reader,
    pub(crate) database: DatabaseWatch,
    pub(crate) spool: Arc<Spool>,
    pub(crate) register: Arc<Register>,
    pub(crate) live: Arc<Live>,
    pub(crate) notices: Notices,
    pub(crate) log: RecentLog,
    pub(crate) counters: Arc<Counters>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) positions: Arc<Positions>,
    pub(crate) demo: Demo,
    pub(crate) exports: Exports,
    pub(crate) analyses: Analyses,
    pub(crate) baseline: KnownBaseline,
    pub(crate) trials: Trials,
    /// Nobody has an account of their own yet.
    pub(crate) first_start: AtomicBool,
    pub(crate) tiles: Tiles,
    pub(crate) orders: mpsc::Sender<Order>,
    pub(crate) ways_in: WaysIn,
    pub(crate) broker: Option<PrivateBroker>,
    /// One change of configuration at a time.
    pub(crate) changing: tokio::sync::Mutex<()>,
    /// How often in a row the historian's house could not be kept, by what.
    pub(crate) house_failures: Mutex<BTreeMap<&'static str, u32>>,
    /// Told when an archive is set.
    pub(crate) archive_is_set: Notify,
    /// The archive in use is not the one that is set any more.
    pub(crate) archive_waits: AtomicBool,
    /// Let go when the station has stopped.
    instance: Mutex<Option<Instance>>,
    running: Mutex<Option<Parts>>,
}

/// The parts that stopping takes apart, in order.
struct Parts {
    pipeline: JoinHandle<()>,
    keeping: JoinHandle<()>,
    spooler: JoinHandle<()>,
    copier: JoinHandle<()>,
    rest: JoinSet<()>,
    cluster: JoinHandle<Cluster>,
    keeper: Option<JoinHandle<()>>,
    stop_pipeline: CancellationToken,
    stop_copier: CancellationToken,
    stop_rest: CancellationToken,
    stop_cluster: CancellationToken,
    stop_broker: CancellationToken,
    cut: CancellationToken,
}

impl Station {
    /// Starts a station: its database and broker, then what a former run left in the spool, then plant and alarms as
    /// they were, and only then the ways in. A database that is away is waited for.
    ///
    /// # Errors
    /// [`Error::Running`] where one runs on this data already, [`Error::Interrupted`]; the others name what is missing
    /// or wrong, with the cure.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let Options { data, settings: loaded, clock, log, secrets, stop, waiting } = options;
        let settings = loaded.settings.clone();
        let instance = Instance::take(&data)?;
        let notices = Notices::new(clock.clone());
        let tenant = tenant_of(&data, &settings.plant, &clock)?;
        let patience = Patience { clock: clock.clone(), notices: notices.clone(), waiting, stop };

        let of_database = ClusterSettings::new(data.join("database"));
        let start_cluster = || {
            let starting = Cluster::start(of_database.clone());
            async move { starting.await.map_err(Error::from) }
        };
        let (cluster, broker) = tokio::join!(
            patience.until_done("starting the database", start_cluster),
            start_broker(&data, &settings.broker, &secrets, &clock),
        );
        let mut cluster = cluster?;
        let (broker, keeper) = match broker? {
            Some((broker, keeper)) => (Some(broker), Some(keeper)),
            None => (None, None),
        };
        let database_options = cluster.options();
        let stop_cluster = CancellationToken::new();
        // Watched from here on: what dies while the rest of the start needs it is started again.
        let cluster = {
            let (stop, notices) = (stop_cluster.clone(), notices.clone());
            tokio::spawn(async move {
                cluster.watch(stop.cancelled(), |event| tell_of_cluster(&notices, event)).await;
                cluster
            })
        };
        let begun = Begun::begin(&data, &settings, tenant, &database_options, &patience).await;
        let begun = match begun {
            Ok(begun) => begun,
            Err(error) => {
                stop_cluster.cancel();
                stop_database(cluster).await;
                if let Some(keeper) = keeper {
                    let at_once = CancellationToken::new();
                    at_once.cancel();
                    keeper.run(at_once).await;
                }
                return Err(error);
            }
        };
        let Begun { store, screens, spool, appended, counters, database, demo, tiles, found } = begun;

        let register = Arc::new(found.register);
        let live = Live::new(clock.clone(), settings.live.tick());
        live.set_register(register.lock().version);
        let (spooler, spooler_task) = spooler(Arc::clone(&spool), notices.clone(), Arc::clone(&appended));
        let (moments, newest_moment) = watch::channel(Vec::new());
        let keeping = tokio::spawn(resume::keep(data.clone(), newest_moment));
        let (topologies_in, topologies) = mpsc::channel(1);
        let placed = Arc::clone(&register);
        // Where that fails, the one who follows the plant tries again.
        let (laid, topology) =
            tokio::task::spawn_blocking(move || floods::topology_of(&placed)).await.unwrap_or_default();
        let mut rest = JoinSet::new();
        rest.spawn(floods::follow_plant(Arc::clone(&register), laid, topologies_in));
        let pipeline = Pipeline::new(Start {
            clock: clock.clone(),
            tenant,
            register: Arc::clone(&register),
            live: Arc::clone(&live),
            notices: notices.clone(),
            counters: Arc::clone(&counters),
            spooler,
            alarms: found.alarms,
            moments,
            topology,
            topologies,
            latest: found.latest,
            comments: settings.alarm_comments,
            deliveries: found.deliveries,
            fleet: found.fleet,
            journal_seq: found.journal_seq,
        });

        let (messages_in, messages) = mpsc::channel::<Received>(pipeline::QUEUE);
        let (orders, orders_out) = mpsc::channel(64);
        let ways_in = WaysIn::new(clock.clone(), sessions_folder(&data), messages_in);
        let copier = Copier {
            clock: clock.clone(),
            spool: Arc::clone(&spool),
            appended,
            store: store.clone(),
            tenant,
            register: Some(Arc::clone(&register)),
            notices: notices.clone(),
            counters: Arc::clone(&counters),
            watch: database.clone(),
        };

        let tokens: [CancellationToken; 5] = std::array::from_fn(|_| CancellationToken::new());
        let [stop_pipeline, stop_copier, stop_rest, stop_broker, cut] = tokens;
        let copying = copier.run(stop_copier.clone(), cut.clone());
        let parts = Parts {
            pipeline: tokio::spawn(pipeline.run(messages, orders_out, stop_pipeline.clone())),
            keeping,
            spooler: tokio::spawn(spooler_task.run(cut.clone())),
            copier: tokio::spawn(async move {
                if let Err(error) = copying.await {
                    tracing::warn!(%error, "the database did not take all of the spool; the next start goes on");
                }
            }),
            rest,
            cluster,
            keeper: keeper.map(|keeper| tokio::spawn(keeper.run(stop_broker.clone()))),
            stop_pipeline,
            stop_copier,
            stop_rest: stop_rest.clone(),
            stop_cluster,
            stop_broker,
            cut,
        };
        let idle = Duration::from_secs(settings.station.session_idle_mins * 60);
        let sessions = Arc::new(Sessions::new(clock.clone(), idle));
        let shared = Arc::new(Shared {
            since: clock.now(),
            first_start: AtomicBool::new(!found.has_admin),
            positions: Positions::new(Arc::clone(&live), Arc::clone(&sessions), found.positions),
            sessions,
            tiles,
            settings: Mutex::new(loaded),
            running: Mutex::new(Some(parts)),
            changing: tokio::sync::Mutex::new(()),
            house_failures: Mutex::default(),
            archive_is_set: Notify::new(),
            archive_waits: AtomicBool::new(false),
            clock,
            tenant,
            secrets,
            screens,
            store,
            database,
            spool,
            register,
            live,
            notices,
            log,
            counters,
            demo,
            exports: Exports::default(),
            analyses: Analyses::default(),
            baseline: KnownBaseline::default(),
            trials: Trials::default(),
            orders,
            ways_in,
            broker,
            instance: Mutex::new(Some(instance)),
        });
        let station = Self { shared };
        station.start_sources().await;
        station.start_rest(&stop_rest);
        station.shared.refresh_status(0.0);
        Ok(station)
    }

    /// Tells those who look for this station where its screens are.
    ///
    /// # Errors
    /// Where the note cannot be written.
    pub fn announce(&self, address: &str) -> Result<(), Error> {
        let instance = self.shared.instance.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(instance) = instance.as_ref() else { return Ok(()) };
        instance.tell(&Running {
            pid: std::process::id(),
            address: address.to_owned(),
            broker_port: self.shared.broker.as_ref().map(PrivateBroker::port),
            ready: true,
        })
    }

    /// The live feed of a session: the positions that it holds are attended as long as the feed lives.
    ///
    /// # Errors
    /// [`Code::SignedOut`] without a session, [`Code::Forbidden`] without the permission to see.
    pub fn follow(&self, token: &str) -> Result<Feed, ApiError> {
        let holder = self.shared.sessions.check(token)?;
        if !holder.permissions.allow(Permission::See) {
            return Err(ApiError::new(Code::Forbidden, "your roles do not let you see the plant"));
        }
        let attendance = self.shared.positions.attend(token);
        Ok(self.shared.live.follow().attended(attendance))
    }

    /// Counts a followed feed as use of its session.
    ///
    /// # Errors
    /// [`Code::SignedOut`] where the session has ended.
    pub fn touch(&self, token: &str) -> Result<(), ApiError> {
        self.shared.sessions.check(token).map(|_| ())
    }

    /// A tile of the map.
    ///
    /// # Errors
    /// [`Code::NotFound`] while tiles are off or outside the world, [`Code::Away`] where it cannot be had.
    pub async fn tile(&self, z: u8, x: u32, y: u32) -> Result<Vec<u8>, ApiError> {
        let map = self.shared.settings().settings.map.clone();
        if !map.tiles {
            return Err(ApiError::new(Code::NotFound, "map tiles are off: an admin can turn them on under Settings"));
        }
        self.shared.tiles.get(&map.tile_url, z, x, y).await
    }

    /// A file that a call made ready, once; inside a runtime.
    ///
    /// # Errors
    /// [`Code::NotFound`] for a ticket that is unknown, used or too old.
    pub fn take_export(&self, ticket: &str) -> Result<Taken, ApiError> {
        Taken::new(&self.shared.exports, &self.shared.screens, &self.shared.register, ticket)
    }

    /// Stops in order: sources first, then what they handed over is worked on, spooled and copied, then detectors'
    /// states are kept, then database and broker end. Says what it does.
    pub async fn stop(&self) {
        let parts = self.shared.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut parts) = parts else { return };
        tracing::info!("stopping: sources");
        // A pipeline that waits for room in a full spool does not answer.
        let snapshot = self.shared.ask(|reply| Order::Snapshot { reply });
        let snapshot = tokio::time::timeout(LAST_SNAPSHOT, snapshot).await.ok().and_then(Result::ok);
        self.shared.ways_in.stop_all().await;
        tracing::info!("stopping: pipeline and spool");
        parts.stop_pipeline.cancel();
        late("pipeline", tokio::time::timeout(DRAIN, parts.pipeline).await);
        late("spool", tokio::time::timeout(DRAIN, parts.spooler).await);
        late("alarms", tokio::time::timeout(DRAIN, parts.keeping).await);
        tracing::info!("stopping: copying the rest into the database");
        parts.stop_copier.cancel();
        late("copying", tokio::time::timeout(DRAIN, parts.copier).await);
        parts.cut.cancel();
        if let Some(snapshot) = snapshot {
            self.shared.keep_fleet(snapshot).await;
        }
        parts.stop_rest.cancel();
        parts.rest.shutdown().await;
        self.shared.screens.close().await;
        self.shared.store.close().await;
        tracing::info!("stopping: database and broker");
        parts.stop_cluster.cancel();
        stop_database(parts.cluster).await;
        parts.stop_broker.cancel();
        if let Some(keeper) = parts.keeper {
            late("broker", tokio::time::timeout(DRAIN * 2, keeper).await);
        }
        drop(self.shared.instance.lock().unwrap_or_else(PoisonError::into_inner).take());
        tracing::info!("stopped");
    }

    async fn start_sources(&self) {
        let shared = &self.shared;
        let client_id = format!("penstock-{}", shared.tenant.0.simple().to_string().get(..12).unwrap_or_default());
        if let Some(broker) = &shared.broker {
            match broker.source(LOCAL_SOURCE, &client_id, shared.clock.clone()) {
                Ok(source) => {
                    shared.ways_in.start(broker.station_settings(LOCAL_SOURCE, &client_id), source).await;
                }
                Err(error) => shared.notices.set("broker", "source", error.to_string(), "see the log"),
            }
        }
        let brokers = shared.settings().settings.brokers.clone();
        for broker in &brokers {
            if let Err(error) = shared.start_broker_source(broker).await {
                let part = format!("source {}", broker.name);
                shared.notices.set(&part, "settings", error.to_string(), "correct it under Settings");
            }
        }
    }

    /// Tasks that only look after things.
    fn start_rest(&self, stop: &CancellationToken) {
        let mut running = self.shared.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(parts) = running.as_mut() else { return };
        let (shared, token) = (Arc::clone(&self.shared), stop.clone());
        parts.rest.spawn(async move {
            let mut every = tokio::time::interval(Duration::from_secs(1));
            let mut before = shared.counters.samples.load(Ordering::Relaxed);
            let mut at = tokio::time::Instant::now();
            let mut clock = ClockWatch::new(&shared.clock);
            loop {
                tokio::select! {
                    () = token.cancelled() => return,
                    _ = every.tick() => {}
                }
                let (samples, now) = (shared.counters.samples.load(Ordering::Relaxed), tokio::time::Instant::now());
                let secs = now.duration_since(at).as_secs_f64().max(0.001);
                shared.refresh_status((samples - before) as f64 / secs);
                clock.look(&shared.clock, &shared.notices);
                (before, at) = (samples, now);
            }
        });
        parts.rest.spawn(housekeeping::run(Arc::clone(&self.shared), stop.clone()));
        parts.rest.spawn(cures::run(Arc::clone(&self.shared), stop.clone()));
        let (shared, token) = (Arc::clone(&self.shared), stop.clone());
        parts.rest.spawn(async move {
            loop {
                tokio::select! {
                    () = token.cancelled() => return,
                    () = tokio::time::sleep(SNAPSHOT) => {}
                }
                if let Ok(snapshot) = shared.ask(|reply| Order::Snapshot { reply }).await {
                    shared.keep_fleet(snapshot).await;
                }
            }
        });
    }
}

impl Shared {
    pub(crate) fn settings(&self) -> MutexGuard<'_, Loaded> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the pipeline and waits for its answer.
    pub(crate) async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T, ApiError> {
        let stopping = || ApiError::new(Code::Away, "the station is stopping: try again after its restart");
        let (reply, answer) = oneshot::channel();
        self.orders.send(order(reply)).await.map_err(|_stopped| stopping())?;
        answer.await.map_err(|_stopped| stopping())
    }

    /// Starts, or starts anew, the source of a broker beside the station's own.
    pub(crate) async fn start_broker_source(&self, broker: &BrokerSettings) -> Result<(), Error> {
        let routes = pipeline::compile_routes(&broker.routes)
            .map_err(|problem| Error::Route { broker: broker.name.clone(), problem })?;
        let settings = self.mqtt_settings(broker);
        let source = self.ways_in.source(settings.clone(), self.broker_password(&broker.name).await?)?;
        let order = Order::Routes { source: broker.name.clone(), routes: Arc::new(routes) };
        if self.orders.send(order).await.is_err() {
            return Ok(()); // stopping
        }
        self.ways_in.start(settings, source).await;
        Ok(())
    }

    pub(crate) fn mqtt_settings(&self, broker: &BrokerSettings) -> MqttSettings {
        let of_tenant = self.tenant.0.simple().to_string();
        mqtt_settings(broker, format!("penstock-{}-{}", of_tenant.get(..12).unwrap_or_default(), broker.name))
    }

    pub(crate) async fn broker_password(&self, broker: &str) -> Result<Option<Secret>, Error> {
        let (secrets, name) = (self.secrets.clone(), secret_name(broker));
        let found = tokio::task::spawn_blocking(move || secrets.get(&name)).await;
        let found = found.map_err(|error| Error::SetUp(error.to_string()))??;
        Ok(found.map(|password| Secret::new(password.as_str())))
    }

    fn refresh_status(&self, samples_per_sec: f64) {
        let states = self.ways_in.states();
        for (settings, state) in &states {
            let part = format!("source {}", settings.name);
            match &state.last_problem {
                Some(problem) if !state.is_connected() => {
                    self.notices.set(&part, "link", problem.message.clone(), problem.cure.clone());
                }
                _ => self.notices.clear(&part, "link"),
            }
            self.tell_of_losses(&part, settings, state);
        }
        self.live.set_status(self.status_at(samples_per_sec));
    }

    /// What a source says was lost on the way to it stands until the next start: somebody has to know.
    fn tell_of_losses(&self, part: &str, settings: &MqttSettings, state: &SourceState) {
        if let Some(dropped) = state.dropped_by_broker.filter(|dropped| *dropped > 0) {
            self.notices.set(
                part,
                "dropped",
                format!("the broker says that it dropped {dropped} messages, for one of its clients"),
                "raise max_queued_messages and max_inflight_messages in the broker's configuration",
            );
        }
        if state.lost_sessions > 0 {
            self.notices.set(
                part,
                "session",
                format!(
                    "{} times the broker had forgotten what it kept for this station: what was sent meanwhile is lost",
                    state.lost_sessions
                ),
                "let the broker keep sessions on disk (for Mosquitto: persistence true, autosave_interval 1)",
            );
        }
        if state.over_limit > 0 {
            self.notices.set(
                part,
                "over-limit",
                format!(
                    "{} messages were over {} KiB and were not read; their beginnings are kept below",
                    state.over_limit,
                    settings.packet_limit_bytes >> 10
                ),
                "let the device send several messages",
            );
        }
        if state.broken_topics > 0 {
            self.notices.set(
                part,
                "broken-topic",
                format!(
                    "{} messages had a topic that is not UTF-8 and were not read; they are kept below",
                    state.broken_topics
                ),
                "find the device by what is left of the topic, and correct it",
            );
        }
    }

    /// How the station is.
    pub(crate) fn status(&self) -> StationStatus {
        self.live.status().unwrap_or_else(|| self.status_at(0.0))
    }

    fn status_at(&self, samples_per_sec: f64) -> StationStatus {
        let states = self.ways_in.states();
        let stats = self.spool.stats();
        StationStatus {
            samples_per_sec,
            queue: self.counters.queue.load(Ordering::Relaxed),
            spool_bytes: stats.disk_bytes,
            spool_waiting: stats.waiting,
            database: self.database.state(),
            sources_up: count(states.iter().filter(|(_, state)| state.is_connected()).count()),
            sources_total: count(states.len()),
            notices: self.notices.count(),
        }
    }

    async fn keep_fleet(&self, snapshot: Snapshot) {
        let (kind, fitted_at) = (detector_kind(snapshot.version), self.clock.now());
        let encoded = tokio::task::spawn_blocking(move || -> Result<Vec<DetectorModel>, postcard::Error> {
            let model = |(point, detector): &(PointNo, Detector)| {
                let model = postcard::to_stdvec(detector)?;
                Ok(DetectorModel { point: *point, detector: kind.clone(), fitted_at, model })
            };
            snapshot.detectors.iter().map(model).collect()
        });
        let outcome = match encoded.await {
            Ok(Ok(models)) => self.store.save_models(&models).await.map_err(|error| error.to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = outcome {
            tracing::warn!(error, "the detectors' state could not be kept; after a restart they learn anew");
        }
    }
}

/// The kind that detectors' states are kept under: one of another version is not read.
fn detector_kind(version: u16) -> String {
    format!("residual/{version}")
}

/// The name that a broker's password is kept under.
pub(crate) fn secret_name(broker: &str) -> String {
    format!("broker-{broker}")
}

fn late(what: &str, outcome: Result<Result<(), tokio::task::JoinError>, tokio::time::error::Elapsed>) {
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(what, %error, "a task failed while stopping"),
        Err(_elapsed) => tracing::warn!(what, "did not end in time; what it holds is taken up by the next start"),
    }
}

/// Stops the database whose watch was told to end.
async fn stop_database(watch: JoinHandle<Cluster>) {
    match watch.await {
        Ok(mut cluster) => {
            if let Err(error) = cluster.stop(DRAIN).await {
                tracing::error!(%error, "the database did not stop");
            }
        }
        Err(error) => tracing::error!(%error, "the database's watch failed"),
    }
}

/// What a start has when its database runs and has everything that a former run acknowledged.
struct Begun {
    store: Store,
    screens: Reader,
    spool: Arc<Spool>,
    appended: Arc<Notify>,
    counters: Arc<Counters>,
    database: DatabaseWatch,
    demo: Demo,
    tiles: Tiles,
    found: Found,
}

/// What the database says of the plant, its alarms and its people.
struct Found {
    register: Register,
    alarms: Resumed,
    latest: Vec<Sample>,
    deliveries: Vec<Delivery>,
    fleet: Fleet,
    journal_seq: u64,
    positions: Vec<OperatorPosition>,
    has_admin: bool,
}

impl Begun {
    async fn begin(
        data: &Path,
        settings: &Settings,
        tenant: TenantId,
        options: &ConnectOptions,
        patience: &Patience,
    ) -> Result<Self, Error> {
        let Patience { clock, notices, .. } = patience;
        // What can fail without the database comes first.
        let folder = sessions_folder(data);
        std::fs::create_dir_all(&folder).map_err(|source| Error::file("folder of the sources", &folder, source))?;
        let tiles = Tiles::new(data.join("tiles")).map_err(|error| Error::SetUp(error.to_string()))?;
        let demo = match settings.demo.people && settings.brokers.is_empty() {
            true => Demo::start(tenant).map_err(|error| Error::SetUp(error.message))?,
            false => Demo::default(),
        };
        let spool = open_spool(data, settings.spool.max_megabytes, notices)?;

        let store = patience.until_done("opening the database", || open_store(options)).await?;
        let watermark = patience.until_done("reading how far the spool is stored", || watermark(&store)).await?;
        spool.continue_after(Seq(watermark))?;
        // A crash may have come between the two.
        spool.trim(Seq(watermark))?;
        let (appended, counters) = (Arc::new(Notify::new()), Arc::new(Counters::default()));
        let database = DatabaseWatch::new(watermark);
        // What a former run acknowledged comes first: points, alarms and newest values are read after it.
        let copy = || {
            let copier = Copier {
                clock: clock.clone(),
                spool: Arc::clone(&spool),
                appended: Arc::clone(&appended),
                store: store.clone(),
                tenant,
                register: None,
                notices: notices.clone(),
                counters: Arc::clone(&counters),
                watch: database.clone(),
            };
            async move {
                let at_once = CancellationToken::new();
                at_once.cancel();
                copier.run(at_once, CancellationToken::new()).await.map_err(|error| match error.is_transient() {
                    true => Error::Store(error),
                    false => Error::SetUp(format!("the database refuses what the spool holds: {error}")),
                })
            }
        };
        patience.until_done("copying what a former run left in the spool", copy).await?;
        let waiting = spool.stats().waiting;
        if waiting > 0 {
            // Going on would give numbers to new points that points in the spool have already.
            let why = notices.list().into_iter().map(|notice| notice.what).collect::<Vec<_>>().join("; ");
            return Err(Error::SetUp(format!("the database does not take {waiting} entries of the spool: {why}")));
        }

        let undo = || {
            let store = store.clone();
            async move { store.undo_switches().await.map_err(Error::from) }
        };
        let undone = patience.until_done("undoing changes of unit that were never stored", undo).await?;
        if undone > 0 {
            tracing::warn!(
                samples = undone,
                "read samples back that came during a change of unit that was never stored"
            );
        }
        let find = || Found::find(&store, data, tenant, &settings.plant, clock, &demo);
        let found = patience.until_done("reading plant, alarms and people", find).await?;
        let open_screens = || {
            let store = store.clone();
            async move { store.for_screens(tenant).await.map_err(Error::from) }
        };
        let screens = patience.until_done("opening the database for screens", open_screens).await?;
        Ok(Self { store, screens, spool, appended, counters, database, demo, tiles, found })
    }
}

impl Found {
    async fn find(
        store: &Store,
        data: &Path,
        tenant: TenantId,
        plant: &PlantSettings,
        clock: &Clock,
        demo: &Demo,
    ) -> Result<Self, Error> {
        let register = load_register(store, tenant, plant, clock).await?;
        store.remember_people(tenant, &demo.remembered()).await?;
        let now = clock.now();
        let latest = store.latest(tenant, now).await?;
        Ok(Self {
            alarms: resume::taken_up(store, resume::kept(data), tenant, &register, &latest, now).await?,
            register,
            latest,
            deliveries: store.deliveries().await?,
            fleet: load_fleet(store, tenant).await?,
            journal_seq: store.last_journal_seq().await?,
            positions: store.positions(tenant).await?,
            has_admin: store.count_admins(tenant).await? > 0,
        })
    }
}

async fn open_store(options: &ConnectOptions) -> Result<Store, Error> {
    Ok(Store::open(options).await?)
}

/// Up to where the spool is in the database.
async fn watermark(store: &Store) -> Result<u64, Error> {
    Ok(Writer::open(store).await?.watermark().await?)
}

/// Where sources keep what they remember.
fn sessions_folder(data: &Path) -> PathBuf {
    data.join("sources")
}

async fn start_broker(
    data: &Path,
    settings: &PrivateBrokerSettings,
    secrets: &Secrets,
    clock: &Clock,
) -> Result<Option<(PrivateBroker, Keeper)>, Error> {
    if !settings.enabled {
        return Ok(None);
    }
    let (secrets, folder) = (secrets.clone(), data.join("broker"));
    let of_broker = folder.clone();
    let credentials = tokio::task::spawn_blocking(move || -> Result<Credentials, crate::secrets::SecretError> {
        let kept = |name: &str| secrets.get_or_make(name, || crate::secrets::random_password(16));
        // Devices out there go on with the password they were given, also where only its hash outlived the restart.
        let device = match secrets.get("device-password")? {
            None if keeps_device_password(&of_broker) => {
                tracing::warn!(
                    "the devices' password is as before, but only its hash is known, because no keyring keeps it: \
                     PENSTOCK_SECRET__DEVICE_PASSWORD or the systemd credential device-password sets another"
                );
                Secret::new("")
            }
            Some(known) => Secret::new(known.as_str()),
            None => Secret::new(kept("device-password")?.as_str()),
        };
        Ok(Credentials { station: Secret::new(kept("station-password")?.as_str()), device })
    });
    let credentials = credentials.await.map_err(|error| Error::SetUp(error.to_string()))??;
    Ok(Some(PrivateBroker::start(folder, credentials, clock.clone()).await?))
}

fn open_spool(data: &Path, max_megabytes: u64, notices: &Notices) -> Result<Arc<Spool>, Error> {
    let folder = data.join("spool");
    std::fs::create_dir_all(&folder).map_err(|source| Error::file("folder of the spool", &folder, source))?;
    let max_bytes = spool_bound(&folder, max_megabytes << 20);
    let options = penstock_spool::Options {
        segment_bytes: SEGMENT_BYTES,
        max_bytes,
        reserved_bytes: RESERVED_BYTES.min(max_bytes / 8),
        makes_ahead: max_bytes >= LEAST_AHEAD_BYTES,
    };
    let opened = Spool::open(&folder, options)?;
    if opened.torn_bytes > 0 {
        tracing::info!(
            bytes = opened.torn_bytes,
            "an entry that was being written at the crash was dropped; nobody was told that it was done"
        );
    }
    if !opened.damage.is_empty() {
        notices.set(
            "spool",
            "damaged",
            format!("{} stretches of the spool cannot be read", opened.damage.len()),
            "check the disk; everything else was read",
        );
    }
    Ok(Arc::new(opened.spool))
}

/// What the spool may take: what is set, and never more than half of the disk that is free without it.
fn spool_bound(folder: &Path, set: u64) -> u64 {
    let taken: u64 = std::fs::read_dir(folder)
        .map(|entries| entries.flatten().filter_map(|entry| Some(entry.metadata().ok()?.len())).sum())
        .unwrap_or(0);
    let Ok(disk) = nix::sys::statvfs::statvfs(folder) else { return set };
    let free = disk.blocks_available().saturating_mul(disk.fragment_size());
    let bound = set.min(((free + taken) / 2).max(LEAST_SPOOL_BYTES));
    if bound < set {
        tracing::info!(megabytes = bound >> 20, "the spool takes half of the free disk at most");
    }
    bound
}

/// The detectors as a former run left them; new ones where there are none or they cannot be read.
async fn load_fleet(store: &Store, tenant: TenantId) -> Result<Fleet, Error> {
    let kept = match store.load_models(tenant).await {
        Ok(kept) => kept,
        Err(error) if error.is_transient() => return Err(error.into()),
        Err(error) => {
            tracing::warn!(%error, "the detectors' state could not be read; they learn anew");
            Vec::new()
        }
    };
    let kind = detector_kind(SNAPSHOT_VERSION);
    let detectors = kept
        .iter()
        .filter(|model| model.detector == kind)
        .filter_map(|model| Some((model.point, postcard::from_bytes(&model.model).ok()?)))
        .collect();
    Ok(Fleet::restore(Snapshot { version: SNAPSHOT_VERSION, detectors }).unwrap_or_default())
}

fn tell_of_cluster(notices: &Notices, event: ClusterEvent) {
    match event {
        ClusterEvent::Died => {
            let cure = "it is being started again; meanwhile everything is kept in the spool";
            notices.set("database", "server", "the database's server died", cure);
        }
        ClusterEvent::Restarted => notices.clear("database", "server"),
        ClusterEvent::StartFailed { error, pause } => {
            let cure = format!("it is tried again in {} s; meanwhile everything is kept in the spool", pause.as_secs());
            notices.set("database", "server", error.to_string(), cure);
        }
    }
}

/// The id of whose data this is: that of the plant file of the first start where one is to be imported, else a new one;
/// kept beside the data.
fn tenant_of(data: &Path, plant: &PlantSettings, clock: &Clock) -> Result<TenantId, Error> {
    let path = data.join("tenant");
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|error: uuid::Error| {
            Error::file("tenant id", &path, std::io::Error::new(std::io::ErrorKind::InvalidData, error))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let tenant = match &plant.import {
                Some(file) => crate::configuration::read_plant_file(file)?.plant.tenant,
                None => TenantId::made(clock.now(), crate::secrets::random_bytes(10).try_into().unwrap_or([0; 10])),
            };
            std::fs::write(&path, tenant.to_string()).map_err(|source| Error::file("tenant id", &path, source))?;
            Ok(tenant)
        }
        Err(source) => Err(Error::file("tenant id", &path, source)),
    }
}
