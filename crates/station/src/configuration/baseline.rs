//! Approvals of alarm rules: made of what differs from the last ones, as it was seen, and stored with their audit. And
//! notes of the work on alarms that load. Must not know shells.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use penstock_alarm::{Approval, Baseline, BaselineError, Digest, Draft};
use penstock_api::{ApiError, Code, CureFinding};
use penstock_model::{AlarmRule, RuleId, UserId};
use penstock_store::{Approvals, AuditEntry, Work, WorkKind};

use super::store_error;
use crate::journal;
use crate::register::Inner;
use crate::station::Shared;

/// Rules approved by one call at most.
const MAX_RULES: usize = 1_000_000;
/// Rules that a refusal names at most.
const MOST_NAMED: usize = 5;

/// The baseline as it was read last, for what is asked again and again.
#[derive(Debug, Default)]
pub(crate) struct KnownBaseline(Mutex<Option<Arc<Baseline>>>);

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

impl KnownBaseline {
    /// It, where the chain still ends with `head`.
    fn at(&self, head: (u64, Digest)) -> Option<Arc<Baseline>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|known| (known.newest(), known.head()) == head).cloned()
    }

    fn keep(&self, read: Option<Arc<Baseline>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = read;
    }
}

impl Shared {
    /// All rules as they were approved last; none where the chain of approvals is not whole. Approvals are read only
    /// where another one was given since the last time.
    pub(crate) async fn known_baseline(&self) -> Result<Option<Arc<Baseline>>, ApiError> {
        let head = self.screens.approvals_head().await.map_err(store_error)?;
        if let Some(known) = self.baseline.at(head) {
            return Ok(Some(known));
        }
        let stored = self.screens.approvals().await.map_err(store_error)?;
        let read = aside(move || Ok(Baseline::read(&stored.chain, stored.head).ok().map(Arc::new))).await?;
        self.baseline.keep(read.clone());
        Ok(read)
    }

