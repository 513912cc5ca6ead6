//! The database as screens read it: what is one tenant's, changing nothing, and never waited for without end.
//!
//! Row-level security decides what is seen (migrations 0010, 0011, 0012, 0014, 0016 to 0018), `in_time` how long an
//! answer may take. Must not know who asks.

use std::collections::BTreeMap;
use std::time::Duration;

use penstock_alarm::Digest;
use penstock_model::{
    AlarmRule, PipeId, Place, PlaceKind, PointNo, Position, RuleId, Scope, TenantId, Timestamp, UserId,
};
use sqlx::postgres::{PgPool, PgPoolOptions};

use crate::cluster::READER;
use crate::store::pool_of;
use crate::{
    Approvals, Chunks, DeviceAlert, Error, Figures, Found, GuidanceVersion, Interpolated, Interpolation, JournalFilter,
    JournalPage, JournalRecord, KeptReject, Records, Result, RuleVersion, Series, Statistics, Store, Work,
};

/// How long an answer may take that somebody waits for.
pub(crate) const ANSWER: Duration = Duration::from_secs(30);
/// How long a chunk of a scan may take: cold rows come one by one from a slow disk.
const CHUNK: Duration = Duration::from_secs(120);
/// How long a table may be locked by somebody else, which retention does for a moment.
const LOCK: Duration = Duration::from_secs(10);

/// Connections for answers, and those for scans, which hold one for as long as somebody takes chunks.
const MOST_FOR_ANSWERS: u32 = 12;
const MOST_FOR_SCANS: u32 = 6;

/// The database as screens of one tenant read it. Clones share the connections.
///
/// Each answer comes within 30 s, else it is [`Error::Late`]: also from a database that is frozen and so keeps no bound
/// of its own.
#[derive(Debug, Clone)]
pub struct Reader {
    tenant: TenantId,
    answers: Store,
    /// The same without a bound for statements: a COPY runs for as long as its rows are taken.
    scans: Store,
}

impl Store {
    /// The same database as screens of `tenant` read it: as a role that sees what is that tenant's, has no rights on
    /// partitions, and can change nothing.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where the database does not answer.
    pub async fn for_screens(&self, tenant: TenantId) -> Result<Reader> {
        // Not the owner that takes on the role: it could put it off again.
        let options = || self.options().clone().username(READER).application_name("penstock screens");
        let answers = as_reader(pool_of(MOST_FOR_ANSWERS), tenant, ANSWER).min_connections(1);
        let answers = answers.connect_with(options()).await?;
        let scans = as_reader(pool_of(MOST_FOR_SCANS), tenant, Duration::ZERO).connect_lazy_with(options());
        Ok(Reader { tenant, answers: self.over(answers), scans: self.over(scans) })
    }
}

/// The same pool with connections that read as screens of `tenant`. A statement that takes longer than `statement` is
/// ended, so that nothing goes on that nobody waits for any more; zero is no bound.
fn as_reader(pool: PgPoolOptions, tenant: TenantId, statement: Duration) -> PgPoolOptions {
    pool.after_connect(move |connection, _| {
        Box::pin(async move {
            sqlx::query(
                "select set_config('penstock.tenant', $1, false), set_config('statement_timeout', $2, false), \
                 set_config('lock_timeout', $3, false)",
            )
            .bind(tenant.0.to_string())
            .bind(format!("{}ms", statement.as_millis()))
            .bind(format!("{}ms", LOCK.as_millis()))
            .execute(connection)
            .await?;
            Ok(())
        })
    })
}

/// What `answer` comes to, where that takes no longer than `bound`.
pub(crate) async fn in_time<T>(bound: Duration, answer: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(bound, answer).await.map_err(|_elapsed| Error::Late(bound))?
}

impl Reader {
    /// As [`Store::history`].
    ///
    /// # Errors
    /// [`Error::Late`]; those of the database.
    pub async fn history(&self, point: PointNo, from: Timestamp, to: Timestamp, max_points: u32) -> Result<Series> {
        in_time(ANSWER, self.answers.history(point, from, to, max_points)).await
    }

