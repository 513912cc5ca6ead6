//! The newest sample of each point, kept beside the historian in step with it. Must not know who asks for it.

use std::collections::{BTreeMap, HashMap};

use penstock_model::{Doubt, PointNo, Quality, Sample, TenantId, Timestamp};
use sqlx::Row as _;
use sqlx::postgres::PgConnection;

use crate::history::sample_from;
use crate::register::Rescale;
use crate::replay::RIGHT;
use crate::sql::At;
use crate::{Result, Store};

const AHEAD: Quality = Quality::Uncertain(Doubt::ClockAhead);

/// How far the table is known to be: what is not newer need not be sent to the server.
#[derive(Debug, Default)]
pub(crate) struct Newest {
    known: HashMap<PointNo, Rank>,
}

/// What makes one sample of a point newer than another: a time that was still to come when it was told says nothing of the
/// present, and counts only where there is no other.
type Rank = (bool, Timestamp);

fn rank(sample: &Sample) -> Rank {
    (sample.quality != AHEAD, sample.source_time)
}

impl Newest {
    /// Forgets what was stored: to be called where that is not certain, as after a failed transaction.
    pub(crate) fn begin_anew(&mut self) {
        self.known.clear();
    }

    /// Those of the samples, which are in the order of points, that are the newest of their points by now.
    pub(crate) fn among<'a>(&self, samples: impl Iterator<Item = &'a Sample>) -> Vec<Sample> {
        let mut newest: Vec<Sample> = Vec::new();
        for sample in samples {
            match newest.last_mut() {
                Some(last) if last.point == sample.point => {
                    if rank(last) < rank(sample) {
                        *last = *sample;
                    }
                }
                _ => newest.push(*sample),
            }
        }
        newest.retain(|sample| self.known.get(&sample.point).is_none_or(|known| *known < rank(sample)));
        newest
    }

    /// Says that these are stored.
    pub(crate) fn accept(&mut self, newest: &[Sample]) {
        self.known.extend(newest.iter().map(|sample| (sample.point, rank(sample))));
    }
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
        sqlx::query_as("select point_no, source_time from newest where point_no = any($1) and quality <> $2")
            .bind(points.iter().map(|point| point.0).collect::<Vec<_>>())
            .bind(i16::from(AHEAD.code()))
            .fetch_all(connection)
            .await?;
    let mut newest: BTreeMap<PointNo, Option<Timestamp>> = points.into_iter().map(|point| (point, None)).collect();
    newest.extend(rows.into_iter().map(|(point, At(time))| (PointNo(point), Some(time))));
    Ok(newest)
}

/// Writes down those that are newer than what is kept, at most one a point.
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
