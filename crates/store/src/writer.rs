//! Copies the spool into the database: one batch and the watermark in one transaction, over a connection of its own.
//! Must not know what a spool is.
//!
//! Samples go straight into their partition by binary COPY, the fastest way in. COPY knows no conflict: where a key is
//! taken it fails, all is rolled back, and the batch goes through a temporary table instead, as do the next ones, because
//! re-deliveries come in rows.
//!
//! Of points that have recording settings not every sample is stored, and the newest one may be removed again by the
//! next batch: what is computed from stored samples is computed from recorded ones.

mod thin;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use penstock_model::{Doubt, Fault, Point, PointNo, Quality, Recording, Sample, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, Row as _};

use crate::alarms::{self, JournalEntry};
use crate::audit::{self, AuditEntry};
use crate::newest::{self, Newest};
use crate::rollups::{self, Due, Noted};
use crate::sql::{At, clean, exact_micros, quality};
use crate::switches::{self, UnitReturn, UnitSwitch};
use crate::{Error, Result, Store, copy, register};

/// Batches that go through the temporary table after a key was found taken.
const STAGED_AFTER_CONFLICT: u32 = 16;
/// Different values that are kept under one point and time; a clock that stands still would make more without end.
const MOST_CONFLICTS: i64 = 1_000;
/// Deliveries that are kept: more than a broker has in flight.
const MOST_DELIVERIES: i64 = 20_000;
/// Rejects and device alerts that are kept.
const MOST_KEPT: i64 = 1_000;
/// Bytes of a rejected payload, or of a device's alert, that are kept.
const MOST_BYTES: usize = 4_096;

/// What is written at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Whose plant.
    pub tenant: TenantId,
    /// Points heard of for the first time, with the numbers that the station gave them.
    pub discovered: Vec<Point>,
    /// Samples in received order.
    pub samples: Vec<Sample>,
    /// What happened to alarms.
    pub transitions: Vec<JournalEntry>,
    /// What people did.
    pub audits: Vec<AuditEntry>,
    /// What could not be read.
    pub rejects: Vec<Reject>,
    /// What devices report in words.
    pub alerts: Vec<DeviceAlert>,
    /// Messages with values without a time of their own.
    pub deliveries: Vec<Delivery>,
    /// Changes of unit that began.
    pub switches: Vec<UnitSwitch>,
    /// Those that were not stored after all.
    pub returns: Vec<UnitReturn>,
}

/// A message as its source would deliver it again, and the time that its values were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The source's session.
    pub session: u64,
    /// The message's number in it.
    pub packet_id: u16,
    /// What tells messages of the same number apart.
    pub content: u64,
    /// The time given.
    pub received: Timestamp,
}

impl Batch {
    /// An empty batch.
    pub const fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            discovered: Vec::new(),
            samples: Vec::new(),
            transitions: Vec::new(),
            audits: Vec::new(),
            rejects: Vec::new(),
            alerts: Vec::new(),
            deliveries: Vec::new(),
            switches: Vec::new(),
            returns: Vec::new(),
        }
    }
}

/// A message that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// When it came.
    pub at: Timestamp,
    /// The source's name.
    pub source: String,
    /// Where inside the source, for MQTT the topic.
    pub topic: String,
    /// What came; the first 4 KiB are kept.
    pub payload: Vec<u8>,
    /// Why it could not be read.
    pub reason: String,
}

/// A message of a device about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceAlert {
    /// When it came.
    pub at: Timestamp,
    /// The source's name.
    pub source: String,
    /// Which device.
    pub device: String,
    /// How grave the device says it is.
    pub severity: Option<String>,
    /// What it says; the first 4 KiB are kept.
    pub message: String,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// Samples written.
    pub stored: u64,
    /// Samples that were there already.
    pub duplicates: u64,
    /// Of the written ones, those kept beside another value of the same time.
    pub conflicts: u64,
    /// Samples that the database cannot hold; they are among the rejects.
    pub refused: u64,
    /// Samples left out as the recording settings have it, those among them that an earlier batch had written.
    pub left_out: u64,
    /// Whether the batch had been applied before, and nothing was done.
    pub is_replay: bool,
    /// How long it took, commit included.
    pub took: Duration,
}

