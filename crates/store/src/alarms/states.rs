//! Where each alarm stands, as it follows from the journal. Must not know what moves an alarm.

use std::collections::BTreeMap;

use penstock_model::{AlarmState, RuleId, Shelf, TenantId, Timestamp, Transition, UserId};
use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::types::Json;

use super::journal::{JournalEntry, columns, entry_from};
use super::number;
use crate::sql::At;
use crate::{Error, Result, Store};

/// Brings the stored states along with entries that are new in the journal, given in its order.
pub(super) async fn follow(connection: &mut PgConnection, tenant: TenantId, fresh: &[&JournalEntry]) -> Result<()> {
    let Some(last) = fresh.last() else { return Ok(()) };
    let mut touched: Vec<_> = fresh.iter().map(|entry| entry.transition.rule.0).collect();
    touched.sort_unstable();
    touched.dedup();
    let rows = sqlx::query("select * from alarm_states where rule = any($1) for update")
        .bind(&touched)
        .fetch_all(&mut *connection)
        .await?;
    let mut states = BTreeMap::new();
    for row in &rows {
        let state = state_from(row)?;
        states.insert(state.rule, state);
    }
    for entry in fresh {
        take(&mut states, &entry.transition);
    }
    write(connection, tenant, &states.into_values().collect::<Vec<_>>(), last.seq).await
}

/// Brings the states of a journal up to one more of its entries.
fn take(states: &mut BTreeMap<RuleId, AlarmState>, transition: &Transition) {
    let mut state = states.remove(&transition.rule);
    penstock_alarm::apply(&mut state, transition);
    states.extend(state.map(|state| (state.rule, state)));
}

async fn write(connection: &mut PgConnection, tenant: TenantId, states: &[AlarmState], last_seq: u64) -> Result<()> {
    if states.is_empty() {
        return Ok(());
    }
    let flags = |of: fn(&AlarmState) -> bool| states.iter().map(of).collect::<Vec<_>>();
    let times = |of: fn(&AlarmState) -> Option<Timestamp>| {
        states.iter().map(|state| of(state).map(At)).collect::<Vec<Option<At>>>()
    };
    let count = |of: u32| i32::try_from(of).unwrap_or(i32::MAX);
    sqlx::query(include_str!("../../queries/write_states.sql"))
        .bind(tenant.0)
        .bind(number(last_seq))
        .bind(states.iter().map(|state| state.rule.0).collect::<Vec<_>>())
        .bind(states.iter().map(|state| number(state.occurrence)).collect::<Vec<_>>())
        .bind(flags(|state| state.active))
        .bind(flags(|state| state.acknowledged))
        .bind(flags(|state| state.latched))
        .bind(states.iter().map(|state| state.shelf.map(Json)).collect::<Vec<_>>())
        .bind(times(|state| state.suppressed))
        .bind(times(|state| state.out_of_service))
        .bind(flags(|state| state.first_out))
        .bind(states.iter().map(|state| count(state.realarms)).collect::<Vec<_>>())
        .bind(times(|state| Some(state.raised_at)))
        .bind(times(|state| Some(state.called_at)))
        .bind(times(|state| Some(state.changed_at)))
        .bind(states.iter().map(|state| state.value).collect::<Vec<_>>())
        .bind(states.iter().map(|state| state.acknowledged_by.map(|by| by.0)).collect::<Vec<_>>())
        .bind(times(|state| state.acknowledged_at))
        .execute(connection)
        .await?;
    Ok(())
}

impl Store {
    /// Where every alarm stands that was ever raised, shelved, suppressed or taken out of service.
    ///
    /// # Errors
    /// [`Error::Unreadable`]; those of the database.
    pub async fn alarm_states(&self, tenant: TenantId) -> Result<Vec<AlarmState>> {
        let rows = sqlx::query("select * from alarm_states where tenant = $1 order by rule")
            .bind(tenant.0)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(state_from).collect()
    }

    /// Makes the states anew from the whole journal, and says how many there are.
    ///
    /// # Errors
    /// [`Error::Unreadable`]; those of the database.
    pub async fn rebuild_alarm_states(&self, tenant: TenantId) -> Result<usize> {
        const PAGE: i64 = 10_000;
        let mut transaction = self.pool.begin().await?;
        // Keeps the writer away: the states must follow from the journal as it is then.
        sqlx::query("select from spool_watermark for update").execute(&mut *transaction).await?;
        let mut states = BTreeMap::new();
        let mut after = 0_i64;
        loop {
            let page = concat!(
                "select ",
                columns!(),
                " from alarm_journal where tenant = $1 and seq > $2 order by seq limit $3"
            );
            let rows = sqlx::query(page).bind(tenant.0).bind(after).bind(PAGE).fetch_all(&mut *transaction).await?;
            for row in &rows {
                let entry = entry_from(row)?;
                after = number(entry.seq);
                take(&mut states, &entry.transition);
            }
            if (rows.len() as i64) < PAGE {
                break;
            }
        }
        sqlx::query("delete from alarm_states where tenant = $1").bind(tenant.0).execute(&mut *transaction).await?;
        let states: Vec<AlarmState> = states.into_values().collect();
        write(&mut transaction, tenant, &states, after.unsigned_abs()).await?;
        transaction.commit().await?;
        Ok(states.len())
    }
}

fn state_from(row: &PgRow) -> Result<AlarmState> {
    let shelf: Option<Json<serde_json::Value>> = row.try_get("shelf")?;
    let read = |Json(shelf)| {
        serde_json::from_value::<Shelf>(shelf).map_err(|error| Error::unreadable("shelf of an alarm")(&error))
    };
    let time = |name: &str| row.try_get::<Option<At>, _>(name).map(|at| at.map(|At(at)| at));
    Ok(AlarmState {
        rule: RuleId(row.try_get("rule")?),
        occurrence: row.try_get::<i64, _>("occurrence")?.unsigned_abs(),
        active: row.try_get("active")?,
        acknowledged: row.try_get("acknowledged")?,
        latched: row.try_get("latched")?,
        shelf: shelf.map(read).transpose()?,
        suppressed: time("suppressed_since")?,
        out_of_service: time("out_of_service_since")?,
        first_out: row.try_get("first_out")?,
        realarms: row.try_get::<i32, _>("realarms")?.unsigned_abs(),
        raised_at: row.try_get::<At, _>("raised_at")?.0,
        called_at: row.try_get::<At, _>("called_at")?.0,
        changed_at: row.try_get::<At, _>("changed_at")?.0,
        value: row.try_get("value")?,
        acknowledged_by: row.try_get::<Option<_>, _>("acknowledged_by")?.map(UserId),
        acknowledged_at: time("acknowledged_at")?,
    })
}
