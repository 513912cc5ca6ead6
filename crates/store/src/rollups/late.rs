//! What came late for months that are gone and is in their roll-ups already, because it was there before and went into
//! the archive. Must not know how roll-ups are made.

use std::collections::{BTreeMap, BTreeSet};

use penstock_model::{PointNo, Sample, Timestamp};
use sqlx::Row as _;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;

use super::Range;
use crate::history::{Entry, Filed, rescaled};
use crate::retention::not_archived;
use crate::sql::{At, quality};
use crate::{Result, Store};

/// Notes of what is stored in `ranges` that it is counted, where a file of its month holds it with the same value.
pub(super) async fn note_archived(store: &Store, connection: &mut PgConnection, ranges: &[Range]) -> Result<()> {
    if !store.has_archive() {
        return Ok(());
    }
    let late = uncounted(connection, ranges).await?;
    if late.is_empty() {
        return Ok(());
    }
    let rescaled = rescaled(&mut *connection, None).await?;
    let mut known: Vec<(PointNo, Timestamp)> = Vec::new();
    for (month, samples) in late {
        let entries: Json<Vec<Entry>> = sqlx::query_scalar("select archive from samples_gone where first = $1")
            .bind(At(month))
            .fetch_one(&mut *connection)
            .await?;
        let files: Vec<Filed> = entries.0.into_iter().map(|entry| Filed::new(entry, &rescaled)).collect();
        let keys: Vec<(PointNo, Timestamp)> = samples.iter().map(key_of).collect();
        let fresh: BTreeSet<(PointNo, Timestamp)> =
            not_archived(store, &files, samples).await?.iter().map(key_of).collect();
        known.extend(keys.into_iter().filter(|key| !fresh.contains(key)));
    }
    sqlx::query(
        "insert into samples_added (point_no, source_time) select * from unnest($1::int[], $2::timestamptz[]) \
         on conflict do nothing",
    )
    .bind(known.iter().map(|(point, _)| point.0).collect::<Vec<_>>())
    .bind(known.iter().map(|(_, at)| At(*at)).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

const fn key_of(sample: &Sample) -> (PointNo, Timestamp) {
    (sample.point, sample.source_time)
}

/// What is stored in `ranges` and not noted as counted, by the beginning of its month, where that has files.
async fn uncounted(connection: &mut PgConnection, ranges: &[Range]) -> Result<BTreeMap<Timestamp, Vec<Sample>>> {
    let rows = sqlx::query(include_str!("../../queries/late_uncounted.sql"))
        .bind(ranges.iter().map(|range| range.point.0).collect::<Vec<_>>())
        .bind(ranges.iter().map(|range| At(range.from)).collect::<Vec<_>>())
        .bind(ranges.iter().map(|range| At(range.to)).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    let mut late: BTreeMap<Timestamp, Vec<Sample>> = BTreeMap::new();
    for row in &rows {
        let sample = Sample {
            point: PointNo(row.try_get("point_no")?),
            source_time: row.try_get::<At, _>("source_time")?.0,
            received_time: row.try_get::<At, _>("received_time")?.0,
            value: row.try_get("value")?,
            quality: quality(row.try_get("quality")?),
        };
        late.entry(row.try_get::<At, _>("month")?.0).or_default().push(sample);
    }
    Ok(late)
}
