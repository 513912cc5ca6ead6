//! The approvals of alarm rules as a chain that only grows, what the audit says of it, and who removed a rule. Must not
//! know what an approval says or whether the chain is whole: who reads it checks.

use std::collections::BTreeMap;

use penstock_alarm::{Approval, Digest};
use penstock_model::{RuleId, TenantId, Timestamp, UserId};
use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};
use uuid::Uuid;

use super::{number, version};
use crate::audit::{self, AuditEntry};
use crate::reader::{ANSWER, in_time};
use crate::sql::At;
use crate::{Error, Result, Store};

/// The chain of approvals as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Approvals {
    /// Every approval, the first one first.
    pub chain: Vec<Approval>,
    /// Number and digest of the newest that was given; zeros where none was.
    pub head: (u64, Digest),
}

/// A rule that was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// When.
    pub at: Timestamp,
    /// By whom; none where the station itself did it.
    pub by: Option<UserId>,
    /// Why, in the person's words.
    pub reason: Option<String>,
}

impl Store {
    /// Every approval of alarm rules, with the end of the chain as it was noted apart.
    ///
    /// # Errors
    /// [`Error::Unreadable`]; those of the database.
    pub async fn approvals(&self, tenant: TenantId) -> Result<Approvals> {
        // In one statement, so that an approval that is given meanwhile is in both or in none.
        let rows = sqlx::query(
            "select head.number as head_number, head.digest as head_digest, given.number, at, approved_by, reason, \
             settings, withdrawn, previous, given.digest \
             from (select * from alarm_approvals_head where tenant = $1) head \
             full join (select * from alarm_approvals where tenant = $1) given on given.tenant = head.tenant \
             order by given.number",
        )
        .bind(tenant.0)
        .fetch_all(&self.pool)
        .await?;
        let mut approvals = Approvals::default();
        for row in &rows {
            if let Some(head) = row.try_get::<Option<i64>, _>("head_number")? {
                approvals.head = (head.unsigned_abs(), digest(row, "head_digest")?);
            }
            if let Some(number) = row.try_get::<Option<i64>, _>("number")? {
                approvals.chain.push(approval(row, number.unsigned_abs())?);
            }
        }
        Ok(approvals)
    }

    /// Number and digest of the newest approval, as the end of the chain was noted apart; zeros where none was given.
    ///
    /// # Errors
    /// [`Error::Unreadable`]; those of the database.
    pub async fn approvals_head(&self, tenant: TenantId) -> Result<(u64, Digest)> {
        head(&mut *self.pool.acquire().await?, tenant).await
    }

