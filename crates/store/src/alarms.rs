//! The alarm journal, the states that follow from it, and the rules. Must not know when an alarm is raised.

use std::collections::BTreeMap;

use penstock_model::{AlarmRule, AlarmState, RuleId, TenantId, Timestamp, Transition, UserId};
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::types::Json;

use crate::audit::{self, AuditEntry};
use crate::sql::{At, clean, from_word, word};
use crate::{Error, Result, Store};

/// A transition with its place in the station's journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Counts up over the station's life; given before the entry is spooled, so that it is the same after a restart.
    pub seq: u64,
    /// What happened.
    pub transition: Transition,
}

/// Which entries of the journal are wanted: the newest first.
#[derive(Debug, Clone)]
pub struct JournalPage {
    /// Only of these rules; of all where it is none.
    pub rules: Option<Vec<RuleId>>,
    /// Not before.
    pub from: Timestamp,
    /// Before.
    pub to: Timestamp,
    /// Only entries with a smaller number: the last one of the page before.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

/// Writes `entries` into the journal and brings the states along; entries that are there already change nothing.
pub(crate) async fn append(connection: &mut PgConnection, tenant: TenantId, entries: &[JournalEntry]) -> Result<u64> {
    if entries.is_empty() {
        return Ok(0);
    }
    let transitions = || entries.iter().map(|entry| &entry.transition);
    let kinds =
        transitions().map(|transition| word("kind of transition", &transition.kind)).collect::<Result<Vec<_>>>()?;
    let written: Vec<i64> = sqlx::query_scalar(
        "insert into alarm_journal (tenant, seq, rule, rule_version, occurrence, kind, at, value, person, comment) \
         select $1, * from unnest($2::bigint[], $3::uuid[], $4::int[], $5::bigint[], $6::text[], $7::timestamptz[], \
         $8::float8[], $9::uuid[], $10::text[]) on conflict (seq) do nothing returning seq",
    )
    .bind(tenant.0)
    .bind(entries.iter().map(|entry| number(entry.seq)).collect::<Vec<_>>())
    .bind(transitions().map(|transition| transition.rule.0).collect::<Vec<_>>())
    .bind(
        transitions().map(|transition| i32::try_from(transition.rule_version).unwrap_or(i32::MAX)).collect::<Vec<_>>(),
    )
    .bind(transitions().map(|transition| number(transition.occurrence)).collect::<Vec<_>>())
    .bind(kinds)
    .bind(transitions().map(|transition| At(transition.at)).collect::<Vec<_>>())
    .bind(transitions().map(|transition| transition.value).collect::<Vec<_>>())
    .bind(transitions().map(|transition| transition.by.map(|by| by.0)).collect::<Vec<_>>())
    .bind(transitions().map(|transition| transition.comment.as_deref().map(clean)).collect::<Vec<_>>())
    .fetch_all(&mut *connection)
    .await?;

    let mut fresh: Vec<&JournalEntry> = entries.iter().filter(|entry| written.contains(&number(entry.seq))).collect();
    fresh.sort_by_key(|entry| entry.seq);
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
    for entry in &fresh {
        take(&mut states, &entry.transition);
    }
    let last_seq = fresh.last().map_or(0, |entry| entry.seq);
    write_states(connection, tenant, states.into_values(), last_seq).await?;
    Ok(written.len() as u64)
}

/// Brings the states of a journal up to one more of its entries.
fn take(states: &mut BTreeMap<RuleId, AlarmState>, transition: &Transition) {
    let mut state = states.remove(&transition.rule);
    penstock_alarm::apply(&mut state, transition);
    states.extend(state.map(|state| (state.rule, state)));
}

async fn write_states(
    connection: &mut PgConnection,
    tenant: TenantId,
    states: impl Iterator<Item = AlarmState>,
    last_seq: u64,
) -> Result<()> {
    for state in states {
        sqlx::query(
            "insert into alarm_states as stored (rule, tenant, occurrence, active, acknowledged, raised_at, \
             changed_at, value, acknowledged_by, last_seq) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             on conflict (rule) do update set occurrence = excluded.occurrence, active = excluded.active, \
             acknowledged = excluded.acknowledged, raised_at = excluded.raised_at, changed_at = excluded.changed_at, \
             value = excluded.value, acknowledged_by = excluded.acknowledged_by, last_seq = excluded.last_seq",
        )
        .bind(state.rule.0)
        .bind(tenant.0)
        .bind(number(state.occurrence))
        .bind(state.active)
        .bind(state.acknowledged)
        .bind(At(state.raised_at))
        .bind(At(state.changed_at))
        .bind(state.value)
        .bind(state.acknowledged_by.map(|by| by.0))
        .bind(number(last_seq))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

impl Store {
    /// A page of the alarm journal, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn journal(&self, tenant: TenantId, page: &JournalPage) -> Result<Vec<JournalEntry>> {
        let rows = sqlx::query(
            "select * from alarm_journal where tenant = $1 and at >= $2 and at < $3 \
             and ($4::uuid[] is null or rule = any($4)) and ($5::bigint is null or seq < $5) \
             order by seq desc limit $6",
        )
        .bind(tenant.0)
        .bind(At(page.from))
        .bind(At(page.to))
        .bind(page.rules.as_ref().map(|rules| rules.iter().map(|rule| rule.0).collect::<Vec<_>>()))
        .bind(page.before.map(number))
        .bind(i64::from(page.limit))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(entry_from).collect()
    }

    /// The number of the journal's newest entry, 0 where there is none.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn last_journal_seq(&self) -> Result<u64> {
        let seq: Option<i64> = sqlx::query_scalar("select max(seq) from alarm_journal").fetch_one(&self.pool).await?;
        Ok(seq.map_or(0, i64::unsigned_abs))
    }

    /// Where every alarm that was ever raised stands.
    ///
    /// # Errors
    /// Those of the database.
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
    /// Those of the database.
    pub async fn rebuild_alarm_states(&self, tenant: TenantId) -> Result<usize> {
        const PAGE: i64 = 10_000;
        let mut transaction = self.pool.begin().await?;
        // Keeps the writer away: the states must follow from the journal as it is then.
        sqlx::query("select from spool_watermark for update").execute(&mut *transaction).await?;
        let mut states = BTreeMap::new();
        let mut after = 0_i64;
        loop {
            let rows = sqlx::query("select * from alarm_journal where tenant = $1 and seq > $2 order by seq limit $3")
                .bind(tenant.0)
                .bind(after)
                .bind(PAGE)
                .fetch_all(&mut *transaction)
                .await?;
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
        let count = states.len();
        write_states(&mut transaction, tenant, states.into_values(), after.unsigned_abs()).await?;
        transaction.commit().await?;
        Ok(count)
    }

    /// Every alarm rule, by id.
    ///
    /// # Errors
    /// [`Error::Unreadable`] for a rule of a newer version; those of the database.
    pub async fn load_rules(&self, tenant: TenantId) -> Result<Vec<AlarmRule>> {
        let rules: Vec<Json<serde_json::Value>> =
            sqlx::query_scalar("select rule from alarm_rules where tenant = $1 order by id")
                .bind(tenant.0)
                .fetch_all(&self.pool)
                .await?;
        let read = |Json(rule)| serde_json::from_value(rule).map_err(|error| Error::unreadable("alarm rule")(&error));
        rules.into_iter().map(read).collect()
    }

    /// Saves new and changed rules, all or none.
    ///
    /// # Errors
    /// [`Error::Changed`] where a stored rule's version is not below the given one; those of the database.
    pub async fn save_rules(&self, tenant: TenantId, rules: &[AlarmRule], audit: &[AuditEntry]) -> Result<()> {
        audit::demand(audit)?;
        let mut transaction = self.pool.begin().await?;
        write_rules(&mut transaction, tenant, rules).await?;
        audit::append(&mut transaction, audit).await?;
        Ok(transaction.commit().await?)
    }
}

/// Writes rules; one that is stored as it is given is left alone.
pub(crate) async fn write_rules(connection: &mut PgConnection, tenant: TenantId, rules: &[AlarmRule]) -> Result<()> {
    for rule in rules {
        let written = sqlx::query(
            "insert into alarm_rules as stored (id, tenant, version, rule) values ($1, $2, $3, $4) \
             on conflict (id) do update set version = excluded.version, rule = excluded.rule \
             where stored.tenant = excluded.tenant \
             and (stored.version < excluded.version or stored.rule = excluded.rule)",
        )
        .bind(rule.id.0)
        .bind(tenant.0)
        .bind(i32::try_from(rule.version).unwrap_or(i32::MAX))
        .bind(Json(rule))
        .execute(&mut *connection)
        .await?;
        if written.rows_affected() == 0 {
            return Err(Error::Changed { what: format!("alarm rule {}", rule.id) });
        }
    }
    Ok(())
}

fn entry_from(row: &PgRow) -> Result<JournalEntry> {
    Ok(JournalEntry {
        seq: row.try_get::<i64, _>("seq")?.unsigned_abs(),
        transition: Transition {
            rule: RuleId(row.try_get("rule")?),
            occurrence: row.try_get::<i64, _>("occurrence")?.unsigned_abs(),
            kind: from_word("kind of transition", row.try_get("kind")?)?,
            at: row.try_get::<At, _>("at")?.0,
            value: row.try_get("value")?,
            by: row.try_get::<Option<_>, _>("person")?.map(UserId),
            comment: row.try_get("comment")?,
            rule_version: row.try_get::<i32, _>("rule_version")?.unsigned_abs(),
        },
    })
}

fn state_from(row: &PgRow) -> Result<AlarmState> {
    Ok(AlarmState {
        rule: RuleId(row.try_get("rule")?),
        occurrence: row.try_get::<i64, _>("occurrence")?.unsigned_abs(),
        active: row.try_get("active")?,
        acknowledged: row.try_get("acknowledged")?,
        raised_at: row.try_get::<At, _>("raised_at")?.0,
        changed_at: row.try_get::<At, _>("changed_at")?.0,
        value: row.try_get("value")?,
        acknowledged_by: row.try_get::<Option<_>, _>("acknowledged_by")?.map(UserId),
    })
}

/// A count of ours as a `bigint`; none comes near its end.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
