//! Entries of the journal by when they were made, what their alarm was about then, who made them and what they say.
//! Must not know what an alarm is about: that stands beside an entry since it was written.

use std::time::Duration;

use penstock_model::{
    AreaId, AssetId, PointId, Priority, RuleId, SiteId, Subject, TenantId, Timestamp, TransitionKind, UserId,
};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres, Row as _};
use tokio::sync::mpsc;

use super::journal::{JournalEntry, columns, entry_from, stream};
use super::number;
use crate::sql::{At, clean, word};
use crate::{Result, Store};

/// Words of a text that are looked for.
const MOST_WORDS: usize = 8;

/// Which entries of the journal are wanted. What is empty asks for nothing in particular.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalFilter {
    /// Not before.
    pub from: Timestamp,
    /// Before.
    pub to: Timestamp,
    /// Only of these rules.
    pub rules: Vec<RuleId>,
    /// Only of what stood on these sites.
    pub sites: Vec<SiteId>,
    /// Only of what lay in these areas.
    pub areas: Vec<AreaId>,
    /// Only of these priorities.
    pub priorities: Vec<Priority>,
    /// Only of these kinds.
    pub kinds: Vec<TransitionKind>,
    /// Only what these people did.
    pub people: Vec<UserId>,
    /// Only entries that contain each of its words, of which the first eight count, in whatever case: in the names of
    /// rule, point, equipment, site or area as they were then, in the point's description or in the comment.
    pub text: String,
}

impl Default for JournalFilter {
    /// Every entry.
    fn default() -> Self {
        Self {
            from: Timestamp::MIN,
            to: Timestamp::MAX,
            rules: Vec::new(),
            sites: Vec::new(),
            areas: Vec::new(),
            priorities: Vec::new(),
            kinds: Vec::new(),
            people: Vec::new(),
            text: String::new(),
        }
    }
}

/// A page of the journal: the newest entries first, by their time, then by their number.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalPage {
    /// Of which entries.
    pub filter: JournalFilter,
    /// Only what comes after the entry of this number: the last one of the page before.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

/// An entry with what its alarm was about when it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalRecord {
    /// The entry.
    pub entry: JournalEntry,
    /// How urgent; none where the rule was not known.
    pub priority: Option<Priority>,
    /// About what; none where that was not known.
    pub subject: Option<Subject>,
    /// On which site.
    pub site: Option<SiteId>,
    /// In which area.
    pub area: Option<AreaId>,
}

/// Chunks of records as they come. Dropped, it stops reading.
pub type Records = mpsc::Receiver<Result<Vec<JournalRecord>>>;

/// What a filter asks of an entry, but for the words: $1 tenant, $2 from, $3 to, $4 rules, $5 sites, $6 areas,
/// $7 people, $8 priorities, $9 kinds, $10 words. What is null is folded away: statements are planned for their values.
const ASKED: &str = "tenant = $1 and at >= $2 and at < $3 \
    and ($4::uuid[] is null or rule = any($4)) and ($5::uuid[] is null or site = any($5)) \
    and ($6::uuid[] is null or area = any($6)) and ($7::uuid[] is null or person = any($7)) \
    and ($8::smallint[] is null or priority = any($8)) and ($9::text[] is null or kind = any($9))";

/// $11 is the entry that the page comes after.
const BEFORE: &str =
    "($11::bigint is null or (at, seq) < ((select at from alarm_journal last where last.seq = $11), $11))";

impl JournalFilter {
    /// What an entry must be for it, in SQL.
    fn asked(&self) -> String {
        let words = (1..=self.words().len()).map(|number| format!(" and words like lower(($10::text[])[{number}])"));
        format!("{ASKED}{}", words.collect::<String>())
    }

    /// A page of it, in SQL: $12 is its length.
    ///
    /// No index finds several values of a column in the order of time. So for each value the newest entries are taken
    /// from the index of the column that leaves least, and of all these the newest; what else is asked is looked at on
    /// the way.
    fn page(&self) -> String {
        let asked = self.asked();
        let newest = "order by at desc, seq desc limit $12";
        let (values, is_one) = match self {
            _ if !self.rules.is_empty() => ("unnest($4::uuid[]) as one (rule)", "rule = one.rule"),
            _ if !self.people.is_empty() => ("unnest($7::uuid[]) as one (person)", "person = one.person"),
            _ if !self.sites.is_empty() => (
                "unnest($5::uuid[]) as one (site) \
                 cross join unnest(coalesce($8::smallint[], '{0, 1, 2, 3, 4}')) as each (priority)",
                "site = one.site and priority = each.priority",
            ),
            _ if !self.areas.is_empty() => (
                "unnest($6::uuid[]) as one (area) \
                 cross join unnest(coalesce($8::smallint[], '{0, 1, 2, 3, 4}')) as each (priority)",
                "area = one.area and priority = each.priority",
            ),
            // The planner chooses between the trigrams and the order of time.
            _ if !self.words().is_empty() => ("", ""),
            _ if !self.kinds.is_empty() => ("unnest($9::text[]) as one (kind)", "kind = one.kind"),
            _ if !self.priorities.is_empty() => ("unnest($8::smallint[]) as one (priority)", "priority = one.priority"),
            _ => ("", ""),
        };
        if values.is_empty() {
            return format!("select * from alarm_journal where {asked} and {BEFORE} {newest}");
        }
        format!(
            "select part.* from {values} cross join lateral (\
             select * from alarm_journal where {is_one} and {asked} and {BEFORE} {newest}) part {newest}"
        )
    }