    /// Number and digest of the approval that the audit has last; none where it has none. Nobody else may read the
    /// audit: this is the owner's.
    ///
    /// # Errors
    /// [`Error::Late`], [`Error::Unreadable`]; those of the database.
    pub async fn audited_approval(&self, tenant: TenantId) -> Result<Option<(u64, Digest)>> {
        let query = sqlx::query(
            "select (new ->> 'approval')::bigint as number, decode(new ->> 'digest', 'hex') as digest from audit \
             where tenant = $1 and action = 'approve-rules' and new ->> 'approval' is not null \
             and new ->> 'digest' is not null order by seq desc limit 1",
        )
        .bind(tenant.0);
        let row = in_time(ANSWER, async { Ok(query.fetch_optional(&self.pool).await?) }).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some((row.try_get::<i64, _>("number")?.unsigned_abs(), digest(&row, "digest")?)))
    }

    /// Appends an approval to the chain. `seen` are the rules that it is about, each with the version that somebody has
    /// looked at, none where it was gone.
    ///
    /// # Errors
    /// [`Error::RulesChanged`] where rules are not of the version that was seen, [`Error::Changed`] where it does not
    /// follow the newest that is stored; those of the database.
    pub async fn append_approval(
        &self,
        tenant: TenantId,
        approval: &Approval,
        seen: &[(RuleId, Option<u32>)],
        audit: &[AuditEntry],
    ) -> Result<()> {
        audit::demand(audit)?;
        let mut transaction = self.pool.begin().await?;
        // Whoever appends to the audit holds its end until this is through: approvals come one after the other, and so
        // do changes of rules.
        audit::append(&mut transaction, audit).await?;
        let changed = changed_since(&mut transaction, tenant, seen).await?;
        if !changed.is_empty() {
            return Err(Error::RulesChanged { rules: changed });
        }
        let (newest, previous) = head(&mut transaction, tenant).await?;
        if newest + 1 != approval.number || previous != approval.previous {
            return Err(Error::Changed { what: "the baseline of alarm rules".to_owned() });
        }
        sqlx::query(
            "insert into alarm_approvals \
             (tenant, number, at, approved_by, reason, settings, withdrawn, previous, digest) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(tenant.0)
        .bind(number(approval.number))
        .bind(At(approval.at))
        .bind(approval.by.0)
        .bind(&approval.reason)
        .bind(&approval.settings)
        .bind(approval.withdrawn.iter().map(|rule| rule.0).collect::<Vec<_>>())
        .bind(approval.previous.0.to_vec())
        .bind(approval.digest.0.to_vec())
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "insert into alarm_approvals_head (tenant, number, digest) values ($1, $2, $3) \
             on conflict (tenant) do update set number = excluded.number, digest = excluded.digest",
        )
        .bind(tenant.0)
        .bind(number(approval.number))
        .bind(approval.digest.0.to_vec())
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// Who removed each of these rules last, as the audit has it. Nobody else may read the audit: this is the owner's.
    ///
    /// # Errors
    /// [`Error::Late`]; those of the database.
    pub async fn removals(&self, tenant: TenantId, rules: &[RuleId]) -> Result<BTreeMap<RuleId, Removal>> {
        let subjects: BTreeMap<String, RuleId> = rules.iter().map(|rule| (format!("rule {rule}"), *rule)).collect();
        let query = sqlx::query(
            "select distinct on (subject) subject, at, who, reason from audit \
             where tenant = $1 and subject = any($2) and old is not null and new is null order by subject, seq desc",
        )
        .bind(tenant.0)
        .bind(subjects.keys().cloned().collect::<Vec<_>>());
        let rows = in_time(ANSWER, async { Ok(query.fetch_all(&self.pool).await?) }).await?;
        let mut removals = BTreeMap::new();
        for row in &rows {
            let Some(rule) = subjects.get(&row.try_get::<String, _>("subject")?) else { continue };
            let removal = Removal {
                at: row.try_get::<At, _>("at")?.0,
                by: row.try_get::<Option<Uuid>, _>("who")?.map(UserId),
                reason: row.try_get("reason")?,
            };
            removals.insert(*rule, removal);
        }
        Ok(removals)
    }
}

/// The end of a chain as it was noted apart.
async fn head(connection: &mut PgConnection, tenant: TenantId) -> Result<(u64, Digest)> {
    let head = sqlx::query("select number, digest from alarm_approvals_head where tenant = $1")
        .bind(tenant.0)
        .fetch_optional(connection)
        .await?;
    match &head {
        Some(row) => Ok((row.try_get::<i64, _>("number")?.unsigned_abs(), digest(row, "digest")?)),
        None => Ok((0, Digest::default())),
    }
}

/// Which of these rules are not of the version that was seen; one that was gone is changed where it is there again.
async fn changed_since(
    connection: &mut PgConnection,
    tenant: TenantId,
    seen: &[(RuleId, Option<u32>)],
) -> Result<Vec<RuleId>> {
    let stored: Vec<(Uuid, i32)> =
        sqlx::query_as("select id, version from alarm_rules where tenant = $1 and id = any($2)")
            .bind(tenant.0)
            .bind(seen.iter().map(|(rule, _)| rule.0).collect::<Vec<_>>())
            .fetch_all(connection)
            .await?;
    let stored: BTreeMap<Uuid, i32> = stored.into_iter().collect();
    let is_other = |rule: &RuleId, seen: Option<u32>| stored.get(&rule.0).copied() != seen.map(version);
    Ok(seen.iter().filter(|(rule, seen)| is_other(rule, *seen)).map(|(rule, _)| *rule).collect())
}

fn approval(row: &PgRow, number: u64) -> Result<Approval> {
    Ok(Approval {
        number,
        at: row.try_get::<At, _>("at")?.0,
        by: UserId(row.try_get("approved_by")?),
        reason: row.try_get("reason")?,
        settings: row.try_get("settings")?,
        withdrawn: row.try_get::<Vec<Uuid>, _>("withdrawn")?.into_iter().map(RuleId).collect(),
        previous: digest(row, "previous")?,
        digest: digest(row, "digest")?,
    })
}

fn digest(row: &PgRow, column: &str) -> Result<Digest> {
    let bytes: Vec<u8> = row.try_get(column)?;
    match <[u8; 32]>::try_from(bytes.as_slice()) {
        Ok(bytes) => Ok(Digest(bytes)),
        Err(error) => Err(Error::unreadable("digest of an approval")(&error)),
    }
}
