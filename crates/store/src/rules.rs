//! Alarm rules that go. Must not know what they judged: the journal stands without them.

use penstock_model::{RuleId, TenantId};

use crate::audit::{self, AuditEntry};
use crate::{Result, Store};

impl Store {
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
}
