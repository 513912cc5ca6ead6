//! How long samples and roll-ups are kept: partitions made ahead, and dropped when their time is over. Must not know
//! who decides how long.
//!
//! **What comes late**, for a month whose samples have gone already, is kept like any other sample, in a partition made
//! anew; it is added once to the roll-ups that stand (see [`crate::rollups`]) and read beside the archive. The next pass
//! takes it away as it takes the month itself: into a further file of the month, where there is an archive. What the
//! archive holds already, at the same time with the same value, does not go there twice.
//!
//! **Broken off.** The name of a file is noted, with a mark that the file carries, before its first byte is written; the
//! note goes in the transaction that takes the samples away and names the file in `samples_gone`. A note that is found
//! when a pass begins was broken off in between: the file of that name goes if it carries the mark, since its samples
//! are all in the database. No other file is ever removed: one that is named in `samples_gone` has no note, and one of
//! somebody else does not carry the mark.
//!
//! **Units.** Where a point's unit changes, files stay as they are: each is known with the last change that is in it,
//! and later ones are applied as it is read (see `history/filed.rs`). Where a unit changes while a month is being
//! archived, the month is archived anew.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt as _, unfold};
use penstock_archive::{Archive, ArchivedFile, Error as ArchiveError, Month, Selection};
use penstock_model::{PointNo, Quantity, Sample, Timestamp};
use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use crate::history::{Entry, Filed, rescaled};
use crate::rollups::{Level, is_rolled};
use crate::scan::{COLUMNS, chunks_of};
use crate::sql::At;
use crate::{Error, Result, Store, copy, newest};

/// How long things are kept. What is over goes a partition at a time: samples and minutes by the month, hours and days
/// by the year, each when the last moment of its partition is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Samples.
    pub samples: Duration,
    /// Samples of points that measure these, where they are kept for another time.
    pub samples_of: BTreeMap<Quantity, Duration>,
    /// Roll-ups.
    pub roll_ups: Duration,
}

/// What a pass of [`Store::expire`] took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expired {
    /// Partitions dropped whole.
    pub dropped: u32,
    /// Partitions of samples that lost those of some points.
    pub thinned: u32,
    /// Partitions that are over and wait until their last samples are rolled up.
    pub waiting: u32,
    /// When the pass before this one was, where that is so long ago that nothing goes unless it is confirmed.
    pub held_since: Option<Timestamp>,
}

/// A partition that holds a month or a year.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Partition {
    partition: String,
    first: At,
    next: At,
}

