//! Alarms: what is known of one, the journal, and what people do to them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use penstock_api::{
    AcknowledgeAlarms, ActReport, AlarmDetail, ApiError, CommentAlarm, DatabaseState, Done, Export, ExportJournal,
    JournalRow, JournalRows, ListJournal, ResetAlarms, ReturnToService, ShelveAlarms, TakeOutOfService, UnshelveAlarms,
};
use penstock_model::{Permission, RuleId, TransitionKind, UserId};
use penstock_store::{JournalFilter, JournalPage, JournalRecord};

use super::{Context, DONE};
use crate::configuration::store_error;
use crate::exports::{Content, Prepared};
use crate::journal;
use crate::pipeline::{Act, Order, Refusal};

/// Journal entries shown with an alarm.
const SHOWN: u32 = 20;
const MONTH: Duration = Duration::from_secs(30 * 24 * 3_600);
/// How long the database is waited for to say who somebody is.
const NAMES: Duration = Duration::from_secs(2);
/// Alarms that one call may act on at most.
const MAX_AT_ONCE: usize = 5_000;
/// How long an operator may shelve an alarm that has no limit of its own: one shift.
pub(super) const OPERATORS_SHELF: Duration = Duration::from_secs(8 * 3_600);
const LONGEST_SHELF: Duration = Duration::from_secs(30 * 24 * 3_600);

