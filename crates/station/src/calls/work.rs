//! The work on alarms that load: cures that were found, applied or turned down. A cure is applied as it was proven: what
//! is saved is what the station found, never what a screen sends.

use std::collections::BTreeMap;
use std::sync::Arc;

use penstock_api::{
    ApiError, ApplyCure, Code, CureFinding, CureOutcome, DismissWork, Done, ReopenWork, RulesReport, WorkRow,
    WorkStatus,
};
use penstock_model::{AlarmRule, RuleId, UserId};
use penstock_store::{AuditEntry, Work, WorkKind};

use super::alarms::demanded;
use super::points::to_its_end;
use super::{Context, DONE};
use crate::configuration::store_error;

impl Context<'_> {
    pub(super) async fn work(&self) -> Result<Vec<WorkRow>, ApiError> {
        let noted = self.shared.screens.work().await.map_err(store_error)?;
        let names = self.shared.screens.names().await.map_err(store_error)?;
        let register = self.shared.register.lock();
        Ok(rows(noted, &register.rules, &names))
    }

    /// Keeps what the search for a cure found beside the alarm.
    pub(super) async fn note_finding(&self, finding: &CureFinding) -> Result<(), ApiError> {
        let by = self.holder()?.person.id;
        let audit = self.audit(format!("work on alarm {}", finding.rule));
        self.shared.note_finding(finding, Some(by), audit).await
    }

    pub(super) async fn apply_cure(&self, call: ApplyCure) -> Result<RulesReport, ApiError> {
        let reason = demanded(&call.reason)?;
        let noted = self.shared.screens.work().await.map_err(store_error)?;
        let own: Vec<&Work> = noted.iter().filter(|work| work.rule == call.rule).collect();
        let present = self.shared.register.lock().rules.get(&call.rule).cloned();
        let cured = offered(newest_finding(own.iter().copied()), present.as_ref())?;
        let audit = AuditEntry { reason: Some(reason.clone()), ..self.audit("rules") };
        let (work, of_work) = self.note(call.rule, WorkKind::Applied, Some(reason))?;
        let shared = Arc::clone(self.shared);
        let change = async move {
            let report = shared.save_rules(vec![cured], audit, false).await?;
            if report.faults.is_empty()
                && let Err(error) = shared.note_work(work, of_work).await
            {
                // The rule is saved: whoever applied it must not be told otherwise.
                tracing::warn!(error = error.message, "that a cure was applied could not be noted");
            }
            Ok(report)
        };
        to_its_end(self.shared, change).await
    }

    pub(super) async fn dismiss_work(&self, call: DismissWork) -> Result<Done, ApiError> {
        self.decide(call.rule, WorkKind::Dismissed, &call.reason).await
    }

    pub(super) async fn reopen_work(&self, call: ReopenWork) -> Result<Done, ApiError> {
        self.decide(call.rule, WorkKind::Reopened, &call.reason).await
    }

    async fn decide(&self, rule: RuleId, kind: WorkKind, reason: &str) -> Result<Done, ApiError> {
        if !self.shared.register.lock().rules.contains_key(&rule) {
            return Err(no_rule());
        }
        let (work, audit) = self.note(rule, kind, Some(demanded(reason)?))?;
        let shared = Arc::clone(self.shared);
        to_its_end(self.shared, async move { shared.note_work(work, audit).await }).await?;
        Ok(DONE)
    }

    /// A note by the one who makes the call, with its audit entry.
    fn note(&self, rule: RuleId, kind: WorkKind, reason: Option<String>) -> Result<(Work, AuditEntry), ApiError> {
        let by = self.holder()?.person.id;
        let audit = AuditEntry { reason: reason.clone(), ..self.audit(format!("work on alarm {rule}")) };
        Ok((Work { rule, at: self.shared.clock.now(), by: Some(by), kind, reason, finding: None }, audit))
    }
}

fn no_rule() -> ApiError {
    ApiError::new(Code::NotFound, "there is no such rule: load the list again")
}

/// What the last search for a cure found; notes are in the order they were made.
fn newest_finding<'w>(notes: impl DoubleEndedIterator<Item = &'w Work>) -> Option<CureFinding> {
    let found = notes.rev().find(|work| work.kind == WorkKind::Found)?;
    // One of another version that cannot be read is looked for anew.
    serde_json::from_value(found.finding.clone()?).ok()
}

/// The rule with the cure that is offered for it as it is.
fn offered(finding: Option<CureFinding>, present: Option<&AlarmRule>) -> Result<AlarmRule, ApiError> {
    let present = present.ok_or_else(no_rule)?;
    let stale = || ApiError::new(Code::Conflict, "no cure was tried on this rule as it is now: look for one first");
    match finding.filter(|finding| finding.version == present.version).ok_or_else(stale)?.outcome {
        CureOutcome::Offered(proposal) => Ok(proposal.rule),
        CureOutcome::NotOffered(_) => {
            Err(ApiError::invalid("history proves no cure for this rule: change it in its form, or dismiss it"))
        }
    }
}

