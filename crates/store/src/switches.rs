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

/// Undoes one switch, or all, for samples received before `until`, or ever. Says how many samples it were.
///
/// What was written since a switch may have been measured at any time, but it need not be looked for in the point's whole
/// history: its hours are noted with it, and stay noted for as long as the switch is (`due_hours.sql`).
async fn undo(connection: &mut PgConnection, proof: Option<Uuid>, until: Option<Timestamp>) -> Result<u64> {
    let mut switches: Vec<(At, i32, f64, f64)> = sqlx::query_as(
        "delete from unit_switches where $1::uuid is null or proof = $1 returning at, point_no, factor, shift",
    )
    .bind(proof)
    .fetch_all(&mut *connection)
    .await?;
    // The last first, where one came upon another.
    switches.sort_by_key(|(At(at), point, ..)| (std::cmp::Reverse(*at), *point));
    let mut undone = 0;
    for (At(at), point, factor, shift) in switches {
        for (from, to) in rollups::noted_ranges(connection, point).await? {
            let updated = sqlx::query(
                "update samples set value = (value - $2) / $3 where point_no = $1 \
                 and source_time >= $4 and source_time < $5 and received_time >= $6 \
                 and ($7::timestamptz is null or received_time < $7) and value is not null",
            )
            .bind(point)
            .bind(shift)
            .bind(factor)
            .bind(At(from))
            .bind(At(to))
            .bind(At(at))
            .bind(until.map(At))
            .execute(&mut *connection)
            .await?;
            undone += updated.rows_affected();
        }
        sqlx::query(
            "update newest set value = (value - $2) / $3 where point_no = $1 and received_time >= $4 \
             and ($5::timestamptz is null or received_time < $5)",
        )
        .bind(point)
        .bind(shift)
        .bind(factor)
        .bind(At(at))
        .bind(until.map(At))
        .execute(&mut *connection)
        .await?;
    }
    Ok(undone)
}
