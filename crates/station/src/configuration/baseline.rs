//! Approvals of alarm rules: made of what differs from the last ones, stored with their audit. And notes of the work on
//! alarms that load. Must not know shells.

use std::collections::BTreeSet;

use penstock_alarm::{Approval, Baseline, BaselineError, Draft};
use penstock_api::{ApiError, Approved, Code, CureFinding};
use penstock_model::{AlarmRule, RuleId, UserId};
use penstock_store::{Approvals, AuditEntry, Work, WorkKind};

use super::store_error;
use crate::station::Shared;

/// Work on the chain that keeps a processor busy for a while, off the threads that answer.
///
/// # Errors
/// [`Code::Conflict`] where the chain is not whole; [`Code::Failed`] where a rule cannot be written.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BaselineError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| ApiError::new(Code::Failed, format!("the baseline came to no end: {error}")))?;
    done.map_err(|error| {
        let code = if error.approval().is_some() { Code::Conflict } else { Code::Failed };
        ApiError::new(code, error.to_string())
    })
}

impl Shared {
    /// Approves rules as they are: those that are meant of what is not as it was approved.
    pub(crate) async fn approve_rules(
        &self,
        meant: Approved,
        newest: u64,
        by: UserId,
        audit: AuditEntry,
    ) -> Result<Approval, ApiError> {
        let _one_at_a_time = self.turn().await?;
        let stored = self.store.approvals(self.tenant).await.map_err(store_error)?;
        if stored.head.0 != newest {
            let message =
                format!("approval {} was given meanwhile: look at what differs from it, then approve", stored.head.0);
            return Err(ApiError::new(Code::Conflict, message));
        }
        let rules: Vec<AlarmRule> = self.register.lock().rules.values().cloned().collect();
        let (at, reason) = (self.clock.now(), audit.reason.clone().unwrap_or_default().replace('\0', "\u{fffd}"));
        let approval = aside(move || {
            let Some(chosen) = chosen(&stored, rules, &meant)? else { return Ok(None) };
            let Chosen { mut baseline, rules, withdrawn } = chosen;
            let draft = Draft { at, by, reason: &reason, rules: &rules, withdrawn: &withdrawn };
            baseline.approve(draft).map(Some)
        });
        let nothing = || ApiError::invalid("these rules are as they were approved: there is nothing to approve");
        let approval = approval.await?.ok_or_else(nothing)?;
        let said = serde_json::json!({
            "approval": approval.number,
            "digest": approval.digest.to_string(),
            "approved": approval.settings.len(),
            "withdrawn": approval.withdrawn.len(),
        });
        let entries = [AuditEntry { new: Some(said), ..audit }];
        let outcome = self.store.append_approval(self.tenant, &approval, &entries).await;
        self.settled(outcome, &entries).await.map_err(store_error)?;
        Ok(approval)
    }

    /// Keeps what the search for a cure found beside its alarm.
    pub(crate) async fn note_finding(
        &self,
        finding: &CureFinding,
        by: Option<UserId>,
        audit: AuditEntry,
    ) -> Result<(), ApiError> {
        let text = serde_json::to_value(finding)
            .map_err(|error| ApiError::new(Code::Failed, format!("the finding cannot be written: {error}")))?;
        let (rule, at, kind) = (finding.rule, self.clock.now(), WorkKind::Found);
        self.note_work(Work { rule, at, by, kind, reason: None, finding: Some(text) }, audit).await
    }

    /// Notes what was done about an alarm that loads.
    pub(crate) async fn note_work(&self, work: Work, audit: AuditEntry) -> Result<(), ApiError> {
        let entries = [audit];
        let outcome = self.store.note_work(self.tenant, &work, &entries).await;
        self.settled(outcome, &entries).await.map_err(store_error)
    }
}

/// What is to be approved.
struct Chosen {
    baseline: Baseline,
    rules: Vec<AlarmRule>,
    withdrawn: Vec<RuleId>,
}

/// What is meant of what is not as it was approved; none where nothing is.
fn chosen(stored: &Approvals, mut rules: Vec<AlarmRule>, meant: &Approved) -> Result<Option<Chosen>, BaselineError> {
    let baseline = Baseline::read(&stored.chain, stored.head)?;
    let is_meant = |rule: &RuleId| match meant {
        Approved::All => true,
        Approved::These(these) => these.contains(rule),
    };
    let drift = baseline.drift(&rules)?;
    let mut drifted: BTreeSet<RuleId> = drift.into_iter().map(|drift| drift.rule).filter(is_meant).collect();
    if drifted.is_empty() {
        return Ok(None);
    }
    rules.retain(|rule| drifted.remove(&rule.id));
    Ok(Some(Chosen { baseline, rules, withdrawn: drifted.into_iter().collect() }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use penstock_model::{Condition, SiteId, Subject, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn rule(name: &str) -> AlarmRule {
        let site = Subject::Site(SiteId::derived(Uuid::nil(), name));
        AlarmRule::new(RuleId::derived(Uuid::nil(), name), site, Condition::Silence { after: Duration::from_secs(60) })
    }

    #[test]
    fn what_differs_is_approved_and_what_is_gone_is_withdrawn() {
        let mut baseline = Baseline::new();
        let approved = [rule("same"), rule("changed"), rule("gone")];
        let (at, by) = (Timestamp::from_secs(1), UserId(Uuid::nil()));
        let first =
            baseline.approve(Draft { at, by, reason: "first", rules: &approved, withdrawn: &[] }).expect("approved");
        let stored = Approvals { chain: vec![first], head: (1, baseline.head()) };
        let changed = AlarmRule { enabled: false, ..rule("changed") };
        let now = vec![rule("same"), changed.clone(), rule("new")];
        let told = |meant: Approved| {
            let chosen = chosen(&stored, now.clone(), &meant).expect("whole")?;
            let mut ids: Vec<RuleId> = chosen.rules.iter().map(|rule| rule.id).collect();
            ids.sort();
            Some((ids, chosen.withdrawn))
        };
        let mut both = vec![changed.id, rule("new").id];
        both.sort();
        assert_eq!(told(Approved::All), Some((both, vec![rule("gone").id])));
        assert_eq!(told(Approved::These(vec![changed.id])), Some((vec![changed.id], vec![])));
        assert_eq!(told(Approved::These(vec![rule("gone").id])), Some((vec![], vec![rule("gone").id])));
        assert_eq!(told(Approved::These(vec![rule("same").id])), None);
        let broken = Approvals { head: (2, baseline.head()), ..stored.clone() };
        assert!(chosen(&broken, now.clone(), &Approved::All).is_err());
    }
}