/// The one writer of samples.
#[derive(Debug)]
pub struct Writer {
    options: PgConnectOptions,
    /// None after a failure: the next batch connects anew. Taken out while a batch is applied, so that a call that is
    /// dropped half way closes it and the server rolls back.
    connection: Option<PgConnection>,
    /// First moments of the months whose partition is known to exist, with its name.
    months: BTreeMap<i64, String>,
    staged_batches: u32,
    buffer: Vec<u8>,
    due: Due,
    /// How often partitions had been dropped when `months` was right.
    drops: u64,
    thinner: thin::Thinner,
    newest: Newest,
}

impl Writer {
    /// Connects to the database of `store`. One at a time writes to a database.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where it does not answer.
    pub async fn open(store: &Store) -> Result<Self> {
        let options = store.options().clone().application_name("penstock writer");
        let connection = Some(connect(&options).await?);
        let (months, buffer, due) = (BTreeMap::new(), Vec::new(), store.due.clone());
        let (thinner, newest) = (thin::Thinner::default(), Newest::default());
        Ok(Self { options, connection, months, staged_batches: 0, buffer, due, drops: 0, thinner, newest })
    }

    /// Sets what is kept of which points' samples, in place of what was set before; of all others every sample is.
    pub fn set_recording(&mut self, settings: BTreeMap<PointNo, Recording>) {
        self.thinner.set(settings);
    }