    /// Patterns of the words that are looked for.
    fn words(&self) -> Vec<String> {
        let pattern = |word: &str| {
            let escaped: String = clean(word)
                .chars()
                .flat_map(|letter| matches!(letter, '%' | '_' | '\\').then_some('\\').into_iter().chain([letter]))
                .collect();
            format!("%{escaped}%")
        };
        self.text.split_whitespace().take(MOST_WORDS).map(pattern).collect()
    }

    /// `sql` with what it asks for bound as $1 to $10.
    fn bound(&self, tenant: TenantId, sql: String) -> Result<Query<'static, Postgres, PgArguments>> {
        let kinds = self.kinds.iter().map(|kind| word("kind of transition", kind)).collect::<Result<Vec<_>>>()?;
        Ok(sqlx::query(AssertSqlSafe(sql))
            // A plan for whatever values may be asked for would look at every entry.
            .persistent(false)
            .bind(tenant.0)
            .bind(At(self.from))
            .bind(At(self.to))
            .bind(distinct(self.rules.iter().map(|rule| rule.0)))
            .bind(distinct(self.sites.iter().map(|site| site.0)))
            .bind(distinct(self.areas.iter().map(|area| area.0)))
            .bind(distinct(self.people.iter().map(|person| person.0)))
            .bind(distinct(self.priorities.iter().map(|priority| i16::from(priority.digit()))))
            .bind(distinct(kinds.into_iter()))
            .bind(self.words()))
    }
}

/// Each of these once, or nothing in particular.
fn distinct<T: Ord>(values: impl Iterator<Item = T>) -> Option<Vec<T>> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.dedup();
    (!values.is_empty()).then_some(values)
}

impl Store {
    /// A page of the alarm journal.
    ///
    /// # Errors
    /// [`Unreadable`](crate::Error::Unreadable); those of the database.
    pub async fn journal(&self, tenant: TenantId, page: &JournalPage) -> Result<Vec<JournalRecord>> {
        let query = page.filter.bound(tenant, page.filter.page())?;
        let rows = query.bind(page.before.map(number)).bind(i64::from(page.limit)).fetch_all(&self.pool).await?;
        rows.iter().map(record_from).collect()
    }

    /// How many entries a filter asks for.
    ///
    /// # Errors
    /// [`Unreadable`](crate::Error::Unreadable) for a kind that has no word; those of the database.
    pub async fn count_journal(&self, tenant: TenantId, filter: &JournalFilter) -> Result<u64> {
        let all = format!("select count(*) from alarm_journal where {}", filter.asked());
        let count: i64 = filter.bound(tenant, all)?.fetch_one(&self.pool).await?.try_get(0)?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Every entry that a filter asks for, the oldest first.
    ///
    /// # Errors
    /// [`Unreadable`](crate::Error::Unreadable) for a kind that has no word; all else comes with the chunks.
    pub fn scan_journal(&self, tenant: TenantId, filter: &JournalFilter) -> Result<Records> {
        self.scan_journal_patiently(tenant, filter, Duration::MAX)
    }

    /// The same where no chunk may take the database longer than `patience`.
    pub(crate) fn scan_journal_patiently(
        &self,
        tenant: TenantId,
        filter: &JournalFilter,
        patience: Duration,
    ) -> Result<Records> {
        // Not the words that an entry is found by: they are longer than the rest of it.
        let columns = concat!(columns!(), ", priority, point, asset, site, area");
        let every = format!("select {columns} from alarm_journal where {} order by at, seq", filter.asked());
        Ok(stream(&self.pool, filter.bound(tenant, every)?, patience, record_from))
    }
}

/// A record from a row with all of an entry and the places beside it.
pub(super) fn record_from(row: &PgRow) -> Result<JournalRecord> {
    let digit: i16 = row.try_get("priority")?;
    let site = row.try_get::<Option<_>, _>("site")?.map(SiteId);
    let point = row.try_get::<Option<_>, _>("point")?.map(PointId);
    let asset = row.try_get::<Option<_>, _>("asset")?.map(AssetId);
    // A point has the equipment and the site it belongs to beside it, and equipment its site.
    let subject = point.map(Subject::Point).or(asset.map(Subject::Asset)).or(site.map(Subject::Site));
    Ok(JournalRecord {
        entry: entry_from(row)?,
        priority: Priority::ALL.into_iter().find(|priority| i16::from(priority.digit()) == digit),
        subject,
        site,
        area: row.try_get::<Option<_>, _>("area")?.map(AreaId),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_looked_for_as_they_are_written() {
        let check = |text: &str, expect: &[&str]| {
            let filter = JournalFilter { text: text.into(), ..JournalFilter::default() };
            assert_eq!(filter.words(), expect, "{text}");
        };
        check("", &[]);
        check("  LT-01\tTower ", &["%LT-01%", "%Tower%"]);
        check("100% a_b c\\d e\0", &["%100\\%%", "%a\\_b%", "%c\\\\d%", "%e\u{fffd}%"]);
        check("1 2 3 4 5 6 7 8 9", &["%1%", "%2%", "%3%", "%4%", "%5%", "%6%", "%7%", "%8%"]);
    }
}