    /// Approves rules as they were seen, each with its version then, none where it was gone: those of them that are not
    /// as they were approved.
    ///
    /// # Errors
    /// [`Code::Invalid`] where there is nothing to approve, or too much at once; [`Code::Conflict`] where rules were
    /// changed since, naming them, where another approval was given since, and where the chain is not whole.
    pub(crate) async fn approve_rules(
        &self,
        seen: Vec<(RuleId, Option<u32>)>,
        newest: u64,
        by: UserId,
        audit: AuditEntry,
    ) -> Result<Approval, ApiError> {
        if seen.len() > MAX_RULES {
            return Err(ApiError::invalid(format!("at most {MAX_RULES} rules at once: approve them in parts")));
        }
        let _one_at_a_time = self.turn().await?;
        let audited = self.store.audited_approval(self.tenant).await.map_err(store_error)?;
        let stored = self.store.approvals(self.tenant).await.map_err(store_error)?;
        if stored.head.0 != newest {
            let message =
                format!("approval {} was given meanwhile: look at what differs from it, then approve", stored.head.0);
            return Err(ApiError::new(Code::Conflict, message));
        }
        let rules: Vec<AlarmRule> = {
            let register = self.register.lock();
            let changed = changed_since(&seen, &register.rules);
            if !changed.is_empty() {
                return Err(changed_meanwhile(&register, &changed));
            }
            register.rules.values().cloned().collect()
        };
        let meant: BTreeSet<RuleId> = seen.iter().map(|(rule, _)| *rule).collect();
        let (at, reason) = (self.clock.now(), audit.reason.clone().unwrap_or_default().replace('\0', "\u{fffd}"));
        let approval = aside(move || {
            if let Some(audited) = audited {
                Baseline::hold_against(&stored.chain, audited)?;
            }
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
        let outcome = self.store.append_approval(self.tenant, &approval, &seen, &entries).await;
        self.settled(outcome, &entries).await.map_err(|error| match error {
            penstock_store::Error::RulesChanged { rules } => changed_meanwhile(&self.register.lock(), &rules),
            other => store_error(other),
        })?;
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

/// Which of these rules are not of the version that was seen; one that was gone is changed where it is there again.
fn changed_since(seen: &[(RuleId, Option<u32>)], rules: &BTreeMap<RuleId, AlarmRule>) -> Vec<RuleId> {
    let version = |rule: &RuleId| rules.get(rule).map(|rule| rule.version);
    seen.iter().filter(|(rule, seen)| version(rule) != *seen).map(|(rule, _)| *rule).collect()
}

/// The refusal that names what was changed since it was seen.
fn changed_meanwhile(register: &Inner, changed: &[RuleId]) -> ApiError {
    let name = |rule: &RuleId| match register.rules.get(rule) {
        Some(rule) => journal::called(register, &rule.name, rule.subject, &rule.condition),
        None => format!("rule {rule}, which is gone"),
    };
    let named = changed.iter().take(MOST_NAMED).map(name).collect::<Vec<_>>().join(", ");
    let more = match changed.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!("changed since it was looked at: {named}{more}; look at it again, then approve");
    ApiError::new(Code::Conflict, message)
}

/// What is to be approved.
struct Chosen {
    baseline: Baseline,
    rules: Vec<AlarmRule>,
    withdrawn: Vec<RuleId>,
}

/// What is meant of what is not as it was approved; none where nothing is.
fn chosen(
    stored: &Approvals,
    mut rules: Vec<AlarmRule>,
    meant: &BTreeSet<RuleId>,
) -> Result<Option<Chosen>, BaselineError> {
    let baseline = Baseline::read(&stored.chain, stored.head)?;
    let drifted = baseline.drift(&rules)?.into_iter().map(|drift| drift.rule);
    let mut drifted: BTreeSet<RuleId> = drifted.filter(|rule| meant.contains(rule)).collect();
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
        let told = |meant: &[RuleId]| {
            let meant = meant.iter().copied().collect();
            let chosen = chosen(&stored, now.clone(), &meant).expect("whole")?;
            let mut ids: Vec<RuleId> = chosen.rules.iter().map(|rule| rule.id).collect();
            ids.sort();
            Some((ids, chosen.withdrawn))
        };
        let mut both = vec![changed.id, rule("new").id];
        both.sort();
        let all = ["same", "changed", "gone", "new"].map(|name| rule(name).id);
        assert_eq!(told(&all), Some((both, vec![rule("gone").id])));
        assert_eq!(told(&[changed.id]), Some((vec![changed.id], vec![])));
        assert_eq!(told(&[rule("gone").id]), Some((vec![], vec![rule("gone").id])));
        assert_eq!(told(&[rule("same").id]), None);
        let broken = Approvals { head: (2, baseline.head()), ..stored.clone() };
        assert!(chosen(&broken, now.clone(), &BTreeSet::from(all)).is_err());
    }

    #[test]
    fn what_was_changed_since_it_was_seen_is_found() {
        let there = [rule("same"), AlarmRule { version: 2, ..rule("changed") }, rule("again")];
        let rules: BTreeMap<RuleId, AlarmRule> = there.into_iter().map(|rule| (rule.id, rule)).collect();
        let seen = |name: &str, version: Option<u32>| (rule(name).id, version);
        let check = |seen: (RuleId, Option<u32>), expect: bool| {
            assert_eq!(!changed_since(&[seen], &rules).is_empty(), expect, "{seen:?}");
        };
        check(seen("same", Some(1)), false);
        check(seen("gone", None), false);
        check(seen("changed", Some(1)), true);
        check(seen("gone", Some(1)), true);
        check(seen("again", None), true);
    }

    #[test]
    fn a_baseline_is_known_until_another_approval_is_given() {
        let known = KnownBaseline::default();
        let mut baseline = Baseline::new();
        assert!(known.at((0, baseline.head())).is_none(), "it was never read");
        known.keep(Some(Arc::new(baseline.clone())));
        assert!(known.at((0, baseline.head())).is_some());
        let (at, by) = (Timestamp::from_secs(1), UserId(Uuid::nil()));
        baseline.approve(Draft { at, by, reason: "x", rules: &[rule("a")], withdrawn: &[] }).expect("approved");
        assert!(known.at((1, baseline.head())).is_none(), "another one was given");
        known.keep(None);
        assert!(known.at((0, Baseline::new().head())).is_none());
    }
}