    /// Up to where the spool is in the database; 0 for nothing.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn watermark(&mut self) -> Result<u64> {
        let mut connection = self.take_connection().await?;
        let seq: i64 = sqlx::query_scalar("select seq from spool_watermark").fetch_one(&mut connection).await?;
        self.connection = Some(connection);
        Ok(seq.unsigned_abs())
    }

    /// Whether the newest sample of every point is known to be written down; see [`Writer::settle_some`].
    pub const fn is_settled(&self) -> bool {
        self.newest.is_settled()
    }

    /// Looks up, for some of the points where that is open, which sample is the newest by now: to be called again and
    /// again while there is nothing to write, until [`Writer::is_settled`]. Until then it is looked up for whoever asks.
    ///
    /// # Errors
    /// Those of the database, among them that a change of unit is under way: it stays open.
    pub async fn settle_some(&mut self) -> Result<()> {
        if self.newest.is_settled() {
            return Ok(());
        }
        let mut connection = self.take_connection().await?;
        let settled = self.newest.settle_some(&mut connection).await;
        if settled.is_ok() || connection.execute("rollback").await.is_ok() {
            self.connection = Some(connection);
        }
        settled
    }

    /// Applies a batch that ends at `up_to_seq` of the spool, all or nothing. One at or under the watermark changes
    /// nothing, so that after a crash the same batches may simply come again.
    ///
    /// A sample whose point, source time and value are stored already is one sample. One with another value for a
    /// taken time is kept at the next free microsecond, as uncertain. Samples of points that have recording settings
    /// are left out as these say.
    ///
    /// # Errors
    /// A transient error means: try the same batch again. Any other means that the batch cannot be applied.
    pub async fn apply(&mut self, batch: &Batch, up_to_seq: u64) -> Result<Applied> {
        let started = Instant::now();
        let mut connection = self.take_connection().await?;
        let mut noted = self.due.hold().await;
        if noted.drops != self.drops {
            self.months.clear();
            self.drops = noted.drops;
        }
        let months_before = self.months.clone();
        let mut outcome = self.apply_on(&mut connection, batch, up_to_seq, &noted).await;
        if self.staged_batches == 0 && matches!(outcome, Err(Error::Exists { .. })) {
            connection.execute("rollback").await?;
            self.months.clone_from(&months_before);
            self.staged_batches = STAGED_AFTER_CONFLICT;
            outcome = self.apply_on(&mut connection, batch, up_to_seq, &noted).await;
        }
        match outcome {
            Ok((applied, hours)) => {
                noted.add(hours);
                self.connection = Some(connection);
                Ok(Applied { took: started.elapsed(), ..applied })
            }
            Err(error) => {
                // Partitions that the failed transaction made are gone with it.
                self.months = months_before;
                Err(error)
            }
        }
    }

    /// What became of the batch, and the hours that it has noted as due.
    async fn apply_on(
        &mut self,
        connection: &mut PgConnection,
        batch: &Batch,
        up_to_seq: u64,
        noted: &Noted,
    ) -> Result<(Applied, Vec<(i32, Timestamp)>)> {
        let seq = i64::try_from(up_to_seq).unwrap_or(i64::MAX);
        // In one go: every way to the server and back counts where batches are small. A connection that fails in between
        // is dropped, and with it what was begun.
        let begin = format!("begin; update spool_watermark set seq = {seq} where seq < {seq}");
        let moved = sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut *connection).await?;
        if moved.rows_affected() == 0 {
            connection.execute("rollback").await?;
            return Ok((Applied { is_replay: true, ..Applied::default() }, Vec::new()));
        }
        switches::note(connection, &batch.switches).await?;
        let mut rejects = batch.rejects.clone();
        let mut sorted = Sorted::new(&batch.samples, &mut rejects);
        let mut applied = Applied { duplicates: sorted.duplicates, refused: sorted.refused, ..Applied::default() };
        if !batch.discovered.is_empty() {
            let left_out = register::insert_discovered(connection, batch.tenant, &batch.discovered).await?;
            rejects.extend(left_out.iter().map(|point| number_taken(point, &batch.samples)));
        }
        for (point, newest) in newest::times(connection, self.thinner.unknown(&sorted.samples)).await? {
            self.thinner.learn(point, newest);
        }
        let thinned = self.thinner.plan(&mut sorted.samples, &sorted.contested);
        applied.left_out = thinned.left_out;
        // An hour that loses its newest sample is rolled up anew too.
        let mut hours = noted.missing(keys(&sorted.samples));
        hours.extend(noted.missing(thinned.removed.iter().copied()));
        rollups::note(connection, &hours).await?;
        remove_samples(connection, &thinned.removed).await?;
        let to_write = sorted.samples.len() as u64;
        self.write_samples(connection, &mut sorted, &mut applied).await?;
        let is_fresh = applied.stored == to_write;
        let placed = resolve_conflicts(connection, &sorted.contested, &mut applied, &mut rejects).await?;
        let newest = self.newest.changes(sorted.samples.iter().chain(&placed));
        newest::note(connection, &newest).await?;
        switches::take_back(connection, &batch.returns).await?;
        alarms::append(connection, batch.tenant, &batch.transitions).await?;
        audit::append(connection, &batch.audits).await?;
        write_rejects(connection, batch.tenant, &rejects).await?;
        write_alerts(connection, batch.tenant, &batch.alerts).await?;
        write_deliveries(connection, &batch.deliveries).await?;
        connection.execute("commit").await?;
        self.thinner.accept(thinned, is_fresh);
        self.newest.accept(newest);
        Ok((applied, hours))
    }

    /// Writes the samples whose key is free; the others join `sorted.contested` unless they are stored already.
    async fn write_samples(
        &mut self,
        connection: &mut PgConnection,
        sorted: &mut Sorted,
        applied: &mut Applied,
    ) -> Result<()> {
        if sorted.samples.is_empty() {
            return Ok(());
        }
        let partitions = self.partitions(connection, &sorted.samples).await?;
        copy::encode(&mut self.buffer, &sorted.samples);
        if self.staged_batches == 0 {
            let table = match partitions.as_slice() {
                [only] => only.as_str(),
                _ => "samples",
            };
            applied.stored += copy::send(connection, table, &self.buffer).await?;
            return Ok(());
        }
        copy::send(connection, "incoming", &self.buffer).await?;
        let written =
            sqlx::query(include_str!("../queries/samples_from_incoming.sql")).execute(&mut *connection).await?;
        let stored = written.rows_affected();
        applied.stored += stored;
        let all = sorted.samples.len() as u64;
        if stored == all {
            self.staged_batches = self.staged_batches.saturating_sub(1);
            return Ok(());
        }
        let rows = sqlx::query(include_str!("../queries/incoming_that_differs.sql")).fetch_all(connection).await?;
        applied.duplicates += all - stored - rows.len() as u64;
        let mut contested = Vec::new();
        for row in &rows {
            let key = (row.try_get::<i32, _>("point_no")?, row.try_get::<At, _>("source_time")?.0.as_micros());
            let found = sorted.samples.binary_search_by_key(&key, key_of).ok().and_then(|at| sorted.samples.get(at));
            contested.extend(found);
        }
        // Of one key, the one that lost to a stored value was received before those that lost to it.
        contested.append(&mut sorted.contested);
        contested.sort_by_key(key_of);
        sorted.contested = contested;
        Ok(())
    }

    /// Names of the partitions that the samples belong to, created where they are missing.
    async fn partitions(&mut self, connection: &mut PgConnection, samples: &[Sample]) -> Result<Vec<String>> {
        let mut firsts = Vec::new();
        let mut last = None;
        for sample in samples {
            if last.is_none_or(|month: copy::Month| !month.contains(sample.source_time)) {
                let month = copy::Month::of(sample.source_time);
                if !firsts.contains(&month) {
                    firsts.push(month);
                }
                last = Some(month);
            }
        }
        let mut names = Vec::new();
        for month in firsts {
            let name = match self.months.get(&month.first) {
                Some(name) => name.clone(),
                None => {
                    let name: String = sqlx::query_scalar("select samples_partition($1)")
                        .bind(At(Timestamp::from_micros(month.first)))
                        .fetch_one(&mut *connection)
                        .await?;
                    self.months.insert(month.first, name.clone());
                    name
                }
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Ok(names)
    }

    async fn take_connection(&mut self) -> Result<PgConnection> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => {
                self.months.clear();
                // Whether the last transaction was committed may not be known.
                self.thinner.begin_anew();
                self.newest.begin_anew();
                connect(&self.options).await
            }
        }
    }
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection> {
    let mut connection = options.connect().await?;
    connection
        .execute(
            "create temporary table incoming (point_no int, source_time timestamptz, received_time timestamptz, \
             value float8, quality smallint) on commit delete rows",
        )
        .await?;
    Ok(connection)
}

