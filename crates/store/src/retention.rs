//! How long samples and roll-ups are kept: partitions made ahead, and dropped when their time is over. Must not know
//! who decides how long.

use std::collections::BTreeMap;
use std::time::Duration;

use penstock_archive::{Archive, ArchivedFile, Month};
use penstock_model::{Quantity, Timestamp};
use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tokio::sync::mpsc;

use crate::rollups::Level;
use crate::scan::{COLUMNS, copy_into};
use crate::sql::At;
use crate::{Result, Store};

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
    /// samples go.
    ///
    /// Where `now` is more than a month after the last call, nothing goes unless it is `confirmed`: a clock that leaps must
    /// not take years of samples along.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] where a partition is in use for too long: the next call tries again; those of the
    /// database.
    pub async fn expire(&self, now: Timestamp, retention: &Retention, confirmed: bool) -> Result<Expired> {
        let mut expired = Expired::default();
        let mut connection = self.pool.acquire().await?;
        let last: Option<At> = sqlx::query_scalar("select at from kept_house").fetch_optional(&mut *connection).await?;
        if !confirmed && last.is_some_and(|At(last)| now.since(last) > LEAP) {
            return Ok(Expired { waiting: 1, ..expired });
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
                }
            }
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

impl Retention {
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
    // Before anything is locked, because it takes long; what comes meanwhile is told by the count.
    let file = match store.archive.get() {
        Some(archive) => archive_samples(store, archive, partition, &names).await?,
        None => None,
    };
    let outcome =
        take_away(connection, partition, &names, any_stays, file.as_ref(), store.archive.get().is_some(), now);
    let outcome = outcome.await;
    // Where the outcome is not known the file stays: it may be all there is of these samples.
    if let (Some(archive), Some(file), Ok(Outcome::Waiting)) = (store.archive.get(), file, &outcome) {
        tracing::info!(file = file.name, rows = file.rows, "what was archived has changed since: it is done anew");
        archive.remove(&file.name).await?;
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

/// Writes what is to go into the archive; none where nothing is.
async fn archive_samples(
    store: &Store,
    archive: &Archive,
    partition: &Partition,
    names: &[&str],
) -> Result<Option<ArchivedFile>> {
    let Some(month) = Month::of(partition.first.0) else { return Ok(None) };
    let table = &partition.partition;
    // The names are words of ours, and COPY takes no parameters.
    let words = names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    let goes = GOES.replace("$1", &format!("array[{words}]"));
    let query = format!("select {COLUMNS} from {table} where {goes} order by point_no, source_time");
    let (into, chunks) = mpsc::channel(4);
    let pool = store.pool.clone();
    let reading = tokio::spawn(async move {
        if let Err(error) = copy_into(&pool, &query, Duration::MAX, &into).await {
            drop(into.send(Err(error)).await);
        }
    });
    let chunks = futures_util::stream::unfold(chunks, |mut chunks| async move { Some((chunks.recv().await?, chunks)) });
    let put = archive.put(month, chunks).await;
    drop(reading);
    match put {
        Ok(file) => Ok(Some(file)),
        Err(penstock_archive::Error::Empty { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Takes away what goes, in one transaction, unless it is not what was archived.
async fn take_away(
    connection: &mut PgConnection,
    partition: &Partition,
    names: &[&str],
    any_stays: bool,
    file: Option<&ArchivedFile>,
    archives: bool,
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
    if archives {
        let count = format!("select count(*) from {table} where {GOES}");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(count)).bind(names).fetch_one(&mut *transaction).await?;
        if count.unsigned_abs() != file.map_or(0, |file| file.rows) {
            return Ok(Outcome::Waiting);
        }
    }
    if any_stays {
        // Readers and writers of other months go on while what stays is copied: the table as a whole is locked only after.
        let bounds = format!("source_time >= '{}' and source_time < '{}'", first.0, next.0);
        let create = format!("create table {table}_kept (like samples including all, check ({bounds}))");
        transaction.execute(AssertSqlSafe(create)).await?;
        let copy =
            format!("insert into {table}_kept select * from {table} where not ({GOES}) order by point_no, source_time");
        sqlx::query(AssertSqlSafe(copy)).bind(names).execute(&mut *transaction).await?;
        for statement in [
            format!("alter table samples detach partition {table}"),
            format!("drop table {table}"),
            format!("alter table {table}_kept rename to {table}"),
            format!("alter table samples attach partition {table} for values from ('{}') to ('{}')", first.0, next.0),
        ] {
            transaction.execute(AssertSqlSafe(statement)).await?;
        }
    } else {
        transaction.execute(AssertSqlSafe(format!("drop table {table}"))).await?;
    }
    let files = file.map(|file| Json(vec![json!({"name": file.name, "rows": file.rows, "sha256": file.sha256})]));
    // By number: what a point measures may be another thing tomorrow.
    let points: Vec<i32> = sqlx::query_scalar("select no from points where quantity = any ($1)")
        .bind(names)
        .fetch_all(&mut *transaction)
        .await?;
    sqlx::query(include_str!("../queries/note_gone.sql"))
        .bind(first)
        .bind(next)
        .bind(At(now))
        .bind(any_stays.then_some(points))
        .bind(files)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(if any_stays { Outcome::Thinned } else { Outcome::Dropped })
}
