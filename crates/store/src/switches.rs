//! Changes of unit that are under way: from a moment on samples are read by the new unit, and the change itself is stored
//! a little later, or not at all. In between the switch is noted, so that what was read by a unit that the point did not
//! get can be read back. Must not know who changes a unit or why.

use penstock_model::{PointNo, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::audit::AuditEntry;
use crate::rollups;
use crate::sql::At;
use crate::{Result, Store};

/// A moment from which samples of some points are read by other units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitSwitch {
    /// Id of the audit entry that the change is stored with: where it is there, the change is.
    pub proof: Uuid,
    /// Samples received from then on are read by the new units.
    pub at: Timestamp,
    /// Of each point: new SI value = old SI value × factor + offset.
    pub points: Vec<(PointNo, f64, f64)>,
}

/// The moment from which samples are read by the former units again: the change was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitReturn {
    /// Of the switch.
    pub proof: Uuid,
    /// Samples received from then on are read by the former units.
    pub at: Timestamp,
}

/// Notes switches whose change is not stored yet.
pub(crate) async fn note(connection: &mut PgConnection, switches: &[UnitSwitch]) -> Result<()> {
    for switch in switches {
        sqlx::query(
            "insert into unit_switches (proof, at, point_no, factor, shift) \
             select $1, $2, * from unnest($3::int[], $4::float8[], $5::float8[]) \
             where not exists (select from audit where id = $1) on conflict do nothing",
        )
        .bind(switch.proof)
        .bind(At(switch.at))
        .bind(switch.points.iter().map(|(point, ..)| point.0).collect::<Vec<_>>())
        .bind(switch.points.iter().map(|(_, factor, _)| *factor).collect::<Vec<_>>())
        .bind(switch.points.iter().map(|(.., offset)| *offset).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Reads what came in the meantime by the former units again, and forgets the switches.
pub(crate) async fn take_back(connection: &mut PgConnection, returns: &[UnitReturn]) -> Result<()> {
    for back in returns {
        undo(connection, Some(back.proof), Some(back.at)).await?;
    }
    Ok(())
}

/// Forgets the switches of changes that are stored with these entries.
pub(crate) async fn settle(connection: &mut PgConnection, audit: &[AuditEntry]) -> Result<()> {
    sqlx::query("delete from unit_switches where proof = any($1)")
        .bind(audit.iter().map(|entry| entry.id).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

impl Store {
    /// Undoes the switches of changes that were never stored, after everything that the spool held is: samples that were
    /// read by a unit that their point did not get are made what they would have been. Says how many samples it were.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn undo_switches(&self) -> Result<u64> {
        let mut transaction = self.pool.begin().await?;
        let undone = undo(&mut transaction, None, None).await?;
        transaction.commit().await?;
        Ok(undone)
    }
}

/// Undoes one switch, or all, for samples received before `until`, or ever.
async fn undo(connection: &mut PgConnection, proof: Option<Uuid>, until: Option<Timestamp>) -> Result<u64> {
    let rows: Vec<(i32, At, i64)> = sqlx::query_as(
        "with switched as (delete from unit_switches where $1::uuid is null or proof = $1 returning *), \
         undone as (update samples set value = (value - shift) / factor from switched \
         where samples.point_no = switched.point_no and received_time >= switched.at \
         and ($2::timestamptz is null or received_time < $2) and value is not null \
         returning samples.point_no, source_time), \
         of_the_present as (update newest set value = (value - shift) / factor from switched \
         where newest.point_no = switched.point_no and received_time >= switched.at \
         and ($2::timestamptz is null or received_time < $2)) \
         select point_no, date_trunc('hour', source_time, 'UTC') as hour, count(*) from undone group by 1, 2",
    )
    .bind(proof)
    .bind(until.map(At))
    .fetch_all(&mut *connection)
    .await?;
    let hours: Vec<(i32, Timestamp)> = rows.iter().map(|(point, At(hour), _)| (*point, *hour)).collect();
    rollups::note(connection, &hours).await?;
    Ok(rows.iter().map(|(.., samples)| samples.unsigned_abs()).sum())
}
