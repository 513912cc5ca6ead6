//! Alarms: what is known of one, the journal, acknowledging and commenting.

use std::collections::BTreeMap;
use std::time::Duration;

use penstock_api::{
    AcknowledgeAlarms, AcknowledgeReport, AlarmDetail, ApiError, Code, CommentAlarm, Done, JournalRow, ListJournal,
};
use penstock_model::{RuleId, TransitionKind};
use penstock_store::{JournalEntry, JournalFilter, JournalPage};

use super::{Context, DONE};
use crate::configuration::store_error;
use crate::pipeline::Order;

/// Journal entries shown with an alarm.
const SHOWN: u32 = 20;
const MONTH: Duration = Duration::from_secs(30 * 24 * 3_600);
/// Alarms acknowledged by one call at most.
const MAX_AT_ONCE: usize = 5_000;

impl Context<'_> {
    pub(super) async fn alarm(&self, rule: RuleId) -> Result<AlarmDetail, ApiError> {
        let shared = self.shared;
        let found = shared.register.lock().rules.get(&rule).cloned();
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

    pub(super) async fn acknowledge(&self, call: AcknowledgeAlarms) -> Result<AcknowledgeReport, ApiError> {
        if call.alarms.is_empty() || call.alarms.len() > MAX_AT_ONCE {
            return Err(ApiError::invalid(format!("name 1 to {MAX_AT_ONCE} alarms")));
        }
        let comment = call.comment.map(|text| checked_comment(&text)).transpose()?.filter(|text| !text.is_empty());
        let (by, audit) = (self.holder()?.person.id, self.audit("alarm"));
        let alarms = call.alarms;
        let results = self.shared.ask(|reply| Order::Acknowledge { alarms, comment, by, audit, reply }).await?;
        let mut report = AcknowledgeReport::default();
        for (rule, result) in results {
            match result {
                Ok(()) => report.acknowledged.push(rule),
                Err(problem) => report.refused.push((rule, problem)),
            }
        }
        Ok(report)
    }

    pub(super) async fn comment(&self, call: CommentAlarm) -> Result<Done, ApiError> {
        let comment = checked_comment(&call.comment)?;
        let (by, audit) = (self.holder()?.person.id, self.audit("alarm"));
        let CommentAlarm { rule, occurrence, .. } = call;
        let done = self.shared.ask(|reply| Order::Comment { rule, occurrence, comment, by, audit, reply }).await?;
        done.map(|()| DONE).map_err(ApiError::invalid)
    }

    /// Entries with the names and rules that a list shows.
    async fn rows(&self, entries: Vec<JournalEntry>) -> Result<Vec<JournalRow>, ApiError> {
        let names = match entries.iter().any(|entry| entry.transition.by.is_some()) {
            true => self.shared.screens.names().await.map_err(store_error)?,
            false => BTreeMap::new(),
        };
        let register = self.shared.register.lock();
        let row = |entry: JournalEntry| {
            let rule = register.rules.get(&entry.transition.rule)?;
            Some(JournalRow {
                by: entry.transition.by.and_then(|by| names.get(&by).cloned()),
                subject: rule.subject,
                condition: rule.condition,
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
