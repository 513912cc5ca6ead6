//! Alarm rules: the ones in force, and every version of each with who saved it and why. Must not know what a rule
//! means.

use std::collections::{BTreeMap, BTreeSet};

use penstock_model::{AlarmRule, RuleId, TenantId, Timestamp, UserId};
use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::types::Json;
use uuid::Uuid;

use super::version;
use crate::audit::{self, AuditEntry};
use crate::sql::{At, clean};
use crate::{Error, Result, Store};

/// A rule as it was saved once.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleVersion {
    /// The rule; its version is this one's number.
    pub rule: AlarmRule,
    /// When it was saved. Of a rule from before versions were kept: when that began.
    pub saved_at: Timestamp,
    /// By whom; none where the station itself did it, or it is not known.
    pub saved_by: Option<UserId>,
    /// Why, in the person's words.
    pub reason: Option<String>,
}

impl Store {
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
        rules.into_iter().map(rule_from).collect()
    }

    /// Saves new and changed rules, all or none, each as a version of its own that stays. When, by whom and why is what
    /// the first entry of `audit` says.
    ///
    /// # Errors
    /// [`Error::Changed`] where a stored rule's version is not below the given one; those of the database.
    pub async fn save_rules(&self, tenant: TenantId, rules: &[AlarmRule], audit: &[AuditEntry]) -> Result<()> {
        audit::demand(audit)?;
        let mut transaction = self.pool.begin().await?;
        write_rules(&mut transaction, tenant, rules, audit).await?;
        audit::append(&mut transaction, audit).await?;
        Ok(transaction.commit().await?)
    }

    /// Removes alarm rules; those that are not there are gone already. What their alarms did stays in the journal.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn remove_rules(&self, tenant: TenantId, rules: &[RuleId], audit: &[AuditEntry]) -> Result<()> {
        audit::demand(audit)?;
        let mut transaction = self.pool.begin().await?;
        sqlx::query("delete from alarm_rules where tenant = $1 and id = any($2)")
            .bind(tenant.0)
            .bind(rules.iter().map(|rule| rule.0).collect::<Vec<_>>())
            .execute(&mut *transaction)
            .await?;
        audit::append(&mut transaction, audit).await?;
        Ok(transaction.commit().await?)
    }

    /// Each of these rules as it was last saved, also where it was removed since.
    ///
    /// # Errors
    /// [`Error::Unreadable`]; those of the database.
    pub async fn last_rules(&self, tenant: TenantId, rules: &[RuleId]) -> Result<Vec<AlarmRule>> {
        let bodies: Vec<Json<serde_json::Value>> = sqlx::query_scalar(
            "select distinct on (rule) body from alarm_rule_versions where tenant = $1 and rule = any($2) \
             order by rule, version desc",
        )
        .bind(tenant.0)
        .bind(rules.iter().map(|rule| rule.0).collect::<Vec<_>>())
        .fetch_all(&self.pool)
        .await?;
        bodies.into_iter().map(rule_from).collect()
    }

    /// Every version of a rule, the newest first; none where there is no such rule.
    ///
    /// # Errors
    /// [`Error::Unreadable`]; those of the database.
    pub async fn rule_versions(&self, tenant: TenantId, rule: RuleId) -> Result<Vec<RuleVersion>> {
        let rows = sqlx::query(
            "select body, saved_at, saved_by, reason from alarm_rule_versions where tenant = $1 and rule = $2 \
             order by version desc",
        )
        .bind(tenant.0)
        .bind(rule.0)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(version_from).collect()
    }

    /// Every version of these rules, those of a rule in the order they were saved.
    ///
    /// # Errors
    /// [`Error::Unreadable`]; those of the database.
    pub async fn versions_of(&self, tenant: TenantId, rules: &[RuleId]) -> Result<BTreeMap<RuleId, Vec<RuleVersion>>> {
        let rows = sqlx::query(
            "select body, saved_at, saved_by, reason from alarm_rule_versions where tenant = $1 and rule = any($2) \
             order by rule, version",
        )
        .bind(tenant.0)
        .bind(rules.iter().map(|rule| rule.0).collect::<Vec<_>>())
        .fetch_all(&self.pool)
        .await?;
        let mut versions: BTreeMap<RuleId, Vec<RuleVersion>> = BTreeMap::new();
        for row in &rows {
            let version = version_from(row)?;
            versions.entry(version.rule.id).or_default().push(version);
        }
        Ok(versions)
    }
}

/// Writes rules; one that is stored as it is given is left alone. The first entry of `audit`, which must not be empty,
/// says when, by whom and why.
pub(crate) async fn write_rules(
    connection: &mut PgConnection,
    tenant: TenantId,
    rules: &[AlarmRule],
    audit: &[AuditEntry],
) -> Result<()> {
    audit::demand(audit)?;
    let (Some(account), false) = (audit.first(), rules.is_empty()) else { return Ok(()) };
    let written: Vec<Uuid> = sqlx::query_scalar(include_str!("../../queries/write_rules.sql"))
        .bind(tenant.0)
        .bind(rules.iter().map(|rule| rule.id.0).collect::<Vec<_>>())
        .bind(rules.iter().map(|rule| version(rule.version)).collect::<Vec<_>>())
        .bind(rules.iter().map(Json).collect::<Vec<_>>())
        .bind(At(account.at))
        .bind(account.who.map(|who| who.0))
        .bind(account.reason.as_deref().map(clean))
        .fetch_all(&mut *connection)
        .await?;
    let written: BTreeSet<Uuid> = written.into_iter().collect();
    let left: Vec<&AlarmRule> = rules.iter().filter(|rule| !written.contains(&rule.id.0)).collect();
    if left.is_empty() {
        return Ok(());
    }
    let stored: Vec<Json<serde_json::Value>> =
        sqlx::query_scalar("select rule from alarm_rules where tenant = $1 and id = any($2)")
            .bind(tenant.0)
            .bind(left.iter().map(|rule| rule.id.0).collect::<Vec<_>>())
            .fetch_all(connection)
            .await?;
    // As rules, not as documents: one that was stored when a rule had less to say is the same rule.
    let stored: Vec<AlarmRule> = stored.into_iter().map(rule_from).collect::<Result<_>>()?;
    let stored: BTreeMap<RuleId, AlarmRule> = stored.into_iter().map(|rule| (rule.id, rule)).collect();
    match left.iter().find(|rule| stored.get(&rule.id) != Some(**rule)) {
        Some(rule) => Err(Error::Changed { what: format!("alarm rule {}", rule.id) }),
        None => Ok(()),
    }
}

fn rule_from(Json(rule): Json<serde_json::Value>) -> Result<AlarmRule> {
    serde_json::from_value(rule).map_err(|error| Error::unreadable("alarm rule")(&error))
}

fn version_from(row: &PgRow) -> Result<RuleVersion> {
    Ok(RuleVersion {
        rule: rule_from(row.try_get("body")?)?,
        saved_at: row.try_get::<At, _>("saved_at")?.0,
        saved_by: row.try_get::<Option<_>, _>("saved_by")?.map(UserId),
        reason: row.try_get("reason")?,
    })
}
