//! A real station under load: the release program with a broker and a database of its own in a scratch folder, whose
//! commit times PostgreSQL itself remembers. Gone without a trace with this value, also when the run is killed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use penstock_api::{Call, CreateFirstAdmin, GetHealth};
use penstock_sources::broker::{Credentials, DEVICE, PrivateBroker, STATION};
use penstock_store::{Cluster, ClusterSettings, ConnectOptions};
use penstock_testkit::database::ScratchFolder;
use penstock_testkit::leash::Leash;
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::live::Follower;
use crate::mqtt::Account;
use crate::panel::Speaker;
use crate::plant::{self, Kind};
use crate::processes::Processes;
use crate::publisher::{CHECK, Load, Published, Publishers};
use crate::report::Spread;

/// Samples of its past that each point begins with: enough that its detector judges.
const PAST: u64 = 400;
/// Samples in a message of the past, and their distance.
const PAST_SAMPLES: i64 = 100;
const PAST_APART: i64 = 10_000_000;
/// Messages of the past a second: as they come there is no backlog, whose memory would outlast it.
const PAST_PER_SEC: f64 = 500.0;
/// The password of the devices, and the account that looks on.
const DEVICE_PASSWORD: &str = "of-one-measurement";
const PERSON: &str = "meter";
const PERSON_PASSWORD: &str = "of-one-measurement";
/// How long the station may take to start.
const START: Duration = Duration::from_secs(90);
/// How long nothing at all may be stored before what is missing counts as lost.
const STANDSTILL: Duration = Duration::from_secs(30);
/// How often the station is asked how far it is.
const GLANCE: Duration = Duration::from_millis(250);
/// Rows that a latency is taken from, about.
const SAMPLED_ROWS: f64 = 200_000.0;

/// Where the measurement runs, and on what.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// The release program.
    pub(crate) program: PathBuf,
    /// The folder below which scratch folders are made: on the disk that is to be measured.
    pub(crate) base: PathBuf,
}

/// A station that takes samples in.
pub(crate) struct Room {
    /// The devices' account at its broker.
    pub(crate) account: Account,
    /// Its processes.
    pub(crate) processes: Processes,
    // Ended in this order: the station, then what it left.
    _station: Leash,
    _folder: ScratchFolder,
    address: String,
    token: String,
    http: reqwest::Client,
    database: ConnectOptions,
}

/// What the database holds of a load.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(crate) struct Stored {
    /// Rows.
    pub(crate) rows: i64,
    /// Sum of their source times modulo [`CHECK`].
    pub(crate) check: i64,
    /// The last commit, in microseconds.
    pub(crate) last_commit: i64,
}

impl Room {
    /// Starts a station on a new plant, whose points have a past where they are watched.
    pub(crate) async fn start(site: &Site, points: usize, kind: Kind) -> Result<Self> {
        let folder = ScratchFolder::below(&site.base)?;
        let data = folder.path().to_owned();
        let database = prepare_database(&data.join("database")).await?;
        let import = data.join("plant.json");
        std::fs::write(&import, serde_json::to_vec(&plant::file(points, kind)?)?)?;
        let mut command = Command::new(&site.program);
        command
            .args(["station", "--data"])
            .arg(&data)
            .env("PENSTOCK_PLANT__IMPORT", &import)
            .env("PENSTOCK_SECRET__DEVICE_PASSWORD", DEVICE_PASSWORD)
            .env("PENSTOCK_GATEWAY__LISTEN", "127.0.0.1:0");
        let station = Leash::start(command)?;
        let note = note(&data).await?;
        let port = note.get("broker_port").and_then(Value::as_u64).context("the station has no broker")?.try_into()?;
        let pid = note.get("pid").and_then(Value::as_i64).context("the station's note names no process")?;
        let address = note.get("address").and_then(Value::as_str).context("the note names no address")?.to_owned();
        let mut room = Self {
            account: Account { port, user: DEVICE.to_owned() },
            processes: Processes { station: pid.try_into()?, data },
            _station: station,
            _folder: folder,
            address,
            token: String::new(),
            http: reqwest::Client::new(),
            database,
        };
        let admin = CreateFirstAdmin {
            name: PERSON.to_owned(),
            full_name: "Meter".to_owned(),
            password: PERSON_PASSWORD.to_owned(),
        };
        room.token = room.call(&admin).await?.token;
        if kind == Kind::Watched {
            room.give_past(points).await?;
        }
        Ok(room)
    }