/// A batch's samples by key, each key once.
struct Sorted {
    samples: Vec<Sample>,
    /// Those whose key another one took, in received order.
    contested: Vec<Sample>,
    duplicates: u64,
    refused: u64,
}

impl Sorted {
    fn new(given: &[Sample], rejects: &mut Vec<Reject>) -> Self {
        let mut samples: Vec<Sample> = Vec::with_capacity(given.len());
        let mut refused = 0;
        for sample in given {
            if exact_micros(sample.source_time).is_none() {
                refused += 1;
                rejects.push(refusal(sample, "its time is outside what the database can hold"));
                continue;
            }
            let is_number = sample.value.is_none_or(f64::is_finite);
            samples.push(if is_number {
                *sample
            } else {
                Sample { value: None, quality: Quality::Bad(Fault::NotANumber), ..*sample }
            });
        }
        // By key the index is written in order. The sort is stable: of one key, the first received stays first.
        samples.sort_by_key(key_of);
        let mut contested: Vec<Sample> = Vec::new();
        let mut duplicates = 0;
        samples.dedup_by(|later, first| {
            if key_of(later) != key_of(first) {
                return false;
            }
            if later.value == first.value {
                duplicates += 1;
            } else {
                contested.push(*later);
            }
            true
        });
        Self { samples, contested, duplicates, refused }
    }
}

fn keys(samples: &[Sample]) -> impl Iterator<Item = (PointNo, Timestamp)> {
    samples.iter().map(|sample| (sample.point, sample.source_time))
}

const fn key_of(sample: &Sample) -> (i32, i64) {
    (sample.point.0, sample.source_time.as_micros())
}

fn refusal(sample: &Sample, why: &str) -> Reject {
    Reject {
        at: sample.received_time,
        source: "station".to_owned(),
        topic: format!("point {}", sample.point.0),
        payload: format!("{sample:?}").into_bytes(),
        reason: why.to_owned(),
    }
}

fn number_taken(point: &Point, samples: &[Sample]) -> Reject {
    let first = samples.iter().find(|sample| sample.point == point.no);
    Reject {
        at: first.map_or_else(Timestamp::default, |sample| sample.received_time),
        source: point.address.source.clone(),
        topic: point.address.path.clone(),
        payload: format!("{point:?}").into_bytes(),
        reason: format!("its number {} stands for another point already", point.no.0),
    }
}

