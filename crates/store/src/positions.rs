//! Operator positions, and which of them each person took up last. Must not know which alarms there are, nor who
//! attends a position now.

use std::collections::BTreeSet;

use penstock_model::{OperatorPosition, OperatorPositionId, Priority, TenantId, UserId};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::types::Json;

use crate::audit::{self, AuditEntry};
use crate::reader::{ANSWER, in_time};
use crate::sql::{clean, from_word, word};
use crate::{Error, Result, Store};

const WHAT: &str = "operator position";

impl Store {
    /// Every operator position of the tenant, by name.
    ///
    /// # Errors
    /// [`Error::Unreadable`]; those of the database.
    pub async fn positions(&self, tenant: TenantId) -> Result<Vec<OperatorPosition>> {
        let rows = sqlx::query(
            "select id, name, reach, priorities from operator_positions where tenant = $1 order by name, id",
        )
        .bind(tenant.0)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(position_from).collect()
    }

    /// Adds an operator position, or changes the one of its id.
    ///
    /// # Errors
    /// [`Error::Exists`] where another one has its name, or another tenant's its id; [`Error::Refused`] without a name
    /// or a priority; those of the database.
    pub async fn save_position(
        &self,
        tenant: TenantId,
        position: &OperatorPosition,
        audit: &[AuditEntry],
    ) -> Result<()> {
        audit::demand(audit)?;
        let priorities =
            position.priorities.iter().map(|priority| word("priority", priority)).collect::<Result<Vec<_>>>()?;
        let mut transaction = self.pool.begin().await?;
        let saved = sqlx::query(
            "insert into operator_positions (id, tenant, name, reach, priorities) values ($1, $2, $3, $4, $5) \
             on conflict (id) do update set name = excluded.name, reach = excluded.reach, \
             priorities = excluded.priorities where operator_positions.tenant = excluded.tenant",
        )
        .bind(position.id.0)
        .bind(tenant.0)
        .bind(clean(&position.name))
        .bind(Json(&position.reach))
        .bind(priorities)
        .execute(&mut *transaction)
        .await?;
        if saved.rows_affected() == 0 {
            return Err(Error::Exists { what: format!("a position with the id {}", position.id) });
        }
        audit::append(&mut transaction, audit).await?;
        Ok(transaction.commit().await?)
    }

    /// Removes an operator position, also from what people took up.
    ///
    /// # Errors
    /// [`Error::NotFound`]; those of the database.
    pub async fn remove_position(
        &self,
        tenant: TenantId,
        position: OperatorPositionId,
        audit: &[AuditEntry],
    ) -> Result<()> {
        audit::demand(audit)?;
        let mut transaction = self.pool.begin().await?;
        let removed = sqlx::query("delete from operator_positions where id = $1 and tenant = $2")
            .bind(position.0)
            .bind(tenant.0)
            .execute(&mut *transaction)
            .await?;
        if removed.rows_affected() == 0 {
            return Err(Error::NotFound { what: format!("position {position}") });
        }
        audit::append(&mut transaction, audit).await?;
        Ok(transaction.commit().await?)
    }

    /// Keeps that a person took up these positions, in place of those before.
    ///
    /// # Errors
    /// [`Error::Dangling`] for an unknown person or position; those of the database.
    pub async fn take_up_positions(
        &self,
        person: UserId,
        positions: &BTreeSet<OperatorPositionId>,
        audit: &[AuditEntry],
    ) -> Result<()> {
        audit::demand(audit)?;
        let mut transaction = self.pool.begin().await?;
        sqlx::query("delete from person_positions where person = $1").bind(person.0).execute(&mut *transaction).await?;
        // Two sessions of one person may choose at once: what either wants is there then.
        sqlx::query(
            "insert into person_positions (person, position) select $1, unnest($2::uuid[]) on conflict do nothing",
        )
        .bind(person.0)
        .bind(positions.iter().map(|position| position.0).collect::<Vec<_>>())
        .execute(&mut *transaction)
        .await?;
        audit::append(&mut transaction, audit).await?;
        Ok(transaction.commit().await?)
    }

    /// The positions that a person took up last, of those that are still there.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn last_positions(&self, person: UserId) -> Result<BTreeSet<OperatorPositionId>> {
        let query = sqlx::query_scalar("select position from person_positions where person = $1").bind(person.0);
        let found: Vec<uuid::Uuid> = in_time(ANSWER, async { Ok(query.fetch_all(&self.pool).await?) }).await?;
        Ok(found.into_iter().map(OperatorPositionId).collect())
    }
}

fn position_from(row: &PgRow) -> Result<OperatorPosition> {
    let Json(reach): Json<serde_json::Value> = row.try_get("reach")?;
    let priorities: Vec<String> = row.try_get("priorities")?;
    Ok(OperatorPosition {
        id: OperatorPositionId(row.try_get("id")?),
        name: row.try_get("name")?,
        reach: serde_json::from_value(reach).map_err(|error| Error::unreadable(WHAT)(&error))?,
        priorities: priorities
            .into_iter()
            .map(|priority| from_word::<Priority>("priority", priority))
            .collect::<Result<_>>()?,
    })
}