impl Context<'_> {
    pub(super) async fn alarm(&self, rule: RuleId) -> Result<AlarmDetail, ApiError> {
        let shared = self.shared;
        let found = journal::rule_of(&shared.register, &shared.screens, rule).await?;
        let state = shared.ask(|reply| Order::State { rule, reply }).await?;
        let now = shared.clock.now();
        let to = now + Duration::from_secs(60);
        let filter = JournalFilter { rules: vec![rule], from: now - MONTH, to, ..JournalFilter::default() };
        let raises = JournalFilter { kinds: vec![TransitionKind::Raised], ..filter.clone() };
        let raised = shared.screens.count_journal(&raises).await.map_err(store_error)?;
        let page = JournalPage { filter, before: None, limit: SHOWN };
        let shown = shared.screens.journal(&page).await.map_err(store_error)?;
        Ok(AlarmDetail {
            rule: found,
            state,
            journal: self.rows(shown).await?,
            raised_30_days: u32::try_from(raised).unwrap_or(u32::MAX),
        })
    }

    pub(super) async fn journal(&self, call: ListJournal) -> Result<JournalRows, ApiError> {
        let limit = call.limit.clamp(1, 10_000);
        // One more than asked for tells whether there is a page below.
        let page = JournalPage { filter: journal::filter_of(call.filter)?, before: call.before, limit: limit + 1 };
        let mut records = self.shared.screens.journal(&page).await.map_err(store_error)?;
        let has_more = records.len() > limit as usize;
        records.truncate(limit as usize);
        let next = records.last().map(|record| record.entry.seq).filter(|_| has_more);
        Ok(JournalRows { rows: self.rows(records).await?, next })
    }

    pub(super) fn export_journal(&self, call: ExportJournal) -> Result<Export, ApiError> {
        let content = Content::Journal(Box::new(journal::filter_of(call.filter)?));
        let day = self.shared.clock.now().to_string().chars().take(10).collect::<String>();
        let file_name = format!("journal-{day}.csv");
        let prepared = Prepared { file_name: file_name.clone(), content };
        Ok(Export { ticket: self.shared.exports.put(prepared), file_name })
    }

    pub(super) async fn acknowledge(&self, call: AcknowledgeAlarms) -> Result<ActReport, ApiError> {
        self.act(Act::Acknowledge { comment: optional(call.comment)? }, call.alarms).await
    }

    pub(super) async fn comment(&self, call: CommentAlarm) -> Result<Done, ApiError> {
        let act = Act::Comment { comment: checked_comment(&call.comment)? };
        let report = self.act(act, vec![(call.rule, call.occurrence)]).await?;
        match report.refused.into_iter().next() {
            Some((_, refusal)) => Err(ApiError::invalid(refusal.message)),
            None => Ok(DONE),
        }
    }

    pub(super) async fn reset(&self, call: ResetAlarms) -> Result<ActReport, ApiError> {
        self.act(Act::Reset { comment: optional(call.comment)? }, whole(call.alarms)).await
    }

    /// Shelves within the limits of the one who asks: what their roles do not let them is refused alarm by alarm.
    pub(super) async fn shelve(&self, call: ShelveAlarms) -> Result<ActReport, ApiError> {
        let lasting = Duration::from_secs(u64::from(call.minutes) * 60);
        if lasting.is_zero() || lasting > LONGEST_SHELF {
            return Err(ApiError::invalid("shelve for 1 minute to 30 days; for longer, take the alarm out of service"));
        }
        let reason = demanded(&call.reason)?;
        let is_limited = !self.holder()?.permissions.allow(Permission::SuppressAlarms);
        let within = is_limited.then_some(OPERATORS_SHELF);
        let act = Act::Shelve { lasting, one_shot: call.one_shot, reason, within };
        self.act(act, whole(call.alarms)).await
    }

    pub(super) async fn unshelve(&self, call: UnshelveAlarms) -> Result<ActReport, ApiError> {
        self.act(Act::Unshelve { comment: optional(call.comment)? }, whole(call.alarms)).await
    }

    pub(super) async fn take_out_of_service(&self, call: TakeOutOfService) -> Result<ActReport, ApiError> {
        self.act(Act::TakeOutOfService { reason: demanded(&call.reason)? }, whole(call.alarms)).await
    }

    pub(super) async fn return_to_service(&self, call: ReturnToService) -> Result<ActReport, ApiError> {
        self.act(Act::ReturnToService { reason: demanded(&call.reason)? }, whole(call.alarms)).await
    }

    async fn act(&self, act: Act, alarms: Vec<(RuleId, u64)>) -> Result<ActReport, ApiError> {
        if alarms.is_empty() || alarms.len() > MAX_AT_ONCE {
            return Err(ApiError::invalid(format!("name 1 to {MAX_AT_ONCE} alarms")));
        }
        let (by, audit) = (self.holder()?.person.id, self.audit("alarm"));
        let results = self.shared.ask(|reply| Order::Act { act, alarms, by, audit, reply }).await?;
        let first: BTreeSet<UserId> =
            results.iter().filter_map(|(_, result)| result.as_ref().err().and_then(Refusal::first)).collect();
        let names = self.names_of(first).await;
        let mut report = ActReport::default();
        for (rule, result) in results {
            match result {
                Ok(()) => report.done.push(rule),
                Err(refusal) => report.refused.push((rule, refusal.told(&names))),
            }
        }
        Ok(report)
    }

    /// What these people are called. Whoever is signed in is known without the database, which is asked for the others
    /// and not waited for: alarms are answered while it is away, too.
    async fn names_of(&self, people: BTreeSet<UserId>) -> BTreeMap<UserId, String> {
        let mut names = self.shared.sessions.names_of(&people);
        if names.len() < people.len()
            && matches!(self.shared.database.state(), DatabaseState::Up { .. })
            && let Ok(Ok(stored)) = tokio::time::timeout(NAMES, self.shared.screens.names()).await
        {
            names.extend(stored.into_iter().filter(|(id, _)| people.contains(id)));
        }
        names
    }

    async fn rows(&self, records: Vec<JournalRecord>) -> Result<Vec<JournalRow>, ApiError> {
        journal::rows(&self.shared.register, &self.shared.screens, records).await
    }
}

fn checked_comment(text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    if text.chars().count() > 2_000 {
        return Err(ApiError::invalid("a comment has at most 2,000 characters: shorten it"));
    }
    Ok(text.to_owned())
}

/// A comment that may be left out.
fn optional(text: Option<String>) -> Result<Option<String>, ApiError> {
    Ok(text.map(|text| checked_comment(&text)).transpose()?.filter(|text| !text.is_empty()))
}

/// A reason that may not.
pub(super) fn demanded(text: &str) -> Result<String, ApiError> {
    match checked_comment(text)? {
        reason if reason.is_empty() => Err(ApiError::invalid("a reason is needed: say why")),
        reason => Ok(reason),
    }
}

/// Alarms for an act that is about no one occurrence.
fn whole(alarms: Vec<RuleId>) -> Vec<(RuleId, u64)> {
    alarms.into_iter().map(|rule| (rule, 0)).collect()
}