impl Store {
    /// Makes the partitions that hold `now` and the `ahead` months after it, where they are missing, so that no batch has
    /// to at midnight.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn prepare_partitions(&self, now: Timestamp, ahead: u32) -> Result<()> {
        for month in 0..=ahead {
            for (table, step) in
                std::iter::once(("samples", "month")).chain(Level::ALL.map(|level| (level.table(), level.step())))
            {
                sqlx::query("select time_partition($1, $2, $3 + make_interval(months => $4))")
                    .bind(table)
                    .bind(step)
                    .bind(At(now))
                    .bind(i32::try_from(month).unwrap_or(i32::MAX))
                    .execute(&self.pool)
                    .await?;
            }
        }
        Ok(())
    }

    /// Takes away what is over at `now`, samples into the archive first where there is one ([`Store::use_archive`]).
    /// Samples that are not rolled up yet, or came while they were archived, stay until the next call. Readers and writers
    /// wait for a moment where a partition goes, and for as long as it takes to copy what stays where only some points'
    /// samples go. One call at a time.
    ///
    /// Where `now` is more than a month after the last call, nothing goes unless it is `confirmed`, and
    /// [`Expired::held_since`] says so: a clock that leaps must not take years of samples along.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where a partition is in use for too long: the next call tries again; those of the
    /// database.
    pub async fn expire(&self, now: Timestamp, retention: &Retention, confirmed: bool) -> Result<Expired> {
        let mut expired = Expired::default();
        let mut connection = self.pool.acquire().await?;
        let last: Option<At> = sqlx::query_scalar("select at from kept_house").fetch_optional(&mut *connection).await?;
        if let Some(At(last)) = last.filter(|At(last)| !confirmed && now.since(*last) > LEAP) {
            return Ok(Expired { held_since: Some(last), ..expired });
        }
        sqlx::query("insert into kept_house (at) values ($1) on conflict (one) do update set at = excluded.at")
            .bind(At(now))
            .execute(&mut *connection)
            .await?;
        for level in Level::ALL {
            for partition in partitions(&mut connection, level.table()).await? {
                if partition.next.0 + retention.roll_ups <= now {
                    drop_table(&mut connection, &partition.partition).await?;
                    expired.dropped += 1;
                    if level == Level::Day {
                        forget_added(&mut connection, &partition).await?;
                    }
                }
            }
        }
        if let Some(archive) = self.archive.get() {
            clear_begun(&mut connection, archive).await?;
        }
        for partition in partitions(&mut connection, "samples").await? {
            let is_over = |kept: &Duration| partition.next.0 + *kept <= now;
            let over: Vec<Quantity> =
                Quantity::ALL.into_iter().filter(|quantity| is_over(retention.samples_for(*quantity))).collect();
            if over.is_empty() {
                continue;
            }
            match expire_samples(self, &mut connection, &partition, &over, now).await? {
                Outcome::Dropped => expired.dropped += 1,
                Outcome::Thinned => expired.thinned += 1,
                Outcome::Waiting => expired.waiting += 1,
                Outcome::Kept => {}
            }
        }
        if expired.dropped > 0 {
            self.due.hold().await.drops += 1;
        }
        Ok(expired)
    }
}

/// What stays in the database of a sample when retention has been through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stays {
    /// All of it.
    Sample,
    /// What it counts in the roll-ups of its minute, hour or day.
    RollUps,
    /// Nothing.
    Nothing,
}

impl Retention {
    /// What stays, after the passes that are due at `now`, of a sample that was measured `at` a time by a point that
    /// measures `quantity`.
    pub fn stays(&self, quantity: Quantity, at: Timestamp, now: Timestamp) -> Stays {
        let month = copy::Month::of(at);
        if !is_rolled(at) || month.end() + *self.samples_for(quantity) > now {
            Stays::Sample
        } else if month.end_of_year() + self.roll_ups > now {
            Stays::RollUps
        } else {
            Stays::Nothing
        }
    }

    fn samples_for(&self, quantity: Quantity) -> &Duration {
        self.samples_of.get(&quantity).unwrap_or(&self.samples)
    }
}

enum Outcome {
    Dropped,
    Thinned,
    Waiting,
    Kept,
}

async fn partitions(connection: &mut PgConnection, parent: &str) -> Result<Vec<Partition>> {
    Ok(sqlx::query_as("select * from time_partitions($1)").bind(parent).fetch_all(connection).await?)
}

/// A longer time between two passes has to be confirmed.
const LEAP: Duration = Duration::from_secs(31 * 24 * 3_600);
/// Locks are waited for this long: everything that writes waits behind.
const LOCKS: &str = "set local lock_timeout = '2s'";

async fn drop_table(connection: &mut PgConnection, table: &str) -> Result<()> {
    let mut transaction = connection.begin().await?;
    transaction.execute(LOCKS).await?;
    transaction.execute(AssertSqlSafe(format!("drop table {table}"))).await?;
    Ok(transaction.commit().await?)
}

/// How what goes leaves its partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    /// With the partition: nothing else is in it.
    Whole,
    /// By itself: it came late, and is little beside what stays.
    Late,
    /// What stays moves into a partition that takes the other's place.
    Parted,
}

