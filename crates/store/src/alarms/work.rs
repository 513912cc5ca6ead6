//! The work on alarms that load: what was found to cure a rule, and what people decided. Only grows. Must not know what
//! a finding says.

use penstock_model::{RuleId, TenantId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use uuid::Uuid;

use crate::audit::{self, AuditEntry};
use crate::sql::{At, clean, clean_json, from_word, word};
use crate::{Result, Store};

/// What was done about an alarm that loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkKind {
    /// A cure was looked for.
    Found,
    /// The cure was applied.
    Applied,
    /// It stays as it is, for a reason.
    Dismissed,
    /// It is to be worked on again.
    Reopened,
}

/// A note of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// Whose alarm.
    pub rule: RuleId,
    /// When.
    pub at: Timestamp,
    /// By whom; none where the station itself did it.
    pub by: Option<UserId>,
    /// What.
    pub kind: WorkKind,
    /// Why, in the person's words.
    pub reason: Option<String>,
    /// What was found.
    pub finding: Option<serde_json::Value>,
}

impl Store {
    /// Notes what was done about an alarm that loads.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_work(&self, tenant: TenantId, work: &Work, audit: &[AuditEntry]) -> Result<()> {
        audit::demand(audit)?;
        let finding = work.finding.clone().map(|mut finding| {
            clean_json(&mut finding);
            Json(finding)
        });
        let mut transaction = self.pool.begin().await?;
        audit::append(&mut transaction, audit).await?;
        sqlx::query(
            "insert into alarm_work (tenant, rule, at, person, kind, reason, finding) \
             values ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(tenant.0)
        .bind(work.rule.0)
        .bind(At(work.at))
        .bind(work.by.map(|by| by.0))
        .bind(word("work on an alarm", &work.kind)?)
        .bind(work.reason.as_deref().map(clean))
        .bind(finding)
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// What was done last about each rule: its newest finding and its newest decision, in the order they were noted.
    ///
    /// # Errors
    /// [`crate::Error::Unreadable`]; those of the database.
    pub async fn work(&self, tenant: TenantId) -> Result<Vec<Work>> {
        let rows = sqlx::query(
            "select rule, at, person, kind, reason, finding from ( \
                 select distinct on (rule, kind = 'found') * from alarm_work where tenant = $1 \
                 order by rule, kind = 'found', seq desc \
             ) newest order by seq",
        )
        .bind(tenant.0)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(work_from).collect()
    }
}

fn work_from(row: &PgRow) -> Result<Work> {
    Ok(Work {
        rule: RuleId(row.try_get("rule")?),
        at: row.try_get::<At, _>("at")?.0,
        by: row.try_get::<Option<Uuid>, _>("person")?.map(UserId),
        kind: from_word("work on an alarm", row.try_get("kind")?)?,
        reason: row.try_get("reason")?,
        finding: row.try_get::<Option<Json<_>>, _>("finding")?.map(|Json(finding)| finding),
    })
}
