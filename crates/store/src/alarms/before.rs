//! What the journal tells of before a moment: where alarms stood then, and since when there is a journal. Must not know
//! what moves an alarm.

use std::time::Duration;

use penstock_model::{TenantId, Timestamp};
use sqlx::Row as _;

use super::journal::stream;
use super::search::{Records, record_from};
use crate::sql::At;
use crate::{Result, Store};

impl Store {
    /// The entries before `at` that tell where alarms stood then, the oldest first: of each alarm its newest occurrence
    /// from the raise on, and what last put it away or let it go.
    pub fn journal_before(&self, tenant: TenantId, at: Timestamp) -> Records {
        self.journal_before_patiently(tenant, at, Duration::MAX)
    }

    /// The same where no chunk may take the database longer than `patience`.
    pub(crate) fn journal_before_patiently(&self, tenant: TenantId, at: Timestamp, patience: Duration) -> Records {
        let query = sqlx::query(include_str!("../../queries/journal_before.sql")).persistent(false);
        stream(&self.pool, query.bind(tenant.0).bind(At(at)), patience, record_from)
    }

    /// When the oldest entry of the journal was made; none where there is none.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn journal_begins(&self, tenant: TenantId) -> Result<Option<Timestamp>> {
        let oldest = sqlx::query("select at from alarm_journal where tenant = $1 order by at, seq limit 1")
            .bind(tenant.0)
            .fetch_optional(&self.pool)
            .await?;
        Ok(oldest.map(|row| row.try_get::<At, _>("at")).transpose()?.map(|At(at)| at))
    }
}