/// Finds each contested sample its place: none where its value is kept already, else the next free microsecond. What was
/// kept there.
async fn resolve_conflicts(
    connection: &mut PgConnection,
    contested: &[Sample],
    applied: &mut Applied,
    rejects: &mut Vec<Reject>,
) -> Result<Vec<Sample>> {
    if contested.is_empty() {
        return Ok(Vec::new());
    }
    let mut taken = neighbours(connection, contested).await?;
    let mut placed: Vec<Sample> = Vec::new();
    for sample in contested {
        let (point, base) = key_of(sample);
        let place = (0..=MOST_CONFLICTS).find_map(|step| match taken.get(&(point, base + step)) {
            // The value may be there already, at its own time or kept aside before.
            Some(&(value, quality)) if value == sample.value && (step == 0 || is_conflict(quality)) => {
                Some(Place::Known)
            }
            Some(_) => None,
            None => Some(Place::Free(base + step)),
        });
        match place {
            Some(Place::Known) => applied.duplicates += 1,
            Some(Place::Free(micros)) => {
                let kept = Sample {
                    source_time: Timestamp::from_micros(micros),
                    quality: Quality::Uncertain(Doubt::Conflict),
                    ..*sample
                };
                taken.insert((point, micros), (kept.value, kept.quality));
                placed.push(kept);
            }
            None => {
                applied.refused += 1;
                rejects.push(refusal(sample, "more than 1,000 different values came for this point and time"));
            }
        }
    }
    applied.conflicts += placed.len() as u64;
    applied.stored += placed.len() as u64;
    insert_placed(connection, &placed).await?;
    Ok(placed)
}

enum Place {
    Known,
    Free(i64),
}

const fn is_conflict(quality: Quality) -> bool {
    matches!(quality, Quality::Uncertain(Doubt::Conflict))
}

type Taken = BTreeMap<(i32, i64), (Option<f64>, Quality)>;

/// What is stored at the contested times and within reach behind them.
async fn neighbours(connection: &mut PgConnection, contested: &[Sample]) -> Result<Taken> {
    let mut keys: Vec<(PointNo, Timestamp)> =
        contested.iter().map(|sample| (sample.point, sample.source_time)).collect();
    keys.dedup();
    let rows = sqlx::query(include_str!("../queries/samples_behind.sql"))
        .bind(keys.iter().map(|(point, _)| point.0).collect::<Vec<_>>())
        .bind(keys.iter().map(|(_, at)| At(*at)).collect::<Vec<_>>())
        .bind(
            keys.iter()
                .map(|(_, at)| At(*at + Duration::from_micros(MOST_CONFLICTS.unsigned_abs())))
                .collect::<Vec<_>>(),
        )
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            let key = (row.try_get("point_no")?, row.try_get::<At, _>("source_time")?.0.as_micros());
            Ok((key, (row.try_get("value")?, quality(row.try_get("quality")?))))
        })
        .collect()
}

async fn remove_samples(connection: &mut PgConnection, removed: &[(PointNo, Timestamp)]) -> Result<()> {
    let times = || removed.iter().map(|(_, at)| *at);
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return Ok(()) };
    sqlx::query(include_str!("../queries/remove_samples.sql"))
        .bind(removed.iter().map(|(point, _)| point.0).collect::<Vec<_>>())
        .bind(times().map(At).collect::<Vec<_>>())
        .bind(At(first))
        .bind(At(last))
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert_placed(connection: &mut PgConnection, samples: &[Sample]) -> Result<()> {
    if samples.is_empty() {
        return Ok(());
    }
    // A conflict at a month's end may fall into the next month.
    let mut months: Vec<copy::Month> = samples.iter().map(|sample| copy::Month::of(sample.source_time)).collect();
    months.dedup();
    for month in months {
        sqlx::query("select samples_partition($1)")
            .bind(At(Timestamp::from_micros(month.first)))
            .execute(&mut *connection)
            .await?;
    }
    let mut buffer = Vec::new();
    copy::encode(&mut buffer, samples);
    copy::send(connection, "samples", &buffer).await?;
    Ok(())
}