/// The rows of a list, by rule; notes are in the order they were made.
fn rows(noted: Vec<Work>, rules: &BTreeMap<RuleId, AlarmRule>, names: &BTreeMap<UserId, String>) -> Vec<WorkRow> {
    let mut by_rule: BTreeMap<RuleId, Vec<Work>> = BTreeMap::new();
    for work in noted {
        by_rule.entry(work.rule).or_default().push(work);
    }
    let row = |mut notes: Vec<Work>| {
        let finding = newest_finding(notes.iter());
        let newest = notes.pop()?;
        let version = rules.get(&newest.rule).map(|rule| rule.version);
        let is_current = finding.as_ref().is_some_and(|finding| Some(finding.version) == version);
        let is_offered = finding.as_ref().is_some_and(|found| matches!(found.outcome, CureOutcome::Offered(_)));
        let status = match newest.kind {
            WorkKind::Applied => WorkStatus::Applied,
            WorkKind::Dismissed => WorkStatus::Dismissed,
            WorkKind::Found | WorkKind::Reopened if is_current && is_offered => WorkStatus::Proposed,
            WorkKind::Found | WorkKind::Reopened => WorkStatus::Open,
        };
        Some(WorkRow {
            rule: newest.rule,
            status,
            at: newest.at,
            by: newest.by.and_then(|by| names.get(&by).cloned()),
            reason: newest.reason,
            finding: finding.filter(|_| is_current || status == WorkStatus::Applied),
        })
    };
    by_rule.into_values().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use penstock_api::{CureChange, CureObstacle, CureProposal, NoCure, TrialFigures};
    use penstock_model::{Condition, SiteId, Subject, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn rule(version: u32) -> AlarmRule {
        let site = Subject::Site(SiteId(Uuid::nil()));
        let silence = Condition::Silence { after: Duration::from_secs(60) };
        AlarmRule { version, ..AlarmRule::new(RuleId(Uuid::nil()), site, silence) }
    }

    fn finding(version: u32, is_offered: bool) -> CureFinding {
        let to = Duration::from_secs(30);
        let proposal = CureProposal {
            rule: AlarmRule { on_delay: to, ..rule(version) },
            change: CureChange::OnDelay { was: Duration::ZERO, to },
            before: TrialFigures::default(),
            after: TrialFigures::default(),
            nuisance_before: 10,
            nuisance_after: 1,
            kept: 2,
            tried: 3,
        };
        let none = NoCure { nuisance: 9, to_keep: 1, tried: 12, why: CureObstacle::LosesActedOn(1) };
        CureFinding {
            rule: rule(version).id,
            version,
            from: Timestamp::from_secs(0),
            to: Timestamp::from_secs(60),
            is_cut: false,
            samples: 60,
            outcome: match is_offered {
                true => CureOutcome::Offered(Box::new(proposal)),
                false => CureOutcome::NotOffered(none),
            },
        }
    }

    fn note(kind: WorkKind, finding: Option<CureFinding>) -> Work {
        let finding = finding.map(|finding| serde_json::to_value(finding).expect("plain"));
        let at = Timestamp::from_secs(1);
        Work { rule: rule(1).id, at, by: None, kind, reason: None, finding }
    }

    #[test]
    fn a_row_says_how_far_the_work_has_come() {
        use WorkKind::{Applied, Dismissed, Found, Reopened};
        let check = |notes: Vec<Work>, version: u32, status: WorkStatus, has_finding: bool| {
            let rules = BTreeMap::from([(rule(1).id, rule(version))]);
            let rows = rows(notes, &rules, &BTreeMap::new());
            let told: Vec<_> = rows.iter().map(|row| (row.status, row.finding.is_some())).collect();
            assert_eq!(told, [(status, has_finding)]);
        };
        let found = |is_offered: bool| note(Found, Some(finding(1, is_offered)));
        check(vec![found(true)], 1, WorkStatus::Proposed, true);
        check(vec![found(false)], 1, WorkStatus::Open, true);
        // Somebody changed the rule since: what was proven is not proven of it.
        check(vec![found(true)], 2, WorkStatus::Open, false);
        check(vec![found(true), note(Applied, None)], 2, WorkStatus::Applied, true);
        check(vec![found(true), note(Dismissed, None)], 1, WorkStatus::Dismissed, true);
        check(vec![note(Dismissed, None), found(true)], 1, WorkStatus::Proposed, true);
        check(vec![found(true), note(Reopened, None)], 1, WorkStatus::Proposed, true);
        check(vec![note(Reopened, None)], 1, WorkStatus::Open, false);
        let unreadable = Work { finding: Some(serde_json::json!({ "rule": 7 })), ..note(Found, None) };
        check(vec![unreadable], 1, WorkStatus::Open, false);
    }

    #[test]
    fn only_what_is_proven_of_the_rule_as_it_is_can_be_applied() {
        let code = |finding: Option<CureFinding>, present: Option<&AlarmRule>| {
            offered(finding, present).map(|rule| rule.on_delay).map_err(|error| error.code)
        };
        assert_eq!(code(Some(finding(1, true)), Some(&rule(1))), Ok(Duration::from_secs(30)));
        assert_eq!(code(Some(finding(1, true)), Some(&rule(2))), Err(Code::Conflict));
        assert_eq!(code(None, Some(&rule(1))), Err(Code::Conflict));
        assert_eq!(code(Some(finding(1, false)), Some(&rule(1))), Err(Code::Invalid));
        assert_eq!(code(Some(finding(1, true)), None), Err(Code::NotFound));
    }
}
