//! How long samples and roll-ups are kept: partitions made ahead, and dropped when their time is over. Must not know
//! who decides how long.

use std::collections::BTreeMap;
use std::time::Duration;

use penstock_model::{Quantity, Timestamp};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use crate::rollups::Level;
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

    /// Takes away what is over at `now`. Samples that are not rolled up yet stay until they are. Readers and writers
    /// wait for a moment where a partition goes, and for as long as it takes to copy what stays where only some points'
    /// samples go.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] where a partition is in use for too long: the next call tries again; those of the
    /// database.
    pub async fn expire(&self, now: Timestamp, retention: &Retention) -> Result<Expired> {
        let mut expired = Expired::default();
        let mut connection = self.pool.acquire().await?;
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
            match expire_samples(&mut connection, &partition, &over, now).await? {
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

/// Locks are waited for this long: everything that writes waits behind.
const LOCKS: &str = "set local lock_timeout = '2s'";

async fn drop_table(connection: &mut PgConnection, table: &str) -> Result<()> {
    let mut transaction = connection.begin().await?;
    transaction.execute(LOCKS).await?;
    transaction.execute(AssertSqlSafe(format!("drop table {table}"))).await?;
    Ok(transaction.commit().await?)
}

/// Takes the samples of points that measure one of `over` out of a partition.
async fn expire_samples(
    connection: &mut PgConnection,
    partition: &Partition,
    over: &[Quantity],
    now: Timestamp,
) -> Result<Outcome> {
    let Partition { partition: table, first, next } = partition;
    let names: Vec<&str> = over.iter().map(|quantity| quantity.name()).collect();
    let mut transaction = connection.begin().await?;
    transaction.execute(LOCKS).await?;
    // Nobody writes into it from here on; what is written later is noted as due.
    transaction.execute(AssertSqlSafe(format!("lock table {table} in share row exclusive mode"))).await?;
    let is_due: bool = sqlx::query_scalar("select exists (select from rollups_due where hour >= $1 and hour < $2)")
        .bind(first)
        .bind(next)
        .fetch_one(&mut *transaction)
        .await?;
    if is_due {
        return Ok(Outcome::Waiting);
    }
    // Points of no known quantity go with the first.
    let probe = |those: &str| {
        AssertSqlSafe(format!(
            "select exists (select from points where {those} \
             and exists (select from {table} where point_no = points.no))"
        ))
    };
    let any_stays: bool =
        sqlx::query_scalar(probe("quantity <> all ($1)")).bind(&names).fetch_one(&mut *transaction).await?;
    if any_stays {
        let any_goes: bool =
            sqlx::query_scalar(probe("quantity = any ($1)")).bind(&names).fetch_one(&mut *transaction).await?;
        if !any_goes {
            return Ok(Outcome::Kept);
        }
        let (bound_from, bound_to) = (first.0, next.0);
        for statement in [
            format!("create table {table}_kept (like samples including all)"),
            format!("alter table samples detach partition {table}"),
        ] {
            transaction.execute(AssertSqlSafe(statement)).await?;
        }
        let copy = format!(
            "insert into {table}_kept select * from {table} \
             where point_no in (select no from points where quantity <> all ($1)) order by point_no, source_time"
        );
        sqlx::query(AssertSqlSafe(copy)).bind(&names).execute(&mut *transaction).await?;
        for statement in [
            format!("drop table {table}"),
            format!("alter table {table}_kept rename to {table}"),
            format!("alter table samples attach partition {table} for values from ('{bound_from}') to ('{bound_to}')"),
        ] {
            transaction.execute(AssertSqlSafe(statement)).await?;
        }
    } else {
        transaction.execute(AssertSqlSafe(format!("drop table {table}"))).await?;
    }
    sqlx::query(
        "insert into samples_gone (first, next, dropped_at, quantities) values ($1, $2, $3, $4) \
         on conflict (first) do update set dropped_at = excluded.dropped_at, quantities = excluded.quantities",
    )
    .bind(first)
    .bind(next)
    .bind(At(now))
    .bind(any_stays.then_some(&names))
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(if any_stays { Outcome::Thinned } else { Outcome::Dropped })
}