/// Takes the samples of points that measure one of `over` out of a partition, into the archive where there is one.
async fn expire_samples(
    store: &Store,
    connection: &mut PgConnection,
    partition: &Partition,
    over: &[Quantity],
    now: Timestamp,
) -> Result<Outcome> {
    let names: Vec<&str> = over.iter().map(|quantity| quantity.name()).collect();
    if is_due(connection, partition).await? {
        return Ok(Outcome::Waiting);
    }
    let any_stays = any_of(connection, partition, "quantity <> all ($1)", &names).await?;
    if any_stays && !any_of(connection, partition, "quantity = any ($1)", &names).await? {
        return Ok(Outcome::Kept);
    }
    let before = gone_before(connection, partition, &names).await?;
    let leaving = match (any_stays, &before) {
        (false, _) => Leaving::Whole,
        (true, Some(_)) => Leaving::Late,
        (true, None) => Leaving::Parted,
    };
    // Before anything is locked, because it takes long; what comes meanwhile is told by the count.
    let archived = match store.archive.get() {
        Some(archive) => Some(archive_samples(store, archive, connection, partition, &names, &before).await?),
        None => None,
    };
    let outcome = take_away(connection, partition, &names, leaving, archived.as_ref(), now).await;
    // Where the outcome is not known the file stays until the next pass knows it.
    if let (Some(archive), Ok(Outcome::Waiting)) = (store.archive.get(), &outcome) {
        clear_begun(connection, archive).await?;
    }
    outcome
}

/// Whose samples go: points that measure one of those given, and those that no register knows.
const GOES: &str = "point_no not in (select no from points where quantity <> all ($1))";

async fn is_due(connection: &mut PgConnection, partition: &Partition) -> Result<bool> {
    let due = sqlx::query_scalar("select exists (select from rollups_due where hour >= $1 and hour < $2)");
    Ok(due.bind(partition.first).bind(partition.next).fetch_one(connection).await?)
}

/// Whether the partition holds samples of a point that fits a condition with the quantities as `$1`.
async fn any_of(connection: &mut PgConnection, of: &Partition, those: &str, names: &[&str]) -> Result<bool> {
    let table = &of.partition;
    let probe = format!(
        "select exists (select from points where {those} and exists (select from {table} where point_no = points.no))"
    );
    Ok(sqlx::query_scalar(AssertSqlSafe(probe)).bind(names).fetch_one(connection).await?)
}

/// What was archived of a partition before anything was locked, and what it has to be held against then.
struct Archived {
    /// None where there was nothing that the archive did not hold.
    file: Option<ArchivedFile>,
    /// Samples that were read.
    read: u64,
    /// The last change of a unit before they were.
    rescalings: i64,
}

/// Files of a month whose samples have gone already; none where they have not.
type Before = Option<Vec<Filed>>;

async fn gone_before(connection: &mut PgConnection, partition: &Partition, names: &[&str]) -> Result<Before> {
    let gone: Option<Option<Json<Vec<Entry>>>> = sqlx::query_scalar(include_str!("../queries/gone_before.sql"))
        .bind(partition.first)
        .bind(names)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(entries) = gone else { return Ok(None) };
    let rescaled = rescaled(connection, None).await?;
    let entries = entries.map(|Json(entries)| entries).unwrap_or_default();
    Ok(Some(entries.into_iter().map(|entry| Filed::new(entry, &rescaled)).collect()))
}

/// The number of the last change of a unit; 0 before the first.
async fn rescalings(connection: &mut PgConnection) -> Result<i64> {
    Ok(sqlx::query_scalar("select coalesce(max(no), 0) from rescalings").fetch_one(connection).await?)
}

