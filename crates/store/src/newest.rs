//! The newest sample of each point, kept beside the historian. Must not know who asks for it.
//!
//! Writing each one down as it comes would cost as much as storing it. The writer notes once that a point's newest sample
//! has to be looked up, in the transaction that stores the sample, and does so for all such points when there is nothing
//! else to store. Until then the view `newest_now` looks it up for whoever asks, also after a crash.

use std::collections::{BTreeMap, HashSet};

use penstock_model::{Doubt, PointNo, Quality, Sample, TenantId, Timestamp};
use sqlx::postgres::PgConnection;
use sqlx::{Executor as _, Row as _};

use crate::history::sample_from;
use crate::register::Rescale;
use crate::replay::RIGHT;
use crate::sql::At;
use crate::{Result, Store};

const AHEAD: Quality = Quality::Uncertain(Doubt::ClockAhead);

/// Points that are looked up at once.
const PART: i64 = 2_000;

/// What the writer knows to be noted.
#[derive(Debug, Default)]
pub(crate) struct Newest {
    due: HashSet<PointNo>,
    /// Whether nothing is, for certain.
    is_settled: bool,
}

/// What a batch's samples change.
#[derive(Debug)]
pub(crate) struct Changes {
    /// Points that are not known to be noted.
    due: Vec<PointNo>,
    /// The newest of each point that a clock that was ahead gave. Looking these up again could mean passing all of a
    /// point's samples by, so they are written down as they come.
    ahead: Vec<Sample>,
}

impl Newest {
    /// Forgets what is noted: to be called where that is not certain, as after a failed transaction.
    pub(crate) fn begin_anew(&mut self) {
        *self = Self::default();
    }

    /// Whether nothing has to be looked up.
    pub(crate) const fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// What these samples change, which are stored with it.
    pub(crate) fn changes<'a>(&self, samples: impl Iterator<Item = &'a Sample>) -> Changes {
        let (mut due, mut ahead) = (Vec::new(), BTreeMap::<PointNo, Sample>::new());
        for sample in samples {
            if sample.quality == AHEAD {
                let newest = ahead.entry(sample.point).or_insert(*sample);
                if newest.source_time < sample.source_time {
                    *newest = *sample;
                }
            } else if due.last() != Some(&sample.point) && !self.due.contains(&sample.point) {
                due.push(sample.point);
            }
        }
        Changes { due, ahead: ahead.into_values().collect() }
    }

    /// Says that they are stored.
    pub(crate) fn accept(&mut self, changes: Changes) {
        self.is_settled &= changes.due.is_empty();
        self.due.extend(changes.due);
    }

    /// Looks up some of what is noted, in a transaction that the caller rolls back where it fails: while a change of unit
    /// is under way it does.
    pub(crate) async fn settle_some(&mut self, connection: &mut PgConnection) -> Result<()> {
        // Samples that are being made SI are not what they will be.
        const BEGIN: &str = "begin; set local statement_timeout = '2s'; lock table rescalings in share mode nowait";
        connection.execute(BEGIN).await?;
        let settled: Vec<i32> = sqlx::query_scalar(include_str!("../queries/settle_newest.sql"))
            .bind(PART)
            .bind(i16::from(AHEAD.code()))
            .fetch_all(&mut *connection)
            .await?;
        connection.execute("commit").await?;
        self.is_settled = (settled.len() as i64) < PART;
        for point in settled {
            self.due.remove(&PointNo(point));
        }
        Ok(())
    }
}

/// The newest samples that have yet to be looked up and lie between these times: what goes with them would be forgotten.
pub(crate) async fn due_within(connection: &mut PgConnection, first: At, next: At) -> Result<Vec<Sample>> {
    let found = sqlx::query(include_str!("../queries/newest_due_within.sql"));
    found.bind(first).bind(next).fetch_all(connection).await?.iter().map(sample_from).collect()
}