    /// Publishers of a load on this station's broker, ready to go.
    pub(crate) async fn publishers(&self, load: Load) -> Result<Publishers> {
        Publishers::ready(&self.account, DEVICE_PASSWORD, load).await
    }

    /// A process on this station's broker that says single readings.
    pub(crate) async fn speaker(&self) -> Result<Speaker> {
        Speaker::start(&self.account, DEVICE_PASSWORD).await
    }

    /// Where its screens are.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Name and password of the account that looks on.
    pub(crate) const fn person(&self) -> (&'static str, &'static str) {
        (PERSON, PERSON_PASSWORD)
    }

    /// A screen on this station.
    pub(crate) async fn follow(&self) -> Result<Follower> {
        Follower::start(&self.address, &self.token).await
    }

    /// Samples stored since the station's start, as it counts them.
    pub(crate) async fn counted(&self) -> Result<u64> {
        Ok(self.call(&GetHealth {}).await?.pipeline.stored)
    }

    /// Waits until `samples` more than `before` are stored, or nothing is stored any more.
    pub(crate) async fn drained(&self, before: u64, samples: u64) -> Result<()> {
        let (mut last, mut since) = (before, Instant::now());
        loop {
            let now = self.counted().await?;
            if now >= before + samples {
                return Ok(());
            }
            if now > last {
                (last, since) = (now, Instant::now());
            } else if since.elapsed() > STANDSTILL {
                return Ok(()); // what is missing is counted in the database
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// What the database holds of a load, by its own commit times. Fails where that is not what was acknowledged.
    pub(crate) async fn stored(&self, published: &Published) -> Result<Stored> {
        let mut connection = self.connection().await?;
        let (rows, check, last_commit): (i64, Option<i64>, Option<i64>) = sqlx::query_as(
            "select count(*), sum((extract(epoch from source_time) * 1000000)::bigint % $2)::bigint, \
             max((extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000000)::bigint) \
             from samples where source_time >= timestamptz 'epoch' + $1 * interval '1 microsecond'",
        )
        .bind(published.first)
        .bind(CHECK)
        .fetch_one(&mut connection)
        .await?;
        connection.close().await?;
        let stored =
            Stored { rows, check: check.unwrap_or_default(), last_commit: last_commit.context("nothing is stored")? };
        let samples = i64::try_from(published.samples)?;
        ensure!(
            rows == samples,
            "{} samples were acknowledged and {rows} are stored: {} lost, {} duplicated",
            samples,
            (samples - rows).max(0),
            (rows - samples).max(0)
        );
        ensure!(stored.check == published.check, "as many samples are stored as were sent, and not the same ones");
        Ok(stored)
    }

    /// Milliseconds from a sample's being published to its commit, of those published from `from` until `to`.
    pub(crate) async fn commit_latency(&self, from: i64, to: i64, rows: u64) -> Result<Spread> {
        let percent = (SAMPLED_ROWS / rows as f64 * 100.0).clamp(0.1, 100.0);
        let mut connection = self.connection().await?;
        let spread: Vec<f64> = sqlx::query_scalar(
            "select percentile_disc(array[0.5, 0.99, 1.0]) within group \
             (order by extract(epoch from pg_xact_commit_timestamp(xmin) - source_time)::float8 * 1000) \
             from samples tablesample bernoulli ($3) \
             where source_time >= timestamptz 'epoch' + $1 * interval '1 microsecond' \
             and source_time < timestamptz 'epoch' + $2 * interval '1 microsecond'",
        )
        .bind(from)
        .bind(to)
        .bind(percent)
        .fetch_one(&mut connection)
        .await?;
        connection.close().await?;
        let [p50, p99, max] = spread.as_slice() else { bail!("no latency") };
        Ok(Spread { p50: *p50, p99: *p99, max: *max })
    }

    /// A connection to its database.
    pub(crate) async fn connection(&self) -> Result<PgConnection> {
        Ok(self.database.connect().await?)
    }

    async fn give_past(&self, points: usize) -> Result<()> {
        let messages = points as u64 * PAST / PAST_SAMPLES.unsigned_abs();
        let (per_sec, past) = (Some(PAST_PER_SEC), Some(PAST_APART));
        let load = Load { points, messages, samples: PAST_SAMPLES, per_sec, past };
        let before = self.counted().await?;
        let published = self.publishers(load).await?.publish().await?;
        self.drained(before, published.samples).await?;
        let counted = self.counted().await? - before;
        ensure!(counted == published.samples, "of {} samples of the past {counted} are stored", published.samples);
        Ok(())
    }

    async fn call<C: Call>(&self, call: &C) -> Result<C::Reply> {
        let answer = self
            .http
            .post(format!("{}api/call/{}", self.address, C::NAME))
            .bearer_auth(&self.token)
            .json(call)
            .send()
            .await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "{}: {text}", C::NAME);
        Ok(serde_json::from_str(&text)?)
    }
}

/// Makes the station's database before its first start, so that it remembers the time of every commit.
async fn prepare_database(folder: &Path) -> Result<ConnectOptions> {
    let mut cluster = Cluster::start(ClusterSettings::new(folder)).await?;
    let options = cluster.options();
    let mut connection = options.clone().database("postgres").connect().await?;
    connection.execute("alter system set track_commit_timestamp = on").await?;
    let fsync: String = sqlx::query_scalar("show fsync").fetch_one(&mut connection).await?;
    let commit: String = sqlx::query_scalar("show synchronous_commit").fetch_one(&mut connection).await?;
    ensure!((fsync.as_str(), commit.as_str()) == ("on", "on"), "PostgreSQL does not wait for the disk");
    connection.close().await?;
    cluster.stop(Duration::from_secs(30)).await?;
    Ok(options)
}

/// What the station says of itself, once it takes samples in.
async fn note(data: &Path) -> Result<Value> {
    let file = data.join("run/station.json");
    let begun = Instant::now();
    while begun.elapsed() < START {
        let note = std::fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
        if let Some(note) = note.filter(|note| note.get("ready") == Some(&Value::Bool(true))) {
            return Ok(note);
        }
        tokio::time::sleep(GLANCE).await;
    }
    bail!("the station is not ready after {} s: start it by hand to see why", START.as_secs())
}

/// A broker as the station's own, for what is measured beside it.
pub(crate) struct BareBroker {
    /// The devices' account, and its password.
    pub(crate) device: (Account, String),
    /// The station's account, and its password.
    pub(crate) station: (Account, String),
    stop: CancellationToken,
    keeper: JoinHandle<()>,
    _folder: ScratchFolder,
}

impl BareBroker {
    /// Starts it with the very configuration that the station's has.
    pub(crate) async fn start(site: &Site) -> Result<Self> {
        let folder = ScratchFolder::below(&site.base)?;
        let clock = penstock_model::Clock::System;
        let (broker, keeper) =
            PrivateBroker::start(folder.path().join("broker"), Credentials::generate()?, clock).await?;
        let stop = CancellationToken::new();
        let keeper = tokio::spawn(keeper.run(stop.clone()));
        let account = |user: &str| Account { port: broker.port(), user: user.to_owned() };
        let Credentials { station, device } = broker.credentials();
        Ok(Self {
            device: (account(DEVICE), device.expose().to_owned()),
            station: (account(STATION), station.expose().to_owned()),
            stop,
            keeper,
            _folder: folder,
        })
    }

    /// Stops it.
    pub(crate) async fn stop(self) -> Result<()> {
        self.stop.cancel();
        Ok(self.keeper.await?)
    }
}
