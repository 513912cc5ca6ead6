//! Alarms: what is known of one, the journal, and what people do to them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use penstock_api::{
    AcknowledgeAlarms, ActReport, AlarmDetail, ApiError, Code, CommentAlarm, Done, JournalRow, ListJournal,
    ResetAlarms, ReturnToService, ShelveAlarms, TakeOutOfService, UnshelveAlarms,
};
use penstock_model::{AlarmRule, Permission, RuleId, TransitionKind};
use penstock_store::{JournalEntry, JournalFilter, JournalPage};

use super::{Context, DONE};
use crate::configuration::store_error;
use crate::pipeline::{Act, Order};

/// Journal entries shown with an alarm.
const SHOWN: u32 = 20;
const MONTH: Duration = Duration::from_secs(30 * 24 * 3_600);
/// Alarms that one call may act on at most.
const MAX_AT_ONCE: usize = 5_000;
/// How long an operator may shelve an alarm that has no limit of its own: one shift.
const OPERATORS_SHELF: Duration = Duration::from_secs(8 * 3_600);
const LONGEST_SHELF: Duration = Duration::from_secs(30 * 24 * 3_600);

impl Context<'_> {
    pub(super) async fn alarm(&self, rule: RuleId) -> Result<AlarmDetail, ApiError> {
        let shared = self.shared;
        let found = self.rules_of(BTreeSet::from([rule])).await?.remove(&rule);
        let found =
            found.ok_or_else(|| ApiError::new(Code::NotFound, "there is no such alarm: load the list again"))?;
        let state = shared.ask(|reply| Order::State { rule, reply }).await?;
        let now = shared.clock.now();
        let to = now + Duration::from_secs(60);
        let filter = JournalFilter { rules: vec![rule], from: now - MONTH, to, ..JournalFilter::default() };
        let page = JournalPage { filter, before: None, limit: 10_000 };
        let records = shared.screens.journal(&page).await.map_err(store_error)?;
        let entries: Vec<JournalEntry> = records.into_iter().map(|record| record.entry).collect();
        let raised = entries.iter().filter(|entry| entry.transition.kind == TransitionKind::Raised).count();
        let shown = entries.into_iter().take(SHOWN as usize).collect();
        Ok(AlarmDetail {
            rule: found,
            state,
            journal: self.rows(shown).await?,
            raised_30_days: u32::try_from(raised).unwrap_or(u32::MAX),
        })
    }

    pub(super) async fn journal(&self, call: ListJournal) -> Result<Vec<JournalRow>, ApiError> {
        let rules = call.rule.into_iter().collect();
        let filter = JournalFilter { rules, from: call.from, to: call.to, ..JournalFilter::default() };
        let page = JournalPage { filter, before: None, limit: call.limit.clamp(1, 10_000) };
        let records = self.shared.screens.journal(&page).await.map_err(store_error)?;
        self.rows(records.into_iter().map(|record| record.entry).collect()).await
    }

    pub(super) async fn acknowledge(&self, call: AcknowledgeAlarms) -> Result<ActReport, ApiError> {
        self.act(Act::Acknowledge { comment: optional(call.comment)? }, call.alarms).await
    }

    pub(super) async fn comment(&self, call: CommentAlarm) -> Result<Done, ApiError> {
        let act = Act::Comment { comment: checked_comment(&call.comment)? };
        let report = self.act(act, vec![(call.rule, call.occurrence)]).await?;
        match report.refused.into_iter().next() {
            Some((_, problem)) => Err(ApiError::invalid(problem)),
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
        let mut refused = Vec::new();
        let mut alarms = call.alarms;
        if !self.holder()?.permissions.allow(Permission::SuppressAlarms) {
            let register = self.shared.register.lock();
            alarms.retain(|rule| {
                let own = register.rules.get(rule).and_then(|rule| rule.longest_shelf);
                let longest = own.unwrap_or(OPERATORS_SHELF);
                if lasting > longest {
                    let minutes = longest.as_secs() / 60;
                    let problem =
                        format!("you may shelve it for {minutes} minutes at most: ask a supervisor for longer");
                    refused.push((*rule, problem));
                }
                lasting <= longest
            });
        }
        let act = Act::Shelve { lasting, one_shot: call.one_shot, reason };
        let mut report = match alarms.is_empty() && !refused.is_empty() {
            true => ActReport::default(),
            false => self.act(act, whole(alarms)).await?,
        };
        report.refused.extend(refused);
        Ok(report)
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
        let mut report = ActReport::default();
        for (rule, result) in results {
            match result {
                Ok(()) => report.done.push(rule),
                Err(problem) => report.refused.push((rule, problem)),
            }
        }
        Ok(report)
    }

    /// Rules as they are, or as they were before they were removed: their alarms stay in the journal.
    async fn rules_of(&self, asked: BTreeSet<RuleId>) -> Result<BTreeMap<RuleId, AlarmRule>, ApiError> {
        let mut rules: BTreeMap<RuleId, AlarmRule> = {
            let register = self.shared.register.lock();
            asked.iter().filter_map(|rule| Some((*rule, register.rules.get(rule)?.clone()))).collect()
        };
        let gone: Vec<RuleId> = asked.into_iter().filter(|rule| !rules.contains_key(rule)).collect();
        if !gone.is_empty() {
            let last = self.shared.screens.last_rules(&gone).await.map_err(store_error)?;
            rules.extend(last.into_iter().map(|rule| (rule.id, rule)));
        }
        Ok(rules)
    }

    /// Entries with the names and rules that a list shows.
    async fn rows(&self, entries: Vec<JournalEntry>) -> Result<Vec<JournalRow>, ApiError> {
        let names = match entries.iter().any(|entry| entry.transition.by.is_some()) {
            true => self.shared.screens.names().await.map_err(store_error)?,
            false => BTreeMap::new(),
        };
        let rules = self.rules_of(entries.iter().map(|entry| entry.transition.rule).collect()).await?;
        let row = |entry: JournalEntry| {
            let rule = rules.get(&entry.transition.rule)?;
            Some(JournalRow {
                by: entry.transition.by.and_then(|by| names.get(&by).cloned()),
                subject: rule.subject,
                condition: rule.condition.clone(),
                priority: rule.priority,
                transition: entry.transition,
            })
        };
        Ok(entries.into_iter().filter_map(row).collect())
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