async fn write_rejects(connection: &mut PgConnection, tenant: TenantId, rejects: &[Reject]) -> Result<()> {
    if rejects.is_empty() {
        return Ok(());
    }
    let payload = |reject: &Reject| reject.payload.get(..MOST_BYTES).unwrap_or(&reject.payload).to_vec();
    sqlx::query(
        "insert into rejects (tenant, at, source, topic, payload, payload_bytes, reason) \
         select $1, * from unnest($2::timestamptz[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::text[])",
    )
    .bind(tenant.0)
    .bind(rejects.iter().map(|reject| At(reject.at)).collect::<Vec<_>>())
    .bind(rejects.iter().map(|reject| clean(&reject.source)).collect::<Vec<_>>())
    .bind(rejects.iter().map(|reject| clean(&reject.topic)).collect::<Vec<_>>())
    .bind(rejects.iter().map(payload).collect::<Vec<_>>())
    .bind(rejects.iter().map(|reject| i64::try_from(reject.payload.len()).unwrap_or(i64::MAX)).collect::<Vec<_>>())
    .bind(rejects.iter().map(|reject| clean(&reject.reason)).collect::<Vec<_>>())
    .execute(&mut *connection)
    .await?;
    sqlx::query("delete from rejects where no <= (select no from rejects order by no desc offset $1 limit 1)")
        .bind(MOST_KEPT)
        .execute(connection)
        .await?;
    Ok(())
}

async fn write_alerts(connection: &mut PgConnection, tenant: TenantId, alerts: &[DeviceAlert]) -> Result<()> {
    if alerts.is_empty() {
        return Ok(());
    }
    let message = |alert: &DeviceAlert| clean(&alert.message[..alert.message.floor_char_boundary(MOST_BYTES)]);
    sqlx::query(
        "insert into device_alerts (tenant, at, source, device, severity, message) \
         select $1, * from unnest($2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[])",
    )
    .bind(tenant.0)
    .bind(alerts.iter().map(|alert| At(alert.at)).collect::<Vec<_>>())
    .bind(alerts.iter().map(|alert| clean(&alert.source)).collect::<Vec<_>>())
    .bind(alerts.iter().map(|alert| clean(&alert.device)).collect::<Vec<_>>())
    .bind(alerts.iter().map(|alert| alert.severity.as_deref().map(clean)).collect::<Vec<_>>())
    .bind(alerts.iter().map(message).collect::<Vec<_>>())
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "delete from device_alerts where no <= (select no from device_alerts order by no desc offset $1 limit 1)",
    )
    .bind(MOST_KEPT)
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps the newest deliveries, a row a batch: they are read at a start alone.
async fn write_deliveries(connection: &mut PgConnection, deliveries: &[Delivery]) -> Result<()> {
    if deliveries.is_empty() {
        return Ok(());
    }
    let mut packed = Vec::with_capacity(deliveries.len() * Delivery::BYTES);
    deliveries.iter().for_each(|delivery| delivery.pack(&mut packed));
    sqlx::query("insert into deliveries (count, packed) values ($1, $2)")
        .bind(i32::try_from(deliveries.len()).unwrap_or(i32::MAX))
        .bind(packed)
        .execute(&mut *connection)
        .await?;
    sqlx::query(include_str!("../queries/forget_deliveries.sql")).bind(MOST_DELIVERIES).execute(connection).await?;
    Ok(())
}

impl Delivery {
    const BYTES: usize = 26;

    fn pack(&self, packed: &mut Vec<u8>) {
        packed.extend(self.session.to_be_bytes());
        packed.extend(self.packet_id.to_be_bytes());
        packed.extend(self.content.to_be_bytes());
        packed.extend(self.received.as_micros().to_be_bytes());
    }

    fn unpack(packed: &[u8]) -> Option<Self> {
        let (session, rest) = packed.split_first_chunk()?;
        let (packet_id, rest) = rest.split_first_chunk()?;
        let (content, rest) = rest.split_first_chunk()?;
        let (received, _) = rest.split_first_chunk()?;
        Some(Self {
            session: u64::from_be_bytes(*session),
            packet_id: u16::from_be_bytes(*packet_id),
            content: u64::from_be_bytes(*content),
            received: Timestamp::from_micros(i64::from_be_bytes(*received)),
        })
    }
}

impl Store {
    /// The newest deliveries, the oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn deliveries(&self) -> Result<Vec<Delivery>> {
        let rows: Vec<Vec<u8>> =
            sqlx::query_scalar("select packed from deliveries order by no").fetch_all(&self.pool).await?;
        Ok(rows.iter().flat_map(|packed| packed.chunks_exact(Delivery::BYTES)).filter_map(Delivery::unpack).collect())
    }
}
