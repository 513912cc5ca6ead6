//! What is told beside the alarms of a part of the plant: what counts now, and every version of it with who saved it
//! and why. Must not know how one part inherits from another.

use penstock_model::{Advice, AreaId, AssetId, PointId, Scope, ScopeAdvice, SiteId, TenantId, Timestamp, UserId};
use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::types::Json;
use uuid::Uuid;

use super::version;
use crate::audit::{self, AuditEntry};
use crate::sql::{At, clean, clean_json};
use crate::{Error, Result, Store};

/// What was set for a part of the plant once.
#[derive(Debug, Clone, PartialEq)]
pub struct GuidanceVersion {
    /// What was told; its version is this one's number.
    pub set: ScopeAdvice,
    /// When it was saved.
    pub saved_at: Timestamp,
    /// By whom; none where the station itself did it.
    pub saved_by: Option<UserId>,
    /// Why, in the person's words.
    pub reason: Option<String>,
}

impl Store {
    /// What is set for each part of the plant that something was ever set for.
    ///
    /// # Errors
    /// [`Error::Unreadable`] for what a newer version wrote; those of the database.
    pub async fn load_guidance(&self, tenant: TenantId) -> Result<Vec<ScopeAdvice>> {
        let rows = sqlx::query(
            "select distinct on (scope, place) scope, place, version, body from guidance_versions where tenant = $1 \
             order by scope, place, version desc",
        )
        .bind(tenant.0)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(set_from).collect()
    }

    /// Sets what is told for a part of the plant, as the version that it says, which stays. When, by whom and why is
    /// what the first entry of `audit` says.
    ///
    /// # Errors
    /// [`Error::Changed`] where that is not the version after the stored one; those of the database.
    pub async fn save_guidance(&self, tenant: TenantId, set: &ScopeAdvice, audit: &[AuditEntry]) -> Result<()> {
        audit::demand(audit)?;
        let Some(account) = audit.first() else { return Ok(()) };
        let mut transaction = self.pool.begin().await?;
        if !insert(&mut transaction, tenant, set, account).await? {
            return Err(changed(set));
        }
        audit::append(&mut transaction, audit).await?;
        Ok(transaction.commit().await?)
    }

    /// Every version of what was set for a part of the plant, the newest first.
    ///
    /// # Errors
    /// [`Error::Unreadable`]; those of the database.
    pub async fn guidance_versions(&self, tenant: TenantId, scope: Scope) -> Result<Vec<GuidanceVersion>> {
        let rows = sqlx::query(
            "select scope, place, version, body, saved_at, saved_by, reason from guidance_versions \
             where tenant = $1 and scope = $2 and place = $3 order by version desc",
        )
        .bind(tenant.0)
        .bind(scope.kind())
        .bind(place_of(tenant, scope))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(version_from).collect()
    }
}

/// Sets what is told for parts of the plant within a transaction, each as the version that it says; one that is the
/// newest as it stands is left. When, by whom and why is what the first entry of `audit` says.
///
/// # Errors
/// [`Error::Changed`] where another version is stored by now; those of the database.
pub(crate) async fn write_guidance(
    connection: &mut PgConnection,
    tenant: TenantId,
    given: &[ScopeAdvice],
    audit: &[AuditEntry],
) -> Result<()> {
    audit::demand(audit)?;
    let Some(account) = audit.first() else { return Ok(()) };
    for set in given {
        if !insert(connection, tenant, set, account).await? && !is_newest(connection, tenant, set).await? {
            return Err(changed(set));
        }
    }
    Ok(())
}

/// Whether it was written: it is only where its version is the one after the stored one.
async fn insert(
    connection: &mut PgConnection,
    tenant: TenantId,
    set: &ScopeAdvice,
    account: &AuditEntry,
) -> Result<bool> {
    let written = sqlx::query(
        "insert into guidance_versions (tenant, scope, place, version, body, saved_at, saved_by, reason) \
         select $1, $2, $3, $4, $5, $6, $7, $8 where $4 = 1 + ( \
             select coalesce(max(version), 0) from guidance_versions \
             where tenant = $1 and scope = $2 and place = $3 \
         ) on conflict do nothing",
    )
    .bind(tenant.0)
    .bind(set.scope.kind())
    .bind(place_of(tenant, set.scope))
    .bind(version(set.version))
    .bind(Json(document(&set.advice)?))
    .bind(At(account.at))
    .bind(account.who.map(|who| who.0))
    .bind(account.reason.as_deref().map(clean))
    .execute(connection)
    .await?;
    Ok(written.rows_affected() > 0)
}

/// Whether the newest version is this one, and says the same.
async fn is_newest(connection: &mut PgConnection, tenant: TenantId, set: &ScopeAdvice) -> Result<bool> {
    let row = sqlx::query(
        "select scope, place, version, body from guidance_versions \
         where tenant = $1 and scope = $2 and place = $3 order by version desc limit 1",
    )
    .bind(tenant.0)
    .bind(set.scope.kind())
    .bind(place_of(tenant, set.scope))
    .fetch_optional(connection)
    .await?;
    let Some(stored) = row.as_ref().map(set_from).transpose()? else { return Ok(false) };
    Ok(stored.version == set.version && stored.advice == advice_from(document(&set.advice)?)?)
}

fn changed(set: &ScopeAdvice) -> Error {
    Error::Changed { what: format!("guidance of {}", set.scope) }
}

/// What is told, as it is stored.
fn document(advice: &Advice) -> Result<serde_json::Value> {
    let mut body = serde_json::to_value(advice).map_err(|error| Error::unreadable("guidance")(&error))?;
    clean_json(&mut body);
    Ok(body)
}

fn advice_from(body: serde_json::Value) -> Result<Advice> {
    serde_json::from_value(body).map_err(|error| Error::unreadable("guidance")(&error))
}

/// The id that a part of the plant is stored under.
fn place_of(tenant: TenantId, scope: Scope) -> Uuid {
    scope.place().unwrap_or(tenant.0)
}

fn scope_from(kind: &str, place: Uuid) -> Result<Scope> {
    match kind {
        "tenant" => Ok(Scope::Tenant),
        "area" => Ok(Scope::Area(AreaId(place))),
        "site" => Ok(Scope::Site(SiteId(place))),
        "asset" => Ok(Scope::Asset(AssetId(place))),
        "point" => Ok(Scope::Point(PointId(place))),
        other => Err(Error::Unreadable { what: "guidance", why: format!("{other:?} is no part of a plant") }),
    }
}

fn set_from(row: &PgRow) -> Result<ScopeAdvice> {
    let Json(body): Json<serde_json::Value> = row.try_get("body")?;
    let kind: String = row.try_get("scope")?;
    let number: i32 = row.try_get("version")?;
    Ok(ScopeAdvice {
        scope: scope_from(&kind, row.try_get("place")?)?,
        version: u32::try_from(number).unwrap_or_default(),
        advice: advice_from(body)?,
    })
}

fn version_from(row: &PgRow) -> Result<GuidanceVersion> {
    Ok(GuidanceVersion {
        set: set_from(row)?,
        saved_at: row.try_get::<At, _>("saved_at")?.0,
        saved_by: row.try_get::<Option<_>, _>("saved_by")?.map(UserId),
        reason: row.try_get("reason")?,
    })
}