    /// As [`Store::statistics`].
    ///
    /// # Errors
    /// [`Error::Late`]; those of the database.
    pub async fn statistics(
        &self,
        point: PointNo,
        from: Timestamp,
        to: Timestamp,
        stale_after: Duration,
    ) -> Result<Option<Statistics>> {
        in_time(ANSWER, self.answers.statistics(point, from, to, stale_after)).await
    }

    /// As [`Store::values_at`].
    ///
    /// # Errors
    /// [`Error::Late`]; those of the database.
    pub async fn values_at(
        &self,
        points: &[(PointNo, Duration)],
        at: Timestamp,
        by: Interpolation,
    ) -> Result<Vec<Option<Interpolated>>> {
        in_time(ANSWER, self.answers.values_at(points, at, by)).await
    }

    /// As [`Store::scan`]. It takes as long as its chunks are taken; the database may take 120 s for each, then comes
    /// [`Error::Late`].
    pub fn scan(&self, points: Vec<PointNo>, from: Timestamp, to: Timestamp) -> Chunks {
        self.scans.scan_patiently(points, from, to, CHUNK)
    }

    /// As [`Store::replay`]. It takes as long as its chunks are taken; the database may take 120 s for each, then comes
    /// [`Error::Late`].
    pub fn replay(&self, points: Vec<PointNo>, from: Timestamp, to: Timestamp) -> Chunks {
        self.scans.replay_patiently(points, from, to, CHUNK)
    }

    /// As [`Store::places_near`].
    ///
    /// # Errors
    /// [`Error::Late`]; those of the database.
    pub async fn places_near(&self, kinds: &[PlaceKind], position: Position, limit: u32) -> Result<Vec<Place>> {
        in_time(ANSWER, self.answers.places_near(self.tenant, kinds, position, limit)).await
    }

    /// As [`Store::places_within`].
    ///
    /// # Errors
    /// [`Error::Late`]; as there.
    pub async fn places_within(&self, kinds: &[PlaceKind], ring: &[Position], limit: u32) -> Result<Found> {
        in_time(ANSWER, self.answers.places_within(self.tenant, kinds, ring, limit)).await
    }

    /// As [`Store::places_along`].
    ///
    /// # Errors
    /// [`Error::Late`]; as there.
    pub async fn places_along(&self, kinds: &[PlaceKind], pipe: PipeId, reach_m: f64, limit: u32) -> Result<Found> {
        in_time(ANSWER, self.answers.places_along(self.tenant, kinds, pipe, reach_m, limit)).await
    }

    /// As [`Store::journal`].
    ///
    /// # Errors
    /// [`Error::Late`]; those of the database.
    pub async fn journal(&self, page: &JournalPage) -> Result<Vec<JournalRecord>> {
        in_time(ANSWER, self.answers.journal(self.tenant, page)).await
    }

    /// As [`Store::count_journal`].
    ///
    /// # Errors
    /// [`Error::Late`]; as there.
    pub async fn count_journal(&self, filter: &JournalFilter) -> Result<u64> {
        in_time(ANSWER, self.answers.count_journal(self.tenant, filter)).await
    }

    /// As [`Store::scan_journal`]. It takes as long as its chunks are taken; the database may take 120 s for each, then
    /// comes [`Error::Late`].
    ///
    /// # Errors
    /// As there.
    pub fn scan_journal(&self, filter: &JournalFilter) -> Result<Records> {
        self.scans.scan_journal_patiently(self.tenant, filter, CHUNK)
    }

    /// As [`Store::journal_before`]. It takes as long as its chunks are taken; the database may take 120 s for each, then
    /// comes [`Error::Late`].
    pub fn journal_before(&self, at: Timestamp) -> Records {
        self.scans.journal_before_patiently(self.tenant, at, CHUNK)
    }