/// When the newest stored sample of each point was measured; none where it has none, clocks that were ahead aside.
pub(crate) async fn times(
    connection: &mut PgConnection,
    points: Vec<PointNo>,
) -> Result<BTreeMap<PointNo, Option<Timestamp>>> {
    if points.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(i32, At)> =
        sqlx::query_as("select point_no, source_time from newest_now where point_no = any($1) and quality <> $2")
            .bind(points.iter().map(|point| point.0).collect::<Vec<_>>())
            .bind(i16::from(AHEAD.code()))
            .fetch_all(connection)
            .await?;
    let mut newest: BTreeMap<PointNo, Option<Timestamp>> = points.into_iter().map(|point| (point, None)).collect();
    newest.extend(rows.into_iter().map(|(point, At(time))| (PointNo(point), Some(time))));
    Ok(newest)
}

/// Notes what has to be looked up, and writes down what clocks that were ahead gave.
pub(crate) async fn note(connection: &mut PgConnection, changes: &Changes) -> Result<()> {
    if !changes.due.is_empty() {
        sqlx::query("insert into newest_due (point_no) select unnest($1::int[]) on conflict do nothing")
            .bind(changes.due.iter().map(|point| point.0).collect::<Vec<_>>())
            .execute(&mut *connection)
            .await?;
    }
    keep(connection, &changes.ahead).await
}

/// Writes down those that are newer than what is kept, at most one a point. To be called after samples are written or
/// taken away, never before: others take the two in this order.
pub(crate) async fn keep(connection: &mut PgConnection, newest: &[Sample]) -> Result<()> {
    if newest.is_empty() {
        return Ok(());
    }
    sqlx::query(include_str!("../queries/keep_newest.sql"))
        .bind(newest.iter().map(|sample| sample.point.0).collect::<Vec<_>>())
        .bind(newest.iter().map(|sample| At(sample.source_time)).collect::<Vec<_>>())
        .bind(newest.iter().map(|sample| At(sample.received_time)).collect::<Vec<_>>())
        .bind(newest.iter().map(|sample| sample.value).collect::<Vec<_>>())
        .bind(newest.iter().map(|sample| i16::from(sample.quality.code())).collect::<Vec<_>>())
        .bind(i16::from(AHEAD.code()))
        .execute(connection)
        .await?;
    Ok(())
}

/// Makes what is kept SI, as the stored samples were made. To be called last before a commit: the writer waits for it, and
/// two of them take the points in the same order.
pub(crate) async fn rescale(connection: &mut PgConnection, rescales: &[(PointNo, Rescale)]) -> Result<()> {
    let mut rescales: Vec<_> = rescales.iter().collect();
    rescales.sort_by_key(|(point, _)| *point);
    for (point, rescale) in rescales {
        let convert = "update newest set value = value * $2 + $3 where point_no = $1 and received_time < $4";
        rescale.execute(connection, *point, convert).await?;
    }
    Ok(())
}

impl Store {
    /// The newest sample of every point of the tenant that has one, by point. One of a clock that was ahead, a device's
    /// or, as `now` shows, the station's own, is named only for a point that has no other.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn latest(&self, tenant: TenantId, now: Timestamp) -> Result<Vec<Sample>> {
        let (ahead, until) = (i16::from(AHEAD.code()), At(now + RIGHT));
        let rows = sqlx::query(include_str!("../queries/latest.sql"))
            .bind(tenant.0)
            .bind(ahead)
            .bind(until)
            .fetch_all(&self.pool)
            .await?;
        let (mut latest, mut to_come) = (BTreeMap::new(), Vec::new());
        for row in &rows {
            let sample = sample_from(row)?;
            if row.try_get::<bool, _>("is_to_come")? {
                to_come.push(sample.point.0);
            }
            latest.insert(sample.point, sample);
        }
        if !to_come.is_empty() {
            let rows = sqlx::query(include_str!("../queries/newest_until.sql"))
                .bind(to_come)
                .bind(ahead)
                .bind(until)
                .fetch_all(&self.pool)
                .await?;
            for row in &rows {
                let sample = sample_from(row)?;
                latest.insert(sample.point, sample);
            }
        }
        Ok(latest.into_values().collect())
    }
}