/// Writes what is to go into the archive, without what the files of `before` hold already.
async fn archive_samples(
    store: &Store,
    archive: &Archive,
    connection: &mut PgConnection,
    partition: &Partition,
    names: &[&str],
    before: &Before,
) -> Result<Archived> {
    let rescalings = rescalings(connection).await?;
    let Some(month) = Month::of(partition.first.0) else { return Ok(Archived { file: None, read: 0, rescalings }) };
    let table = &partition.partition;
    // The names are words of ours, and COPY takes no parameters.
    let words = names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    let goes = GOES.replace("$1", &format!("array[{words}]"));
    let query = format!("select {COLUMNS} from {table} where {goes} order by point_no, source_time");
    let read = Arc::new(AtomicU64::new(0));
    let reading = Reading {
        store: store.clone(),
        before: before.clone().unwrap_or_default(),
        chunks: chunks_of(&store.pool, query, Duration::MAX),
        read: Arc::clone(&read),
    };
    let chunks = unfold(reading, |mut reading| async move { Some((reading.next().await?, reading)) });
    // Two entries of one name would be read as one file.
    let given: Vec<String> = sqlx::query_scalar(
        "select file ->> 'name' from samples_gone, jsonb_array_elements(archive) as file where first = $1",
    )
    .bind(partition.first)
    .fetch_all(&mut *connection)
    .await?;
    let name = archive.free_name(month, &given).await?;
    let mark: uuid::Uuid = sqlx::query_scalar("insert into archive_begun (name) values ($1) returning mark")
        .bind(&name)
        .fetch_one(connection)
        .await?;
    let file = match archive.put_as(&name, &mark.to_string(), chunks).await {
        Ok(file) => Some(file),
        Err(ArchiveError::Empty { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Archived { file, read: read.load(Ordering::Relaxed), rescalings })
}

/// Samples on their way into the archive.
struct Reading {
    store: Store,
    before: Vec<Filed>,
    chunks: BoxStream<'static, Result<Vec<Sample>>>,
    read: Arc<AtomicU64>,
}

impl Reading {
    /// The next chunk, without what is archived already; none after the last.
    async fn next(&mut self) -> Option<Result<Vec<Sample>>> {
        let chunk = match self.chunks.next().await? {
            Ok(chunk) => chunk,
            Err(error) => return Some(Err(error)),
        };
        self.read.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        Some(not_archived(&self.store, &self.before, chunk).await)
    }
}

/// Those of a chunk that no file holds with the same value, by point and time.
pub(crate) async fn not_archived(store: &Store, files: &[Filed], chunk: Vec<Sample>) -> Result<Vec<Sample>> {
    let times = || chunk.iter().map(|sample| sample.source_time);
    let (Some(from), Some(to)) = (times().min(), times().max()) else { return Ok(chunk) };
    if files.is_empty() {
        return Ok(chunk);
    }
    let points: Vec<PointNo> = chunk.iter().map(|sample| sample.point).collect();
    let wanted = Selection::of(&points, from, to + Duration::from_micros(1));
    let mut fresh: BTreeMap<(PointNo, Timestamp), Sample> =
        chunk.into_iter().map(|sample| ((sample.point, sample.source_time), sample)).collect();
    for file in files {
        let mut archived = match store.filed(file, &wanted).await {
            Ok(archived) => archived,
            // What somebody took out of the archive, or broke there, holds nothing any more.
            Err(Error::Archive(ArchiveError::Missing { .. } | ArchiveError::Damaged { .. })) => continue,
            Err(error) => return Err(error),
        };
        while let Some(samples) = archived.next().await {
            for sample in samples? {
                let key = (sample.point, sample.source_time);
                if fresh.get(&key).is_some_and(|late| late.value == sample.value) {
                    fresh.remove(&key);
                }
            }
        }
    }
    Ok(fresh.into_values().collect())
}

/// Removes files that were begun and never came to stand for what went. Where a transaction that lets go of a note is
/// still under way, its end is waited for.
async fn clear_begun(connection: &mut PgConnection, archive: &Archive) -> Result<()> {
    let mut transaction = connection.begin().await?;
    transaction.execute(LOCKS).await?;
    let begun: Vec<(String, uuid::Uuid)> =
        sqlx::query_as("select name, mark from archive_begun order by name for update")
            .fetch_all(&mut *transaction)
            .await?;
    for (name, mark) in &begun {
        if archive.remove_marked(name, &mark.to_string()).await? {
            tracing::info!(
                archived = name.as_str(),
                "removed a file that was broken off: its samples are still stored"
            );
        }
        sqlx::query("delete from archive_begun where name = $1").bind(name).execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}

/// Forgets which late samples were counted, where the last roll-ups of their time are gone.
async fn forget_added(connection: &mut PgConnection, of: &Partition) -> Result<()> {
    sqlx::query("delete from samples_added where source_time < $1").bind(of.next).execute(connection).await?;
    Ok(())
}

/// Takes away what goes, in one transaction, unless it is not what was archived.
async fn take_away(
    connection: &mut PgConnection,
    partition: &Partition,
    names: &[&str],
    leaving: Leaving,
    archived: Option<&Archived>,
    now: Timestamp,
) -> Result<Outcome> {
    let Partition { partition: table, first, next } = partition;
    let mut transaction = connection.begin().await?;
    transaction.execute(LOCKS).await?;
    // Nobody writes into it from here on.
    transaction.execute(AssertSqlSafe(format!("lock table {table} in share row exclusive mode"))).await?;
    if is_due(&mut transaction, partition).await? {
        return Ok(Outcome::Waiting);
    }
    // Of what stays something may have come since it was looked for.
    if leaving == Leaving::Whole && any_of(&mut transaction, partition, "quantity <> all ($1)", names).await? {
        return Ok(Outcome::Waiting);
    }
    if let Some(archived) = archived {
        let count = format!("select count(*) from {table} where {GOES}");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(count)).bind(names).fetch_one(&mut *transaction).await?;
        // A change of unit that was under way held the lock; one that comes now waits for it, and the file knows it not.
        if count.unsigned_abs() != archived.read || rescalings(&mut transaction).await? != archived.rescalings {
            return Ok(Outcome::Waiting);
        }
    }
    let newest = newest::due_within(&mut transaction, *first, *next).await?;
    match leaving {
        Leaving::Whole => {
            transaction.execute(AssertSqlSafe(format!("drop table {table}"))).await?;
        }
        Leaving::Late => {
            let delete = format!("delete from {table} where {GOES}");
            sqlx::query(AssertSqlSafe(delete)).bind(names).execute(&mut *transaction).await?;
        }
        // Readers and writers of other months go on while what stays is copied: the table as a whole is locked only after.
        Leaving::Parted => {
            let bounds = format!("source_time >= '{}' and source_time < '{}'", first.0, next.0);
            let create = format!("create table {table}_kept (like samples including all, check ({bounds}))");
            transaction.execute(AssertSqlSafe(create)).await?;
            let copy = format!(
                "insert into {table}_kept select * from {table} where not ({GOES}) order by point_no, source_time"
            );
            sqlx::query(AssertSqlSafe(copy)).bind(names).execute(&mut *transaction).await?;
            for statement in [
                format!("alter table samples detach partition {table}"),
                format!("drop table {table}"),
                format!("alter table {table}_kept rename to {table}"),
                format!(
                    "alter table samples attach partition {table} for values from ('{}') to ('{}')",
                    first.0, next.0
                ),
            ] {
                transaction.execute(AssertSqlSafe(statement)).await?;
            }
        }
    }
    newest::keep(&mut transaction, &newest).await?;
    let file = archived.and_then(|archived| archived.file.as_ref());
    let entry = |archived: &Archived| {
        let (file, rescalings) = (archived.file.as_ref()?, archived.rescalings);
        let (name, rows, sha256) = (&file.name, file.rows, &file.sha256);
        Some(Json(vec![json!({"name": name, "rows": rows, "sha256": sha256, "rescalings": rescalings})]))
    };
    // By number: what a point measures may be another thing tomorrow.
    let points: Vec<i32> = sqlx::query_scalar("select no from points where quantity = any ($1)")
        .bind(names)
        .fetch_all(&mut *transaction)
        .await?;
    sqlx::query(include_str!("../queries/note_gone.sql"))
        .bind(first)
        .bind(next)
        .bind(At(now))
        .bind((leaving != Leaving::Whole).then_some(points))
        .bind(archived.and_then(entry))
        .bind(archived.is_none())
        .execute(&mut *transaction)
        .await?;
    if let Some(file) = file {
        sqlx::query("delete from archive_begun where name = $1").bind(&file.name).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(if leaving == Leaving::Whole { Outcome::Dropped } else { Outcome::Thinned })
}