    /// As [`Store::journal_begins`].
    ///
    /// # Errors
    /// [`Error::Late`]; those of the database.
    pub async fn journal_begins(&self) -> Result<Option<Timestamp>> {
        in_time(ANSWER, self.answers.journal_begins(self.tenant)).await
    }

    /// As [`Store::last_rules`].
    ///
    /// # Errors
    /// [`Error::Late`]; as there.
    pub async fn last_rules(&self, rules: &[RuleId]) -> Result<Vec<AlarmRule>> {
        in_time(ANSWER, self.answers.last_rules(self.tenant, rules)).await
    }

    /// As [`Store::rule_versions`].
    ///
    /// # Errors
    /// [`Error::Late`]; as there.
    pub async fn rule_versions(&self, rule: RuleId) -> Result<Vec<RuleVersion>> {
        in_time(ANSWER, self.answers.rule_versions(self.tenant, rule)).await
    }

    /// As [`Store::guidance_versions`].
    ///
    /// # Errors
    /// [`Error::Late`]; as there.
    pub async fn guidance_versions(&self, scope: Scope) -> Result<Vec<GuidanceVersion>> {
        in_time(ANSWER, self.answers.guidance_versions(self.tenant, scope)).await
    }

    /// As [`Store::versions_of`].
    ///
    /// # Errors
    /// [`Error::Late`]; as there.
    pub async fn versions_of(&self, rules: &[RuleId]) -> Result<BTreeMap<RuleId, Vec<RuleVersion>>> {
        in_time(ANSWER, self.answers.versions_of(self.tenant, rules)).await
    }

    /// As [`Store::approvals`].
    ///
    /// # Errors
    /// [`Error::Late`]; as there.
    pub async fn approvals(&self) -> Result<Approvals> {
        in_time(ANSWER, self.answers.approvals(self.tenant)).await
    }

    /// As [`Store::approvals_head`].
    ///
    /// # Errors
    /// [`Error::Late`]; as there.
    pub async fn approvals_head(&self) -> Result<(u64, Digest)> {
        in_time(ANSWER, self.answers.approvals_head(self.tenant)).await
    }

    /// As [`Store::work`].
    ///
    /// # Errors
    /// [`Error::Late`]; as there.
    pub async fn work(&self) -> Result<Vec<Work>> {
        in_time(ANSWER, self.answers.work(self.tenant)).await
    }

    /// What everybody of the tenant is called in full.
    ///
    /// # Errors
    /// [`Error::Late`]; those of the database.
    pub async fn names(&self) -> Result<BTreeMap<UserId, String>> {
        in_time(ANSWER, self.answers.names(self.tenant)).await
    }

    /// As [`Store::rejects`].
    ///
    /// # Errors
    /// [`Error::Late`]; those of the database.
    pub async fn rejects(&self, limit: u32) -> Result<Vec<KeptReject>> {
        in_time(ANSWER, self.answers.rejects(self.tenant, limit)).await
    }

    /// As [`Store::device_alerts`].
    ///
    /// # Errors
    /// [`Error::Late`]; those of the database.
    pub async fn device_alerts(&self, limit: u32) -> Result<Vec<DeviceAlert>> {
        in_time(ANSWER, self.answers.device_alerts(self.tenant, limit)).await
    }

    /// As [`Store::figures`]; they are the whole database's.
    ///
    /// # Errors
    /// [`Error::Late`]; those of the database.
    pub async fn figures(&self) -> Result<Figures> {
        in_time(ANSWER, self.answers.figures()).await
    }

    /// The pool, for what has no method here.
    pub const fn pool(&self) -> &PgPool {
        self.answers.pool()
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.answers.close().await;
        self.scans.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_not_answered_is_told_for_how_long() {
        let late = in_time(Duration::ZERO, std::future::pending::<Result<()>>()).await;
        let error = late.expect_err("nobody answers");
        assert!(error.is_transient(), "{error}");
        assert_eq!(in_time(Duration::ZERO, async { Ok(7) }).await.expect("there at once"), 7);
        assert!(Error::Late(ANSWER).to_string().contains("within 30 s"));
    }
}
